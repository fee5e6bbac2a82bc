"""Which variants the web UI offers, and under which names."""

from pathlib import Path

import pytest

from loopbench.measure.web_ui import offered, shown_name
from loopbench.scenario import load

SCENARIOS = Path(__file__).parents[2] / "scenarios"


@pytest.mark.parametrize(("file", "left_out"), [("file_write.toml", 0), ("runtime_loop.toml", 1)])
def test_variants_whose_target_has_other_settings_are_left_out(file: str, left_out: int) -> None:
    scenario = load(SCENARIOS / file)
    shown, others = offered(scenario)
    assert shown[0] is scenario.variants[0]
    assert min(len(others), 1) == left_out
    settings = shown[0].served
    assert all(variant.served == settings for variant in shown)
    assert all(variant.served != settings for variant in others)
    assert len(shown) + len(others) == len(scenario.variants)


@pytest.mark.parametrize(("method", "name"), [("GET", "def (/write)"), ("POST", "def (POST /write)")])
def test_a_variant_is_shown_with_its_path(method: str, name: str) -> None:
    variant = load(SCENARIOS / "file_write.toml").variants[0]
    assert shown_name(variant.model_copy(update={"method": method})) == name
