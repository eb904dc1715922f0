"""Ids are short, unique, and grow with time."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from queuectl.engine import identity
from queuectl.engine.identity import DIGITS, EPOCH, LENGTH, new_id, new_ids


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test begins as a new process would."""
    monkeypatch.setattr(identity, "_last", identity._Last())


def value(id: str) -> int:
    """The number that an id writes."""
    number = 0
    for digit in id:
        number = number * 32 + DIGITS.index(digit)
    return number


def test_an_id_is_thirteen_characters_of_crockfords_alphabet() -> None:
    """Nothing in it needs quoting, or is taken for another character."""
    id = new_id()
    assert len(id) == LENGTH == 13
    assert set(id) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_an_id_tells_when_it_was_made() -> None:
    """The first forty bits are milliseconds since the beginning of 2024."""
    assert value(new_id(lambda: EPOCH + 1.5)) >> 25 == 1500


def test_the_time_fits_into_forty_bits_for_decades() -> None:
    """In 2058 an id is still as long as now."""
    last_moment = EPOCH + (2**40 - 1) / 1000
    assert len(new_id(lambda: last_moment)) == 13


def test_a_clock_from_before_2024_gives_ids_too() -> None:
    """A machine without a battery starts in 1970."""
    assert value(new_id(lambda: 0.0)) >> 25 == 0


def test_ids_grow_in_one_call_and_over_calls() -> None:
    """As texts, which is how databases order them."""
    ids = [*new_ids(3), new_id(), *new_ids(1000), new_id()]
    assert ids == sorted(set(ids))


def test_ids_grow_when_the_clock_goes_back() -> None:
    """A time server may set the clock back."""
    before, after = new_id(lambda: EPOCH + 100.0), new_id(lambda: EPOCH + 50.0)
    assert before < after


def test_ids_grow_over_the_end_of_a_block() -> None:
    """More ids than the last characters can count up to carry over."""
    identity._last.number = (7 << 25) - 3
    ids = new_ids(5, lambda: EPOCH)
    assert [value(id) for id in ids] == list(range((7 << 25) - 2, (7 << 25) + 3))


def test_a_hundred_thousand_ids_differ() -> None:
    """A bulk enqueue takes them in one call."""
    assert len(set(new_ids(100_000))) == 100_000


def test_no_ids_are_an_empty_list() -> None:
    """And the next is like any other."""
    assert new_ids(0) == []
    assert new_ids(0, lambda: EPOCH) == []
    assert len(new_id()) == 13


def test_processes_of_the_same_moment_get_different_ids() -> None:
    """The rest of an id is random."""
    ids = set()
    for _ in range(100):
        identity._start_again()
        ids.add(new_id(lambda: EPOCH + 1.0))
    assert len(ids) > 95


def test_threads_get_different_ids() -> None:
    """Two threads never share one."""
    with ThreadPoolExecutor(8) as pool:
        ids = [id for some in pool.map(lambda _: [new_id() for _ in range(200)], range(8)) for id in some]
    assert len(set(ids)) == 1600


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_gets_other_ids_than_its_parent() -> None:
    """Both go on at the same moment, from the same last id."""
    moment = lambda: EPOCH + 1.0  # noqa: E731
    new_id(moment)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, new_id(moment).encode())
        os._exit(0)
    os.close(writer)
    with open(reader, "rb") as pipe:
        theirs = pipe.read().decode()
    os.waitpid(child, 0)
    assert len(theirs) == 13
    assert theirs != new_id(moment)
