"""An example for each table of a scenario, by its name in the schema; editors show them."""

from typing import Any, Final

EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "Scenario": {
        "title": "Our search",
        "target": {"app": "main:app", "python": ".venv/bin/python"},
        "load": {"users": 50},
        "variants": [{"name": "blocking", "path": "/search"}, {"name": "async", "path": "/search_async"}],
    },
    "Before": {
        "name": "login",
        "method": "POST",
        "path": "/login/access-token",
        "form": {"username": "${SHOP_USER}", "password": "${SHOP_PASSWORD}"},
        "capture": {"token": "json:access_token"},
    },
    "Claim": {
        "id": "async-search",
        "text": "The async client serves twice as many searches.",
        "where": "Our handbook, chapter 3",
        "compare": "goodput",
        "a": "async",
        "b": "blocking",
        "expect": "higher",
        "ratio": 2.0,
    },
    "Column": {"file": "items.csv", "column": "id"},
    "Expect": {"status": 200, "json": {"owner.name": "Ann"}, "json_min": {"hits": 1}},
    "Gate": {"figure": "neighbour_p99_ms", "variant": "async", "under": 50.0},
    "HangUp": {"after_s": 0.05, "turns": 1},
    "Load": {"users": 50, "spawn_rate": 2.0, "hold_s": 10.0, "think_time_s": [0.01, 0.05]},
    "Published": {"rps": 1200.0},
    "Receipt": {"path": "/receipt", "until": {"left": 0}, "wait_s": 60.0},
    "Repeat": {"max_rounds": 8, "variants": ["blocking", "async"]},
    "Request": {"name": "health", "path": "/health", "weight": 2},
    "Target": {"app": "shop.main:app", "app_dir": "src", "python": ".venv/bin/python", "workers": 2},
    "TargetOverrides": {"thread_tokens": 100},
    "Timeline": {"name": "two at once", "requests": ["blocking", "health"]},
    "Variant": {"name": "in a thread", "path": "/search", "run_in": "threadpool", "expect": {"json_min": {"hits": 1}}},
}
