"""The format of scenarios as a JSON Schema (draft 2020-12), for editors and for programs that write scenarios.

It says of each key what it means and what it may hold. What only several keys together can show to be wrong (two
variants of one name, a `rate` without open mode) is left to `loopbench plan`.
"""

import json
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from loopbench.scenario.model import Scenario

TITLE: Final = "A loopbench scenario"


class _TomlSchema(GenerateJsonSchema):
    """TOML has no null, so a key that may be absent is no key that may be null."""

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        return {"$schema": self.schema_dialect, **super().generate(schema, mode), "title": TITLE}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Without the default of a table: its keys have their own."""
        made = super().default_schema(schema)
        if isinstance(schema.get("default"), BaseModel) or made.get("default") in (None, ""):
            made.pop("default", None)
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  pydantic's own signature
        """A key's name says it already."""
        return False


def scenario_schema() -> dict[str, Any]:
    """The schema as a dictionary; its tables are under `$defs`."""
    return Scenario.model_json_schema(by_alias=True, schema_generator=_TomlSchema)


def scenario_schema_text() -> str:
    """The schema as it stands in `docs/schemas/scenario.schema.json`."""
    return json.dumps(scenario_schema(), indent=2, ensure_ascii=False) + "\n"
