"""The table of the seams' methods says what the Protocols say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from queuectl.model.backoff import Backoff
from queuectl.model.executor import EndingExecutor, Executor
from queuectl.model.notifier import Notifier
from queuectl.model.storage import Storage
from queuectl.registry.seams import METHODS, OPTIONAL, Proxy, lacking, methods_of


def methods(protocol: type[Any]) -> set[str]:
    """The public methods of a Protocol."""
    return {name for name, value in vars(protocol).items() if callable(value) and not name.startswith("_")}


@pytest.mark.parametrize(
    ("kind", "protocols"),
    [
        ("storage", [Storage]),
        ("executor", [Executor, EndingExecutor]),
        ("backoff", [Backoff]),
        ("notifier", [Notifier]),
    ],
)
def test_the_tables_name_every_method(kind: str, protocols: list[type[Any]]) -> None:
    """A method that is added to a Protocol is guarded and traced, and is either asked of all or may be missing."""
    named = [*METHODS[kind], *OPTIONAL.get(kind, ())]
    assert set(named) == set().union(*map(methods, protocols))
    assert len(named) == len(set(named))


def test_what_a_component_lacks_is_found() -> None:
    """A method that is none counts as missing."""

    class Half:
        delay = 3

    class Whole:
        def delay(self, failure: object) -> float:
            return 0.0

    assert [lacking("backoff", component) for component in (None, Half(), Whole())] == ["delay", "delay", None]
    assert lacking("storage", Whole()) == "capabilities"


class Shell:
    """An executor that ends what it left, with something of its own besides."""

    path = "/bin/sh"

    def execute(self) -> str:
        """Run."""
        return "ran"

    def end(self) -> str:
        """End."""
        return "ended"


def loud(method: Callable[[], str]) -> Callable[[], str]:
    """Say it louder."""
    return lambda: f"{method()}!"


def test_a_proxy_has_some_methods_of_its_own_and_all_else_of_the_component() -> None:
    """Also for a Protocol that is checked at run time."""
    shell = Shell()
    names = methods_of("executor", shell)
    proxy: Any = Proxy(shell, {name: loud(getattr(shell, name)) for name in names})
    assert (proxy.execute(), proxy.end(), proxy.path) == ("ran!", "ended!", "/bin/sh")
    assert isinstance(proxy, EndingExecutor)
    assert not hasattr(proxy, "adopt")
