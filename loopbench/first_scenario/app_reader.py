"""Runs in the app's own Python: imports the app and writes what it says of its routes into a file, as JSON.

    python app_reader.py ANSWER MODULE ATTRIBUTE FOLDER

Standard library alone, and nothing of ours: it meets whatever Python 3.9 or later the app lives in. What the app
prints goes where it would go anyway; the answer goes into the file. It always ends with `os._exit`, so that no thread
the app has started can keep it.
"""

import dis
import functools
import importlib
import importlib.util
import inspect
import json
import linecache
import os
import re
import sys
import traceback
from collections.abc import Iterator
from typing import Any, NoReturn

SERVERS = ("uvicorn", "hypercorn", "granian", "uvloop", "httptools")
FACTORIES = ("create_app", "make_app", "get_app", "build_app", "app_factory")
EVENT_STREAM = ("event-stream", "EventSourceResponse")
MAX_DECORATOR_LINES = 100
DEFINITION = re.compile(r"\s*(async\s+)?def\s")
MAX_DEPTH = 5  # of mounts inside mounts: an app that is mounted in itself has no end


class Refusal(Exception):  # noqa: N818  not an error of ours: what the app is not
    """Why there is nothing to read: a short name, and what may help."""

    def __init__(self, kind: str, **facts: Any) -> None:
        super().__init__(kind)
        self.answer = {"problem": kind, **facts}


def read(module_name: str, attribute: str) -> dict[str, Any]:
    """What is known of the app: its name in the module, its kind, its OpenAPI documents by prefix."""
    module = _imported(module_name)
    fastapi = _fastapi_class()
    name = attribute or _first_app(module, fastapi)
    try:
        app = _attribute(module, name)
    except AttributeError:
        raise Refusal("attribute", names=_candidates(module, fastapi)) from None
    if _is_factory(app):
        app, fastapi = _made_by(app), _fastapi_class()
    kind = type(app)
    facts: dict[str, Any] = {
        "attribute": name,
        "type": f"{kind.__module__}.{kind.__qualname__}",
        "callable": callable(app),
        "is_wsgi": callable(app) and _required_arguments(app) == 2,  # environ and start_response
        "has_openapi": fastapi is not None and isinstance(app, fastapi),
        "documents": [],
        "mounts": [],
        "hidden": 0,
        "streams": [],
        "unreadable": "",
        "endpoints": list(_endpoints(app, "", MAX_DEPTH)),
    }
    if facts["has_openapi"]:
        _collect(app, fastapi, "", facts, MAX_DEPTH)
    return facts


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as problem:
        if problem.name == name or name.startswith(f"{problem.name}."):
            raise Refusal("module") from None
        _print(problem)
        raise Refusal("package", name=problem.name) from None
    except BaseException as problem:  # noqa: BLE001  an app may raise anything, and may call sys.exit
        _print(problem)
        raise Refusal("import", error=_words(problem)) from None


def _fastapi_class() -> Any:
    """FastAPI's class if the app has imported it. If it has not, nothing in it can be one."""
    return getattr(sys.modules.get("fastapi"), "FastAPI", None)


def _attribute(value: Any, dotted: str) -> Any:
    for name in dotted.split("."):
        value = getattr(value, name)
    return value


def _is_factory(value: Any) -> bool:
    return inspect.isfunction(value) and _required_arguments(value) == 0


def _required_arguments(value: Any) -> int:
    """How many arguments a call needs; -1 if that is not known."""
    try:
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return -1
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(1 for each in parameters if each.kind in positional and each.default is each.empty)


def _made_by(factory: Any) -> Any:
    try:
        return factory()
    except BaseException as problem:  # noqa: BLE001  as for an import
        _print(problem)
        raise Refusal("factory", error=_words(problem)) from None


def _candidates(module: Any, fastapi: Any) -> list[str]:
    """Names of the FastAPI objects of a module, the usual ones first."""
    ordered = sorted(vars(module), key=lambda name: ({"app": 0, "api": 1}.get(name, 2), name))
    return [name for name in ordered if fastapi is not None and isinstance(vars(module)[name], fastapi)]


def _first_app(module: Any, fastapi: Any) -> str:
    names = _candidates(module, fastapi)
    names += [name for name in ("app", "api") if callable(getattr(module, name, None))]
    names += [name for name in FACTORIES if _is_factory(getattr(module, name, None))]
    if not names:
        raise Refusal("no-app")
    return names[0]


def _collect(app: Any, fastapi: Any, prefix: str, facts: dict[str, Any], deeper: int) -> None:
    """The document of an app and of every FastAPI app that is mounted in it; the other mounts by their name."""
    try:
        document = app.openapi()
        json.dumps(document, default=str)
        facts["documents"].append({"prefix": prefix, "openapi": dict(document)})
    except Exception as problem:  # noqa: BLE001  a model without a schema raises what it likes
        _print(problem)
        facts["unreadable"] = _words(problem)
    for route in _routes(app):
        if hasattr(route, "app") and type(route).__name__ == "Mount":
            if isinstance(route.app, fastapi) and deeper:
                _collect(route.app, fastapi, prefix + route.path, facts, deeper - 1)
            else:
                facts["mounts"].append([prefix + route.path, type(route.app).__name__])
        elif hasattr(route, "dependant"):
            facts["hidden"] += not getattr(route, "include_in_schema", True)
            if _streams_events(route.endpoint):
                facts["streams"].append(prefix + route.path)


def _routes(parent: Any) -> Iterator[Any]:
    """The routes of an app, with those of its routers, which newer FastAPIs join to prefix and dependencies late."""
    try:
        routes = list(parent.effective_candidates() if _is_included(parent) else getattr(parent, "routes", None) or ())
    except Exception as problem:  # noqa: BLE001  a prefix may not fit a router's path
        _print(problem)
        return
    for route in routes:
        if _is_included(route):
            yield from _routes(route)
        else:
            yield getattr(route, "starlette_route", None) or route


def _is_included(route: Any) -> bool:
    return hasattr(route, "effective_candidates")


def _streams_events(endpoint: Any) -> bool:
    """Whether the endpoint's own source names an event stream, which its OpenAPI does not show."""
    try:
        source = inspect.getsource(inspect.unwrap(endpoint))
    except (OSError, TypeError, ValueError):
        return False
    return any(name in source for name in EVENT_STREAM)


def _endpoints(app: Any, prefix: str, deeper: int) -> Iterator[dict[str, Any]]:
    """The functions behind the routes of an app and of what is mounted in it."""
    for route in _routes(app):
        path = prefix + getattr(route, "path", "")
        if getattr(route, "endpoint", None) is not None and getattr(route, "methods", None):
            dependencies = [_function(each) for each in _dependencies(getattr(route, "dependant", None))]
            methods = sorted(route.methods)
            yield {**_function(route.endpoint), "methods": methods, "path": path, "dependencies": dependencies}
        elif deeper:
            yield from _endpoints(route, path, deeper - 1)


def _dependencies(dependant: Any) -> Iterator[Any]:
    for each in getattr(dependant, "dependencies", ()):
        yield from _dependencies(each)
        yield each.call


def _function(call: Any) -> dict[str, Any]:
    """Where a function is defined, and whether it runs on the event loop. Of an object, its `__call__`."""
    while isinstance(call, functools.partial):
        call = call.func
    named = inspect.unwrap(call)
    if not inspect.isroutine(named) and not inspect.isclass(named):
        call = named = type(named).__call__
    code = getattr(named, "__code__", None)
    is_async = inspect.iscoroutinefunction(call) or inspect.isasyncgenfunction(call)
    return {
        "name": getattr(named, "__qualname__", type(named).__qualname__),
        "file": getattr(code, "co_filename", ""),
        "line": _line(code),
        "is_async": is_async,
        "awaits": is_async and any(map(_awaits, (call, named))),
    }


def _line(code: Any) -> int:
    """The line of the function's `def`, where its source is there; Python counts from its first decorator."""
    first = getattr(code, "co_firstlineno", 0)
    lines = linecache.getlines(code.co_filename)[first - 1 :][:MAX_DECORATOR_LINES] if first else []
    return next((number for number, line in enumerate(lines, first) if DEFINITION.match(line)), first)


def _awaits(call: Any) -> bool:
    """Whether a function may suspend itself; unknown of one that is not written in Python, so it may."""
    code = getattr(call, "__code__", None)
    return code is None or any(each.opname in ("GET_AWAITABLE", "GET_AITER") for each in dis.get_instructions(code))


def _print(problem: BaseException) -> None:
    """Print a traceback from the app's own first line on, without the reader's frames."""
    frames = problem.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename.startswith(
        (__file__, importlib.__file__, "<frozen")
    ):
        frames = frames.tb_next
    traceback.print_exception(type(problem), problem, frames)


def _words(problem: BaseException) -> str:
    return f"{type(problem).__name__}: {problem}"


def main() -> NoReturn:
    """Write the answer, whatever it is, and end."""
    file, module, attribute, folder = sys.argv[1:]
    sys.path[0] = folder  # it was the folder of this file; the standard library is loaded by now
    try:
        answer = read(module, attribute)
        answer["servers"] = [name for name in SERVERS if importlib.util.find_spec(name) is not None]
    except Refusal as refusal:
        answer = refusal.answer
    with open(f"{file}.part", "w", encoding="utf-8") as out:  # noqa: PTH123  as few imports as possible
        json.dump(answer, out, default=str)
    os.replace(f"{file}.part", file)  # noqa: PTH105
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
