"""What loads a variant: its request, or the users of a locustfile, which have no request of their own."""

from loopbench.scenario import Scenario
from tests.made_scenario import changed, made_scenario

JOURNEYS = made_scenario("a", load={"locustfile": "users/journeys.py"}, variants=[{"name": "a"}])


def with_classes(*names: str) -> Scenario:
    return changed(JOURNEYS, variants=[{"name": "a", "user_classes": list(names)}])


def test_a_request_is_named_by_its_method_path_and_query() -> None:
    scenario = made_scenario({"name": "a", "method": "POST", "path": "/search", "params": {"q": 1}})
    assert scenario.load_of(scenario.variants[0]) == "POST /search?q=1"
    assert scenario.request_values(scenario.variants[0]) == {"method": "POST", "path": "/search?q=1"}


def test_users_of_a_locustfile_are_named_by_their_classes() -> None:
    scenario = with_classes("Shopper", "Reader")
    assert scenario.load_of(scenario.variants[0]) == "users Shopper, Reader"
    values = {"method": None, "path": None, "user_classes": ["Shopper", "Reader"]}
    assert scenario.request_values(scenario.variants[0]) == values


def test_classes_of_the_whole_load_are_those_of_a_variant_without_its_own() -> None:
    scenario = changed(JOURNEYS, load={"user_classes": ["Shopper"]})
    assert scenario.load_of(scenario.variants[0]) == "users Shopper"


def test_without_classes_the_locustfile_is_named() -> None:
    assert JOURNEYS.load_of(JOURNEYS.variants[0]) == "all users of journeys.py"
