"""The JSON Schema of scenarios and the page of keys are complete and agree with the loader."""

import json
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from loopbench import __version__
from loopbench.commands.starting import schema
from loopbench.scenario import Scenario, load
from loopbench.scenario.examples import EXAMPLES
from loopbench.scenario.reference import scenario_reference
from loopbench.scenario.schema import scenario_schema, scenario_schema_text
from loopbench.scenario.values import Strict

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "scenarios").glob("*.toml")), *(ROOT / "docs" / "examples").glob("*/bench.toml")]
SMALLEST = 'title = "t"\nquestion = "q"\n[target]\napp = "a:b"\n[[variants]]\nname = "v"\npath = "/"\n'


def tables() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every table of the schema, by name."""
    schema = scenario_schema()
    yield "Scenario", schema
    yield from schema["$defs"].items()


def models(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield every model below this one."""
    for model in base.__subclasses__():
        yield model
        yield from models(model)


def accepts(document: dict[str, Any], schema: dict[str, Any] | None = None) -> bool:
    """Return whether the schema, by default that of a scenario, accepts it."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed: see the dev requirements")
    return bool(jsonschema.Draft202012Validator(schema or scenario_schema()).is_valid(document))


@pytest.mark.parametrize(
    ("name", "made", "command"),
    [
        ("schemas/scenario.schema.json", scenario_schema_text, "loopbench schema"),
        ("scenario-reference.md", scenario_reference, "loopbench schema --markdown"),
    ],
)
def test_the_published_files_match_the_model(name: str, made: Any, command: str) -> None:
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == made(), f"{command} > docs/{name}"


def test_every_key_has_a_description() -> None:
    silent = [
        f"{table}.{key}"
        for table, made in tables()
        for key, value in made["properties"].items()
        if "description" not in value
    ]
    assert not silent


def test_every_table_refuses_unknown_keys() -> None:
    assert all(made["additionalProperties"] is False for _, made in tables())


def test_every_table_has_an_example_that_is_allowed() -> None:
    """Both by the schema and by the model, which checks combinations of keys too."""
    definitions = scenario_schema()["$defs"]
    validators = {model.__name__: model.model_validate_json for model in models(Strict)}
    for name, made in tables():
        assert made["examples"], name
        for example in made["examples"]:
            assert accepts(example, made | {"$defs": definitions}), name
            validators[name](json.dumps(example))


def test_no_example_is_of_a_table_that_is_gone() -> None:
    assert {name for name, _ in tables()} == set(EXAMPLES)


def test_the_id_is_the_address_of_this_version() -> None:
    """The file lies there in the repository, under the tag of the release."""
    address = scenario_schema()["$id"]
    assert address.startswith("https://raw.githubusercontent.com/loopbench/loopbench/")
    assert address.endswith(f"/v{__version__}/docs/schemas/scenario.schema.json")
    assert (ROOT / address.partition(f"/v{__version__}/")[2]).is_file()


def test_nothing_is_null_because_toml_has_none() -> None:
    assert "null" not in scenario_schema_text()


def test_the_page_has_a_row_for_every_key_and_no_link_to_nowhere() -> None:
    page = scenario_reference()
    headings = {line.removeprefix("## ").strip("`") for line in page.splitlines() if line.startswith("## ")}
    for _, made in tables():
        for key in made["properties"]:
            assert f"\n| `{key}` | " in page, key
    anchors = {part.partition(")")[0] for part in page.split("](#")[1:]}
    assert anchors == {heading.strip("[]").replace(".", "") for heading in headings} - {"The file"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_shipped_scenario_is_valid(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert accepts(tomllib.loads(text))
    assert text.splitlines()[0] == f"#:schema {scenario_schema()['$id']}", "make generate"


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("users = 3", True),
        ("think_time_s = 0.5", True),
        ("think_time_s = [0, 1]", True),
        ("think_time_s = [0, 1, 2]", False),
        ('mode = "open"\nrate = 5', True),
        ('mode = "open"\nrate = 0', False),
        ("users = 0", False),
        ('users = "many"', False),
        ("user = 3", False),
        ("usres = 3", False),
        ("steps = [1, 0]", False),
        ("hold_s = true", False),
    ],
)
def test_the_schema_and_the_loader_agree(tmp_path: Path, line: str, allowed: bool) -> None:
    text = f"{SMALLEST}[load]\n{line}\n"
    assert accepts(tomllib.loads(text)) is allowed
    (tmp_path / "case.toml").write_text(text)
    if allowed:
        assert load(tmp_path / "case.toml").title == "t"
    else:
        with pytest.raises(Exception, match="mistake"):
            load(tmp_path / "case.toml")


def test_the_command_prints_the_schema_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    schema()
    assert json.loads(capsys.readouterr().out) == scenario_schema()
    schema(markdown=True)
    assert capsys.readouterr().out == scenario_reference()


def test_the_text_of_a_model_s_error_holds_no_value() -> None:
    """A crash file has it."""
    with pytest.raises(ValidationError) as refused:
        Scenario.model_validate({"title": "t", "target": {"app": "a:b", "env": "a-canary-token"}})
    assert "a-canary-token" not in str(refused.value)
