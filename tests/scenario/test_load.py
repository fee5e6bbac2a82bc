"""A scenario loads, or all of its mistakes are reported."""

from pathlib import Path

import pytest

from loopbench.errors import ExitCode, LoopbenchError, ScenarioError, UsageError
from loopbench.scenario import load

MINIMAL = """
title = "t"
[target]
app = "main:app"
[[variants]]
name = "a"
path = "/a"
"""

MANY_MISTAKES = """
titel = "x"
question = "q"
[target]
app = "main.app"
loop = "trio"
[load]
users = 0
think_time_s = [3, 1]
spawn_rate = "fast"
[[variants]]
name = "a"
path = "a"
[[variants]]
name = "b"
path = "/b"
expect = { jsn = {} }
"""


@pytest.fixture
def scenario_file(tmp_path: Path) -> Path:
    return tmp_path / "question.toml"


def test_the_shipped_scenarios_load() -> None:
    files = list((Path(__file__).parents[2] / "scenarios").glob("*.toml"))
    assert files
    for file in files:
        load(file)


def test_defaults_are_filled_in(scenario_file: Path) -> None:
    scenario_file.write_text(MINIMAL.replace('title = "t"\n', ""))
    scenario = load(scenario_file)
    assert scenario.load.users == 100
    assert scenario.load.spawn_rate == 1
    assert scenario.variants[0].served.thread_tokens == 40
    assert (scenario.name, scenario.title, scenario.question) == ("question", "question", "")


def test_every_mistake_is_named_at_once_with_its_line_and_what_is_allowed(scenario_file: Path) -> None:
    scenario_file.write_text(MANY_MISTAKES)
    with pytest.raises(ScenarioError) as caught:
        load(scenario_file)
    found = {problem.path: problem for problem in caught.value.problems}
    assert found["titel"].line == 2
    assert "did you mean 'title'" in found["titel"].allowed
    assert "module:attribute" in found["target.app"].allowed
    assert found["target.loop"].source == 'loop = "trio"'
    assert "at least 1" in found["load.users"].allowed
    assert "from 3.0 down to 1.0" in found["load.think_time_s"].message + found["load.think_time_s"].allowed
    assert "load.spawn_rate" in found
    assert found["variants[0].path"].line == 13
    assert "did you mean 'json'" in found["variants[1].expect.jsn"].allowed
    assert caught.value.exit_code == ExitCode.USAGE


def test_of_very_many_mistakes_the_first_hundred_are_listed(scenario_file: Path) -> None:
    scenario_file.write_text("".join(f"u{number}=1\n" for number in range(300)) + MINIMAL)
    with pytest.raises(ScenarioError, match=r"^100 or more mistakes in ") as caught:
        load(scenario_file)
    assert len(caught.value.problems) == 100


@pytest.mark.parametrize(
    ("override", "allowed"),
    [
        ("users=20", "did you mean 'load.users'? known here: "),
        ("load.usres=20", "did you mean 'users'? known here: users, steps, "),
        ("load.users=abc", "a whole number"),
        ("load.users=0.5", "a whole number"),
        ("load.hold_s=true", "a number"),
        ("load.mode=opne", "'closed' or 'open'"),
        ("load.locustfile=3", "text in quotes"),
    ],
)
def test_a_mistake_of_an_override_is_placed_there_with_the_nearest_key(
    scenario_file: Path, override: str, allowed: str
) -> None:
    scenario_file.write_text(MINIMAL + "[load]\nusers = 3\n")
    with pytest.raises(ScenarioError) as caught:
        load(scenario_file, (override,))
    (problem,) = caught.value.problems
    shown = override.replace("=20", "=***") if problem.is_unknown else override
    assert (problem.line, problem.source) == (None, f"--set {shown}")
    assert problem.allowed.startswith(allowed)


@pytest.mark.parametrize(
    ("line", "column"), [("users =  0", 10), ("  userz = 1", 3), ("hold_s=-1", 8), ('"users" = 0', 11)]
)
def test_a_mistake_has_the_column_of_a_wrong_value_or_an_unknown_key(
    scenario_file: Path, line: str, column: int
) -> None:
    scenario_file.write_text(MINIMAL + f"[load]\n{line}\n")
    with pytest.raises(ScenarioError) as caught:
        load(scenario_file)
    assert [(each.line, each.column) for each in caught.value.problems] == [(9, column)]


@pytest.mark.parametrize(
    ("addition", "path"),
    [
        ('[[variants]]\nname = "a"\npath = "/x"\n', "two requests or variants are called 'a'"),
        ('[[requests]]\nname = "a"\npath = "/x"\n', "two requests or variants are called 'a'"),
        (
            '[[variants]]\nname = "c"\npath = "/c"\nbody = "x"\nbody_bytes = 3\n',
            "body and body_bytes exclude each other",
        ),
        ("[load]\nhold_s = inf\n", "finite"),
        ("[repeat]\nwindow_s = 0.05\n", "at least 0.1"),
        ("[load]\nusers = true\n", "a whole number"),
        ("[load]\nusers = 1.5\n", "a whole number"),
        ('[[variants]]\nname = ""\npath = "/c"\n', "at least 1 character"),
        ('[[variants]]\nname = "c"\npath = "/ö"\n', "percent-encode"),
        ('[[variants]]\nname = "c"\npath = "/c"\nheaders = { A = "x\\r\\nB: y" }\n', "one line of printable ASCII"),
        ('[[variants]]\nname = "c"\npath = "/c"\n[variants.target.env]\n"B=C" = "1"\n', "letters, digits and _"),
        ("[load]\nspawn_rate = 1e-9\n", "would take longer than 3600"),
    ],
)
def test_impossible_values_are_refused(scenario_file: Path, addition: str, path: str) -> None:
    scenario_file.write_text(MINIMAL + addition)
    with pytest.raises(ScenarioError) as caught:
        load(scenario_file)
    assert path in " ".join(problem.message + problem.allowed for problem in caught.value.problems)


def test_a_missing_folder_is_found_before_anything_starts(scenario_file: Path) -> None:
    scenario_file.write_text(MINIMAL.replace('app = "main:app"', 'app = "main:app"\napp_dir = "nowhere"'))
    with pytest.raises(ScenarioError) as caught:
        load(scenario_file)
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == ("target.app_dir", 5)


@pytest.mark.parametrize(
    "content",
    [
        b"title = ",
        b"title = " + b"[" * 2_000,
        b"x = " + b"9" * 5_000,
        b"a" + b".a" * 10_000 + b" = 1",
        b"\xff\xfe",
        b"x" * 70_000,
        b'title = "a"\ntitle = "b"\n',
        b"\x00",
    ],
    ids=["no-value", "deep", "long-integer", "long-key", "utf-16", "large", "twice", "nul"],
)
def test_invalid_toml_gives_one_sentence(scenario_file: Path, content: bytes) -> None:
    scenario_file.write_bytes(content)
    with pytest.raises(UsageError):
        load(scenario_file)


@pytest.mark.parametrize(
    ("text", "path", "says"),
    [
        ('title = "t"', "target", "write [target]: The app under test."),
        ('title = "t"', "variants", "write [[variants]]: Ways to do the work, which are compared."),
        (MINIMAL.replace('path = "/a"', ""), "variants[0].path", "write path = ...: "),
    ],
)
def test_a_missing_key_is_reported_with_what_to_write(scenario_file: Path, text: str, path: str, says: str) -> None:
    scenario_file.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load(scenario_file)
    found = {problem.path: problem for problem in caught.value.problems}
    assert found[path].allowed.startswith(says)


@pytest.mark.parametrize("place", ["missing.toml", "."])
def test_a_path_that_is_not_a_file_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(UsageError):
        load(tmp_path / place)


def test_missing_folders_are_named_with_other_mistakes(scenario_file: Path) -> None:
    app = 'app = "main:app"\napp_dir = "nowhere"\npython = "none"\nlooop = 1'
    scenario_file.write_text(MINIMAL.replace('app = "main:app"', app))
    with pytest.raises(ScenarioError) as caught:
        load(scenario_file)
    assert [problem.path for problem in caught.value.problems] == ["target.app_dir", "target.python", "target.looop"]


def test_an_override_changes_one_key(scenario_file: Path) -> None:
    scenario_file.write_text(MINIMAL)
    scenario = load(scenario_file, ("load.users=7", "target.loop=asyncio", "load.think_time_s=[0.1, 0.2]"))
    assert scenario.load.users == 7
    assert scenario.target.loop == "asyncio"
    assert scenario.load.think_time_s == (0.1, 0.2)


def test_an_override_of_a_key_of_variants_sets_it_in_each(scenario_file: Path) -> None:
    scenario_file.write_text(MINIMAL + '[[variants]]\nname = "b"\npath = "/b"\nparams = { n = 1, m = 1 }\n')
    scenario = load(scenario_file, ("variants.params.n=2",))
    assert [each.params for each in scenario.variants] == [{"n": 2}, {"n": 2, "m": 1}]


@pytest.mark.parametrize("override", ["load.users", "=3", "load..users=3", "title.x=3", "load.usrs=3"])
def test_a_wrong_override_is_refused(scenario_file: Path, override: str) -> None:
    scenario_file.write_text(MINIMAL)
    with pytest.raises(LoopbenchError) as caught:
        load(scenario_file, (override,))
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_variant_changes_only_the_target_settings_it_names(scenario_file: Path) -> None:
    scenario_file.write_text(MINIMAL + '[variants.target]\nloop = "asyncio"\nenv = { A = "1" }\n')
    scenario = load(scenario_file)
    target = scenario.variants[0].served
    assert (target.loop, target.http, target.env) == ("asyncio", "httptools", {"A": "1"})


def test_names_become_safe_distinct_slugs(scenario_file: Path) -> None:
    names = ["../../x", "X", "x", "x-2", "<script>", "é" * 50, "a" * 300]
    variants = "".join(f'[[variants]]\nname = "{name}"\npath = "/a"\n' for name in names)
    scenario_file.write_text(MINIMAL + variants)
    scenario = load(scenario_file)
    slugs = [variant.slug for variant in scenario.variants]
    assert len(set(slugs)) == len(slugs)
    assert all(len(slug) <= 40 and slug.replace("-", "").isalnum() and slug.isascii() for slug in slugs)


def test_quick_keeps_users_and_variants_and_shortens_the_load(scenario_file: Path) -> None:
    scenario_file.write_text(MINIMAL)
    quick, full = load(scenario_file, quick=True), load(scenario_file)
    assert quick.load.users == full.load.users
    assert quick.load.ramp_s < full.load.ramp_s / 5


def test_quick_has_rounds_where_targets_can_take_turns(scenario_file: Path) -> None:
    scenario_file.write_text(MINIMAL)
    assert load(scenario_file, quick=True).repeat.max_rounds == 0, "there is one variant"
    scenario_file.write_text(f'{MINIMAL}[[variants]]\nname = "second"\npath = "/b"\n')
    assert load(scenario_file, quick=True).repeat.max_rounds == 5
    assert load(scenario_file, quick=True, rounds=0).repeat.max_rounds == 0
    assert load(scenario_file, ("repeat.interleave=false",), quick=True).repeat.max_rounds == 0


def test_parameters_become_a_query(scenario_file: Path) -> None:
    scenario_file.write_text(MINIMAL + 'params = { n = 3, text = "a b&c", flag = true }\n')
    assert load(scenario_file).variants[0].request_target == "/a?n=3&text=a+b%26c&flag=true"


REPEATED = """baseline = "a"
title = "t"
question = "q"
[target]
app = "main:app"
[repeat]
variants = {names}
[[variants]]
name = "a"
path = "/a"
[[variants]]
name = "b"
path = "/b"
"""


def test_rounds_can_be_limited_to_some_variants(scenario_file: Path) -> None:
    scenario_file.write_text(REPEATED.format(names='["a"]'))
    assert [each.slug for each in load(scenario_file).repeated_variants] == ["a"]


@pytest.mark.parametrize(
    ("names", "key", "line", "allowed"),
    [
        ('["a", "c"]', "repeat.variants", 7, "'c' is none of the variants: a, b"),
        ('["b"]', "baseline", 1, "one of the variants: b"),
    ],
)
def test_repeated_variants_must_exist_and_include_the_baseline(
    scenario_file: Path, names: str, key: str, line: int, allowed: str
) -> None:
    scenario_file.write_text(REPEATED.format(names=names))
    with pytest.raises(ScenarioError) as caught:
        load(scenario_file)
    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == (key, line)
    assert allowed in f"{problem.message} {problem.allowed}"
