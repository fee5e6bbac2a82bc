"""Writes `docs/errors.md`, the list of all errors, from the code: `python -m tests.error_reference`."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from loopbench import errors

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "errors.md"
PACKAGES = ("loopbench", "locustfiles", "plots")
HEAD = """# Errors

Every error has a short stable name, its slug, which is printed as `error[slug]`. This page lists all of them, with the
[exit code](exit-codes.md) and the messages. `...` is a value that the message quotes; a row without a message quotes a
message from elsewhere. The error itself prints where it happened and what to do.

| slug | exit code | messages |
|---|---|---|
"""


class Error(NamedTuple):
    """A place in the code that raises an error."""

    slug: str
    code: int | None
    message: str


def errors_of_the_code() -> Iterator[Error]:
    """Yield every error that the code can raise."""
    files = (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    modules = [ast.parse(file.read_text(encoding="utf-8")) for file in files]
    constants = _assigned([node for module in modules for node in module.body])
    for module in modules:
        yield from _errors_of(module, constants)


def _errors_of(module: ast.Module, constants: Mapping[str, Sequence[ast.expr]]) -> Iterator[Error]:
    functions = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef)]
    for function in functions:
        names = {**constants, **_assigned(list(ast.walk(function)))}
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            slug = next((word.value for word in call.keywords if word.arg == "slug"), None)
            if slug is None:
                continue
            message = _texts(call.args[0], names)[0] if call.args else ""
            for text in _texts(slug, names):
                for value in _arguments(module, function, text):
                    yield Error(value, _exit_code(call), message)


def _assigned(nodes: Sequence[ast.AST]) -> dict[str, list[ast.expr]]:
    """Returns the values that these statements give to names."""
    found: dict[str, list[ast.expr]] = defaultdict(list)
    for node in nodes:
        match node:
            case ast.Assign([ast.Tuple(targets)], ast.Tuple(values)):
                pairs = zip(targets, values, strict=True)
            case ast.Assign([target], value) | ast.AnnAssign(target, _, ast.expr() as value):
                pairs = zip([target], [value], strict=True)
            case _:
                continue
        for target, value in pairs:
            if isinstance(target, ast.Name):
                found[target.id].append(value)
    return found


def _texts(node: ast.expr, names: Mapping[str, Sequence[ast.expr]]) -> list[str]:
    """Returns the texts that an expression can be, with `...` for a value; `{slug}` stays to be filled in."""
    match node:
        case ast.Constant(str(text)):
            return [text]
        case ast.JoinedStr(parts):
            constants = {name: value for name, value in names.items() if name.isupper()}
            return ["".join(_texts(part, constants)[0] for part in parts)]
        case ast.FormattedValue(ast.Name("slug")) | ast.Name("slug") if "slug" not in names:
            return ["{slug}"]
        case ast.BinOp(left, ast.Add(), right):
            return [_texts(left, names)[0] + _texts(right, names)[0]]
        case ast.FormattedValue(ast.Name(name)) | ast.Name(name) if name in names:
            return [text for value in names[name] for text in _texts(value, names if name.islower() else {})]
    return ["..."]  # a value of the moment


def _arguments(module: ast.Module, function: ast.FunctionDef, text: str) -> Iterator[str]:
    """Yield a slug; one that is a parameter, as every call of the function in its module gives it."""
    if "{slug}" not in text:
        yield text
        return
    parameters = [each.arg for each in function.args.args if each.arg != "self"]
    if "slug" not in parameters:  # a keyword, which its callers give by name
        return
    place = parameters.index("slug")
    for call in (node for node in ast.walk(module) if isinstance(node, ast.Call)):
        called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if called == function.name and len(call.args) > place and not isinstance(call.args[place], ast.Name):
            yield text.replace("{slug}", _texts(call.args[place], {})[0])


def _exit_code(call: ast.Call) -> int | None:
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    kind = getattr(errors, {"wrong_answer": "TargetError", "_read": "DataError"}.get(name, name), None)
    return int(kind.exit_code) if isinstance(kind, type) and issubclass(kind, errors.LoopbenchError) else None


def page() -> str:
    """Returns the page."""
    messages: dict[str, set[str]] = defaultdict(set)
    codes: dict[str, set[int]] = defaultdict(set, {"scenario": {2}, "not-replicates": {7}})  # given by their classes
    for error in errors_of_the_code():
        messages[error.slug].add(re.sub(r"(\.\.\.)+", "...", error.message))
        codes[error.slug] |= set() if error.code is None else {error.code}
    rows = (
        f"| `{slug}` | {', '.join(map(str, sorted(codes[slug])))} | {'<br>'.join(sorted(texts - {'...', ''}))} |"
        for slug, texts in sorted(messages.items())
    )
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
