"""What a plugin makes is looked at before anybody relies on it, and what goes wrong names the plugin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from queuectl.errors import ConfigError, PluginError, QueuectlError, StorageBusyError
from queuectl.hookspecs import Context, Provider
from queuectl.registry import Found
from queuectl.registry.making import make
from queuectl.registry.seams import METHODS
from queuectl.testing import MemoryStorage

CONTEXT = Context(data=Path("/data"))
KINDS = {"storage": "capabilities", "executor": "execute", "backoff": "delay", "notifier": "notify"}


@dataclass(frozen=True)
class Settings:
    """Nothing to set."""


def found(kind: str, create: Callable[..., Any] | None, *, distribution: str | None = "queuectl-a") -> Found:
    """A provider of a kind."""
    return Found(kind, Provider("a", Settings, create), "queuectl_a", distribution, "1.2.3")


def made(kind: str, create: Callable[..., Any] | None, *, distribution: str | None = "queuectl-a") -> Any:
    """Make what it offers."""
    return make(found(kind, create, distribution=distribution), Settings(), lambda: CONTEXT)


def raising(error: BaseException) -> Callable[..., Any]:
    """Raise it."""

    def create(settings: Any, context: Context) -> Any:
        raise error

    return create


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("error", [RuntimeError("one\ntwo"), SystemExit(3)], ids=["raises", "exits"])
def test_what_cannot_be_made_is_an_error_that_names_the_plugin(kind: str, error: BaseException) -> None:
    """With the kind, and with what was raised as the cause."""
    with pytest.raises(PluginError) as caught:
        made(kind, raising(error))
    why = str(error).split("\n", 1)[0]
    assert caught.value.message == (
        f"plugin 'a' (queuectl-a 1.2.3) could not make its {kind}: {type(error).__name__}: {why}"
    )
    assert caught.value.exit_code == 78
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("kind", KINDS)
def test_what_lacks_a_method_is_none(kind: str) -> None:
    """Nothing at all, an object of another kind, or settings that are no component."""
    for create, told in ((lambda *_: None, "None"), (lambda *_: [1], "[1]"), (None, "Settings()")):
        with pytest.raises(PluginError) as caught:
            made(kind, create)
        assert caught.value.message == (
            f"plugin 'a' (queuectl-a 1.2.3) made {told} where a {kind} was expected: it has no {KINDS[kind]}"
        )


@pytest.mark.parametrize("capabilities", [None, "durable", ["durable"]])
def test_capabilities_are_a_set(capabilities: Any) -> None:
    """Workers look into it."""
    storage: Any = MemoryStorage()
    storage.capabilities = capabilities
    with pytest.raises(PluginError, match="it has no capabilities"):
        made("storage", lambda *_: storage)


def test_a_component_that_fails_when_it_is_looked_at_is_named() -> None:
    """It may be a proxy whose other end is gone."""

    class Gone:
        def __getattr__(self, name: str) -> Any:
            raise ConnectionError("reset")

    with pytest.raises(PluginError, match="made a backoff that cannot be looked at: ConnectionError: reset"):
        made("backoff", lambda *_: Gone())


@pytest.mark.parametrize("error", [StorageBusyError("no room", hint="wait"), ConfigError("dsn: no such host")])
def test_an_error_of_ours_keeps_its_kind(error: QueuectlError) -> None:
    """With its exit code and hint, and the name in front of what it says."""
    message = error.message
    with pytest.raises(type(error)) as caught:
        made("storage", raising(error))
    assert caught.value is error
    assert error.message == f"plugin 'a' (queuectl-a 1.2.3) could not make its storage: {message}"


def test_a_persons_interrupt_is_no_fault() -> None:
    """While a storage tries to connect, say."""
    with pytest.raises(KeyboardInterrupt):
        made("storage", raising(KeyboardInterrupt()))


def test_what_is_built_in_passes_as_it_is() -> None:
    """Its errors are ours, and nothing stands around it."""
    with pytest.raises(OSError, match="gone"):
        made("storage", raising(OSError("gone")), distribution=None)
    storage = MemoryStorage()
    assert made("storage", lambda *_: storage, distribution=None) is storage


def test_a_third_partys_storage_is_guarded_and_nothing_else() -> None:
    """The others are called where a wall stands."""
    storage = MemoryStorage()
    guarded = made("storage", lambda *_: storage)
    assert guarded is not storage
    assert all(callable(getattr(guarded, name)) for name in METHODS["storage"])

    class Fixed:
        def delay(self, failure: object) -> float:
            return 1.0

    backoff = Fixed()
    assert made("backoff", lambda *_: backoff) is backoff


def test_settings_may_be_the_component_and_need_no_context() -> None:
    """Then the data directory is not even looked at."""

    @dataclass(frozen=True)
    class Pager:
        def notify(self, event: object) -> None:
            """Do nothing."""

    def context() -> Context:
        raise AssertionError

    provider = Provider("a", Pager)
    pager = Pager()
    assert make(Found("notifier", provider, "queuectl_a", "queuectl-a", "1.2.3"), pager, context) is pager
