"""What the source says of a class: its signatures, its fields and the sentences beside them."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

from written.markdown import flowing


@dataclass(frozen=True)
class Named:
    """A method, a field or an attribute: how it is written, and what is said of it.

    `refusal` is what a method says that others have to override.
    """

    name: str
    code: str
    text: str
    decorators: tuple[str, ...] = ()
    refusal: str = ""


def text_of(thing: object) -> str:
    """Return a docstring as paragraphs."""
    return flowing(inspect.getdoc(thing) or "")


def signature(function: Callable[..., Any]) -> str:
    """Return name, arguments and answer of a function, as its source writes them."""
    node = ast.parse(dedent(inspect.getsource(function))).body[0]
    assert isinstance(node, ast.FunctionDef)
    return _signature(node)


def members(kind: type) -> list[Named]:
    """Return what the body of a class defines, in its order, without what is private."""
    node = ast.parse(dedent(inspect.getsource(kind))).body[0]
    assert isinstance(node, ast.ClassDef)
    return [found for found in _members(node) if not found.name.startswith("_") or found.name == "__call__"]


def is_protocol(kind: type) -> bool:
    """Whether a class only says what others must have."""
    return bool(getattr(kind, "_is_protocol", False))


def made_by(kind: type) -> str:
    """Return how an object of a class is made."""
    init = next((each for each in vars(kind).values() if getattr(each, "__name__", "") == "__init__"), None)
    node = ast.parse(dedent(inspect.getsource(kind))).body[0]
    assert isinstance(node, ast.ClassDef)
    if init is not None and not hasattr(kind, "__dataclass_fields__"):
        return signature(init).replace("__init__", kind.__name__, 1).partition(" -> ")[0]
    fields = [_code(each) for each in node.body if isinstance(each, ast.AnnAssign)]
    star = "*, " if "kw_only=True" in " ".join(map(ast.unparse, node.decorator_list)) else ""
    return f"{kind.__name__}({star}{', '.join(fields)})"


def _members(node: ast.ClassDef) -> Iterator[Named]:
    for each, after in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
        match each:
            case ast.FunctionDef(name=name):
                text = flowing(inspect.cleandoc(ast.get_docstring(each) or ""))
                marks = tuple(map(ast.unparse, each.decorator_list))
                yield Named(name, _signature(each), text, marks, _refusal(each.body[-1]))
            case ast.AnnAssign(target=ast.Name(id=name)) | ast.Assign(targets=[ast.Name(id=name)]):
                yield Named(name, _code(each), _beside(after))
            case _:
                pass


def _code(node: ast.AST) -> str:
    """Return code with the quotes that a formatter would choose."""
    code = ast.unparse(node)
    return code if '"' in code else code.replace("'", '"')


def _refusal(node: ast.stmt) -> str:
    """Return what a function that only raises says."""
    match node:
        case ast.Raise(exc=ast.Call(args=[ast.Constant(value=str(text))])):
            return text
        case _:
            return ""


def _beside(node: ast.AST) -> str:
    """Return the text that stands below an attribute."""
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return flowing(inspect.cleandoc(text))
        case _:
            return ""


def _signature(node: ast.FunctionDef) -> str:
    if any(ast.unparse(mark) == "property" for mark in node.decorator_list):
        return f"{node.name}: {ast.unparse(node.returns or ast.Constant(None))}"
    first = next(iter([*node.args.posonlyargs, *node.args.args]), None)
    if first is not None and first.arg == "self":
        (node.args.posonlyargs or node.args.args).pop(0)
    answer = f" -> {ast.unparse(node.returns)}" if node.returns is not None else ""
    return f"{node.name}({_arguments(node.args)}){answer}"


def _arguments(arguments: ast.arguments) -> str:
    """Return arguments as a person writes them: `ast.unparse` leaves out the spaces around `=`."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    written = [_argument(each, default) for each, default in zip(positional, defaults, strict=True)]
    if arguments.posonlyargs:
        written.insert(len(arguments.posonlyargs), "/")
    if arguments.vararg is not None:
        written.append(f"*{ast.unparse(arguments.vararg)}")
    elif arguments.kwonlyargs:
        written.append("*")
    written += map(_argument, arguments.kwonlyargs, arguments.kw_defaults)
    if arguments.kwarg is not None:
        written.append(f"**{ast.unparse(arguments.kwarg)}")
    return ", ".join(written)


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + ("" if default is None else f" = {_code(default)}")
