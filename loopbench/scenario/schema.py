"""The JSON Schema (draft 2020-12) of scenarios, for editors and for programs that write scenarios.

It gives the meaning and the type of each key. `loopbench plan` also checks combinations of keys, such as two variants
with one name or a `rate` without open mode.
"""

import json
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from loopbench import __version__
from loopbench.scenario.examples import EXAMPLES
from loopbench.scenario.model import Scenario

TITLE: Final = "A loopbench scenario"

PUBLISHED: Final = f"https://raw.githubusercontent.com/loopbench/loopbench/v{__version__}/docs/schemas"
"""The tag of a release, so that a schema stays as it was when a scenario or a result was written."""

ADDRESS: Final = f"{PUBLISHED}/scenario.schema.json"

SCHEMA_LINE: Final = f"#:schema {ADDRESS}"
"""The first line of a scenario, by which an editor finds the schema."""


class _TomlSchema(GenerateJsonSchema):
    """Omits null, which TOML does not have: an optional key may be absent but not null."""

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        made = super().generate(schema, mode)
        for name, table in [(Scenario.__name__, made), *made["$defs"].items()]:
            table["examples"] = [EXAMPLES[name]]
        return {"$schema": self.schema_dialect, "$id": ADDRESS, **made, "title": TITLE}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Omit the default of a table, because its keys have their own."""
        made = super().default_schema(schema)
        if isinstance(schema.get("default"), BaseModel) or made.get("default") in (None, ""):
            made.pop("default", None)
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002  pydantic's own signature
        """Omit titles, which would repeat the key's name."""
        return False


def scenario_schema() -> dict[str, Any]:
    """Return the schema as a dictionary; its tables are under `$defs`."""
    return Scenario.model_json_schema(by_alias=True, schema_generator=_TomlSchema)


def scenario_schema_text() -> str:
    """Return the content of `docs/schemas/scenario.schema.json`."""
    return json.dumps(scenario_schema(), indent=2, ensure_ascii=False) + "\n"
