"""The place of a stack, on real stacks. File names decide, so the code is compiled under chosen names."""

import functools
import json
import sys
import sysconfig
from types import FrameType
from typing import TYPE_CHECKING, Any

import pytest
from loopbench_probe import explain
from loopbench_probe.places import Place, Places, callers

if TYPE_CHECKING:
    from collections.abc import Callable

STDLIB = sysconfig.get_paths()["stdlib"]
SITE = "/env/lib/python3/site-packages"


def frame_of(*files_and_functions: tuple[str, str], served: object = None) -> FrameType:
    """Return the innermost frame of a stack of these functions, outermost first, all on line 2 of their files.

    `served` is the `self` of each function.
    """
    caught: list[FrameType] = []
    call: Callable[[], Any] = lambda: caught.append(sys._getframe(1))  # noqa: E731
    for file, function in reversed(files_and_functions):
        namespace: dict[str, Any] = {"call": call, "served": served}
        exec(compile(f"def {function}(self=served):\n  call()", file, "exec"), namespace)  # noqa: S102
        call = namespace[function]
    call()
    return caught[0]


def place_at(frame: FrameType | None) -> Place | None:
    """Return the place of a stack by its innermost frame."""
    return Places().of(callers(frame))


RUNNER = (f"{STDLIB}/asyncio/runners.py", "run")
ONCE = (f"{STDLIB}/asyncio/base_events.py", "_run_once")
HANDLE = (f"{STDLIB}/asyncio/events.py", "_run")


def test_the_user_line_and_the_innermost_line_are_both_named() -> None:
    frame = frame_of(RUNNER, ("/srv/app.py", "handler"), (f"{SITE}/requests/api.py", "get"))
    calls = ("srv/app.py:handler", "requests/api.py:get")
    assert place_at(frame) == Place(
        "/srv/app.py", 2, "handler", f"{SITE}/requests/api.py", 2, "get", calls=calls, is_async=False
    )


def test_a_user_line_that_is_innermost_is_both() -> None:
    frame = frame_of(RUNNER, ("/srv/app.py", "handler"))
    calls = ("srv/app.py:handler",)
    assert place_at(frame) == Place(
        "/srv/app.py", 2, "handler", "/srv/app.py", 2, "handler", calls=calls, is_async=False
    )


def test_a_waiting_loop_has_no_place() -> None:
    frame = frame_of(RUNNER, ONCE, (f"{STDLIB}/selectors.py", "select"))
    assert place_at(frame) is None


def test_an_app_that_waits_in_its_own_selector_has_a_place() -> None:
    frame = frame_of(ONCE, HANDLE, ("/srv/app.py", "handler"), (f"{STDLIB}/selectors.py", "select"))
    place = place_at(frame)
    assert place is not None
    assert (place.user_file, place.file) == ("/srv/app.py", f"{STDLIB}/selectors.py")


def test_a_waiting_uvloop_has_no_place() -> None:
    assert place_at(frame_of(("/srv/main.py", "main"), RUNNER)) is None


def test_the_caller_of_the_server_is_never_the_place() -> None:
    frame = frame_of(
        ("/srv/main.py", "main"), (f"{SITE}/uvicorn/server.py", "run"), (f"{SITE}/fastapi/routing.py", "app")
    )
    place = place_at(frame)
    assert place is not None
    assert (place.user_file, place.function) == (None, "app")


def test_generated_code_is_not_the_users() -> None:
    frame = frame_of(RUNNER, ("/srv/app.py", "handler"), ("<string>", "__init__"))
    place = place_at(frame)
    assert place is not None
    assert (place.user_file, place.file) == ("/srv/app.py", "<string>")


def test_the_probe_s_own_frames_are_skipped() -> None:
    own = json.__file__  # any library file below it

    frame = frame_of(RUNNER, (own, "outer"), (explain.__file__, "timed"))
    place = place_at(frame)
    assert place is not None
    assert place.file == own


class Served:
    """A stand-in for Starlette's route, with an endpoint."""

    def __init__(self, endpoint: object) -> None:
        self.endpoint = endpoint


@functools.cache
def endpoint() -> None:
    """An endpoint, which begins at its `def`."""


ROUTE = (f"{SITE}/starlette/routing.py", "handle")
ENCODER = (f"{SITE}/fastapi/encoders.py", "jsonable_encoder")
PACKAGE = (f"{SITE}/orm/load.py", "get")


def near(*files_and_functions: tuple[str, str], served: object = None) -> tuple[str | None, int | None, str | None]:
    place = place_at(frame_of(ONCE, *files_and_functions, served=Served(served)))
    assert place is not None
    assert place.user_file is None
    return place.near_file, place.near_line, place.near_function


@pytest.mark.parametrize("inner", [ENCODER, PACKAGE])
@pytest.mark.parametrize(
    "served", [endpoint.__wrapped__, functools.partial(endpoint.__wrapped__)], ids=["function", "partial"]
)
def test_serialising_an_answer_is_near_its_endpoint(served: object, inner: tuple[str, str]) -> None:
    """This also holds if a package runs inside, such as an ORM that loads on attribute access."""
    assert near(ROUTE, inner, served=served) == (__file__, endpoint.__wrapped__.__code__.co_firstlineno + 1, "endpoint")


def test_without_an_endpoint_a_package_s_line_is_near() -> None:
    json_too = (f"{STDLIB}/json/encoder.py", "encode")
    assert near(PACKAGE, json_too) == (PACKAGE[0], 2, "get")


@pytest.mark.parametrize("served", [None, Served], ids=["nothing", "a class"])
def test_an_endpoint_without_code_leaves_the_package(served: object) -> None:
    assert near(ROUTE, PACKAGE, served=served)[0] == PACKAGE[0]


def test_a_framework_stack_has_no_near_place() -> None:
    assert near(ENCODER) == (None, None, None)


def test_with_the_user_s_code_nothing_is_near() -> None:
    place = place_at(frame_of(ONCE, ROUTE, ("/srv/app.py", "handler"), PACKAGE, served=Served(endpoint)))
    assert place is not None
    assert (place.user_file, place.near_file) == ("/srv/app.py", None)


class Mount:
    """A stand-in for Starlette's `Mount` or FastAPI's included router, which serves no endpoint itself."""


def place_of(*frames: tuple[str, str], served: object = endpoint) -> Place:
    """Return the place of a stack in which every frame's `self` serves an endpoint."""
    place = place_at(frame_of(ONCE, *frames, served=Served(served)))
    assert place is not None
    return place


INCLUDED = (f"{SITE}/fastapi/routing.py", "handle")
MIDDLEWARE = ("/srv/middleware.py", "__call__")
RESPONSE = (f"{SITE}/starlette/responses.py", "__call__")
INSTALLED = f"{SITE}/shop/main.py"


def test_the_endpoint_of_an_included_router_is_near() -> None:
    assert near(INCLUDED, ENCODER, served=endpoint)[2] == "endpoint"


def test_the_endpoint_in_a_mount_is_near_not_the_mount() -> None:
    caught: list[FrameType] = []
    code = compile("def handle(self, call):\n  call()", ROUTE[0], "exec")
    namespace: dict[str, Any] = {}
    exec(code, namespace)  # noqa: S102
    handle = namespace["handle"]
    handle(Mount(), lambda: handle(Served(endpoint), lambda: caught.append(sys._getframe(1))))
    place = place_at(caught[0])
    assert place is not None
    assert place.near_function == "endpoint"


def test_an_endpoint_of_fastapi_itself_is_near_nothing() -> None:
    """`/docs` has no line that a user can change."""
    namespace: dict[str, Any] = {}
    exec(compile("def swagger_ui_html():\n  pass", f"{SITE}/fastapi/applications.py", "exec"), namespace)  # noqa: S102
    assert near(ROUTE, ENCODER, served=namespace["swagger_ui_html"]) == (None, None, None)


def test_a_user_middleware_that_awaits_a_route_is_not_the_place() -> None:
    place = place_of(MIDDLEWARE, ROUTE, ENCODER)
    assert (place.user_file, place.near_function) == (None, "endpoint")


def test_a_user_middleware_s_own_work_is_its_place() -> None:
    assert place_of(MIDDLEWARE, ENCODER).user_file == MIDDLEWARE[0]


def test_a_package_that_a_response_is_sent_through_is_nearer_than_the_endpoint() -> None:
    sent = (f"{SITE}/timing/__init__.py", "wrapped")
    assert place_of((sent[0], "__call__"), ROUTE, RESPONSE, sent).near_file == sent[0]


def test_a_package_around_a_route_is_not_nearer_than_the_endpoint() -> None:
    assert place_of((f"{SITE}/timing/__init__.py", "__call__"), ROUTE, RESPONSE).near_function == "endpoint"


def test_an_installed_app_is_the_user_s_own_code() -> None:
    namespace: dict[str, Any] = {}
    exec(compile("def slow(): ...", INSTALLED, "exec"), namespace)  # noqa: S102
    place = place_of(ROUTE, (INSTALLED, "slow"), (f"{SITE}/requests/api.py", "get"), served=namespace["slow"])
    assert (place.user_file, place.file) == (INSTALLED, f"{SITE}/requests/api.py")


@pytest.mark.parametrize("file", [f"{SITE}/fastapi/applications.py", "/srv/app.py"])
def test_a_framework_that_serves_an_endpoint_is_not_the_user_s_code(file: str) -> None:
    namespace: dict[str, Any] = {}
    exec(compile("def docs(): ...", file, "exec"), namespace)  # noqa: S102
    assert place_of(ROUTE, ENCODER, served=namespace["docs"]).user_file is None


class Table:
    """An endpoint that is an object."""

    def __call__(self) -> None:
        """Serve."""


def test_a_callable_object_is_near_by_its_call_method() -> None:
    assert near(ROUTE, ENCODER, served=Table())[2] == "__call__"


def test_an_endpoint_is_found_under_all_its_decorators() -> None:
    @functools.wraps(endpoint)
    def once() -> None: ...

    @functools.wraps(once)
    def twice() -> None: ...

    assert near(ROUTE, ENCODER, served=twice)[2] == "endpoint"


def test_a_template_line_counts_for_the_code_that_renders_it() -> None:
    place = place_of(("/srv/app.py", "page"), (f"{SITE}/jinja2/environment.py", "render"), ("t.html", "root"))
    assert (place.user_file, place.file) == ("/srv/app.py", f"{SITE}/jinja2/environment.py")


def test_a_stack_that_ends_before_the_loop_is_near_the_endpoint_of_its_request() -> None:
    frame = frame_of((f"{SITE}/sqlalchemy/orm/session.py", "execute"), (f"{SITE}/sqlalchemy/orm/loading.py", "rows"))
    of_greenlet = list(callers(frame))[:2]
    place = Places().of(of_greenlet, lambda: endpoint)
    assert place is not None
    assert (place.near_function, place.is_async) == ("endpoint", False)


def test_a_stack_that_reaches_the_loop_asks_for_no_request() -> None:
    frame = frame_of(ONCE, (f"{SITE}/sqlalchemy/orm/loading.py", "rows"))
    place = Places().of(callers(frame), lambda: endpoint)
    assert place is not None
    assert place.near_function == "rows"
