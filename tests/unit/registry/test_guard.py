"""A third party's storage raises errors of ours alone, and each has the plugin's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from queuectl.errors import ConflictError, QueuectlError, StorageBusyError, StorageError
from queuectl.hookspecs import Provider
from queuectl.model.lease import Beat, Exchange
from queuectl.registry import Found
from queuectl.registry.guard import guarded
from queuectl.registry.seams import METHODS
from queuectl.testing import MemoryStorage

FOUND = Found("storage", Provider("redis", MemoryStorage), "queuectl_redis", "queuectl-redis", "1.2.3")
WHO = "plugin 'redis' (queuectl-redis 1.2.3)"


class Faulty(MemoryStorage):
    """A storage in which one thing goes wrong."""

    def __init__(self, name: str, does: Callable[[], object]) -> None:
        super().__init__()
        self.path = "/there"
        setattr(self, name, lambda *args, **kwargs: does())


def raising(error: BaseException) -> Callable[[], object]:
    """Raise it."""

    def act() -> object:
        raise error

    return act


def call(name: str, does: Callable[[], object]) -> Any:
    """Call a method that does this."""
    storage: Any = guarded(FOUND, Faulty(name, does))
    return getattr(storage, name)()


@pytest.mark.parametrize("name", [name for name in METHODS["storage"] if name != "interrupt"])
def test_whatever_any_method_raises_is_an_error_of_a_storage(name: str) -> None:
    """With the name of the plugin and of the method."""
    with pytest.raises(StorageError) as caught:
        call(name, raising(KeyError("x")))
    assert (type(caught.value), caught.value.message) == (StorageError, f"{WHO} failed in {name}: KeyError: 'x'")


def test_an_exit_is_one_too() -> None:
    """A worker would go with it."""
    with pytest.raises(StorageError, match=r"failed in wait: SystemExit: 3"):
        call("wait", raising(SystemExit(3)))


def test_an_error_of_a_storage_keeps_its_kind_and_hint() -> None:
    """And says whose it is, once, though the plugin may raise the same object again and again."""
    error = StorageBusyError("no room", hint="wait")
    for _ in range(2):
        with pytest.raises(StorageBusyError) as caught:
            call("beat", raising(error))
        assert (caught.value.message, caught.value.hint, str(caught.value)) == (
            f"{WHO}: no room",
            "wait",
            f"{WHO}: no room",
        )


@pytest.mark.parametrize("error", [ConflictError("there is a job 'a' already"), KeyboardInterrupt()])
def test_what_is_no_fault_of_the_storage_passes_as_it_is(error: BaseException) -> None:
    """An answer, and a person's Ctrl-C."""
    with pytest.raises(type(error)) as caught:
        call("enqueue", raising(error))
    assert caught.value is error
    assert not isinstance(error, QueuectlError) or error.message == "there is a job 'a' already"


@pytest.mark.parametrize(("name", "answer"), [("exchange", Exchange()), ("beat", Beat(alive=True))])
def test_what_workers_live_by_must_be_an_answer(name: str, answer: object) -> None:
    """Of the right type."""
    assert call(name, lambda: answer) is answer
    with pytest.raises(StorageError) as caught:
        call(name, lambda: {"a": 1})
    assert caught.value.message == f"{WHO} returned {{'a': 1}} from {name}, not {type(answer).__name__}"


def test_an_interrupt_that_fails_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    """And raises nothing: it is called where nobody could deal with it."""
    storage: Any = guarded(FOUND, Faulty("interrupt", raising(SystemExit(1))))
    for _ in range(3):
        storage.interrupt()
    assert capsys.readouterr().err == f"warning: {WHO} failed in interrupt: SystemExit: 1\n"


def test_all_else_is_the_storages_own() -> None:
    """What it can, where it is, and whatever else it has."""
    storage: Any = guarded(FOUND, Faulty("close", lambda: None))
    assert (storage.capabilities, storage.path) == (MemoryStorage.capabilities, "/there")
    assert storage.counts() == {}
