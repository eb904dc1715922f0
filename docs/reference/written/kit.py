"""testing.md: the kit for plugin authors, its fixtures and every clause of its contracts."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence

from queuectl import testing
from queuectl.testing.contract.transactions import Connection
from written.markdown import table
from written.source import Named, is_protocol, made_by, members, signature, text_of

CONTRACTS = ("BackoffContract", "ExecutorContract", "NotifierContract", "PluginContract", "StorageContract")

INTRODUCTION = """\
# The kit for plugin authors

`pip install '.[testing]'`, in a checkout of queuectl, brings pytest and hypothesis too. `queuectl.testing` has a
contract for each thing that a plugin can offer: a class of small tests. Subclass it, override one fixture, run
pytest.

```python example
import pytest
from queuectl.testing import BackoffContract
from queuectl_fibonacci import Fibonacci


class TestFibonacci(BackoffContract):
    @pytest.fixture
    def backoff(self):
        return Fibonacci()
```

Each test asks one thing, and its docstring says what: those are the tables below. The built-in plugins pass the very
same classes.

A contract asks what every plugin of its kind owes. What yours does in particular is for tests of your own; the
[stand-ins](#stand-ins) are made for them.

What a plugin can do beyond that it claims in `capabilities`. What it does not claim is not asked: such clauses are
skipped. A clause that a later version adds asks for what was promised all along, or for a capability.
"""

STAND_INS = """\
## Stand-ins

They are real where they can be: `FakeRunContext` writes to real files, `MemoryStorage` passes the contract of storages.
"""


def page() -> str:
    """Return the page on the kit."""
    parts = [INTRODUCTION]
    for name in CONTRACTS:
        parts += _contract(getattr(testing, name))
    parts.append(STAND_INS)
    for name in testing.__all__:
        if name not in CONTRACTS:
            parts += _stand_in(name, getattr(testing, name))
    return "\n".join(parts)


def _contract(contract: type) -> Iterator[str]:
    yield f"## {contract.__name__}\n\n{text_of(contract)}\n"
    parts = [each for each in reversed(contract.__mro__) if each.__module__.startswith("queuectl.testing")]
    found = [(part, each) for part in _in_order(contract, parts) for each in members(part)]
    fixtures = [each for _, each in found if "pytest.fixture" in each.decorators]
    yield "Fixtures:\n"
    rows = [(f"`{each.code}`", each.text, _overridden(each)) for each in fixtures]
    yield table(("fixture", "what it does", "to override"), rows)
    attributes = [each for _, each in found if "(" not in each.code.partition("=")[0] and each.text]
    if attributes:
        yield "Attributes:\n"
        yield table(("attribute", "what it is"), [(f"`{each.code}`", each.text) for each in attributes])
    if contract is testing.ExecutorContract:
        yield _capabilities()
    yield "Clauses:\n"
    for part in _in_order(contract, parts):
        yield from _clauses(contract, part)


def _overridden(fixture: Named) -> str:
    return "yes" if fixture.refusal.startswith("override") else fixture.refusal


def _in_order(contract: type, parts: Sequence[type]) -> list[type]:
    """Return the classes that a contract is made of, as it lists them."""
    return [each for each in (*contract.__bases__, contract) if each in parts]


def _clauses(contract: type, part: type) -> Iterator[str]:
    clauses = [each for each in members(part) if each.name.startswith("test_")]
    if not clauses:
        return
    if part is not contract:
        yield f"{text_of(part)}\n"
    yield table(("test", "asks", "needs"), [(f"`{each.name}`", each.text, _needs(part, each)) for each in clauses])


def _needs(part: type, clause: Named) -> str:
    needed: frozenset[str] = getattr(getattr(part, clause.name), "needed_capabilities", frozenset())
    return ", ".join(f"`{each}`" for each in sorted(needed))


def _capabilities() -> str:
    rows = [(f"`{name}`", meaning) for name, meaning in testing.EXECUTOR_CAPABILITIES.items()]
    return "Capabilities, the names in `EXECUTOR_CAPABILITIES`:\n\n" + table(("capability", "what it means"), rows)


def _stand_in(name: str, thing: object) -> Iterator[str]:
    if inspect.isfunction(thing):
        yield _made(name, signature(thing), thing)
    elif inspect.isclass(thing):
        called = next((each.code for each in members(thing) if each.name == "__call__"), None)
        if called is not None and is_protocol(thing):
            yield _made(name, called.replace("__call__", name), thing)
        else:
            yield _made(name, f"{name}()" if thing is testing.MemoryStore else made_by(thing), thing)
            yield from _methods(thing)
    elif name == "Connect":
        yield _made(name, f"{name}() -> Connection", Connection)
        yield from _methods(Connection)


def _made(name: str, how: str, thing: object) -> str:
    return f"### {name}\n\n```python signature\n{how}\n```\n\n{text_of(thing)}\n"


def _methods(kind: type) -> Iterator[str]:
    """Return what an author calls or looks at; what a storage or a state machine has to have goes without saying."""
    if kind in {testing.MemoryStorage, testing.MemoryStore}:
        return
    found = [each for each in members(kind) if each.text and not _is_rule(kind, each)]
    if found:
        yield table(("it has", "what it is"), [(f"`{each.code}`", each.text) for each in found])


def _is_rule(kind: type, each: Named) -> bool:
    return kind is testing.StorageMachine and "classmethod" not in each.decorators
