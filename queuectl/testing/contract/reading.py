"""Reading: one job, pages of jobs, ids by prefix."""

from __future__ import annotations

import pytest

from queuectl.model.job import State
from queuectl.model.query import Action, Query
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.fixtures import OpenStorage
from queuectl.testing.contract.steps import (
    bury,
    complete,
    enqueue,
    enqueue_and_claim,
    fail,
    listed,
    one_in_each_state,
    stored,
)


class Finding:
    """The clauses of `get` and `resolve`."""

    def test_an_unknown_job_is_none(self, storage: Storage) -> None:
        """There is no job under an id that was never stored, nor under the start of one that was."""
        enqueue(storage, "abc")
        assert storage.get("nothing") is None
        assert storage.get("ab") is None
        assert storage.get("") is None

    def test_handles_share_one_store(self, storage: Storage, open_storage: OpenStorage) -> None:
        """What one handle stores another reads at once."""
        (job,) = enqueue(storage, "a")
        assert open_storage().get("a") == job

    def test_ids_are_found_by_their_start(self, storage: Storage) -> None:
        """All ids that start with the prefix are returned, in order."""
        enqueue(storage, "abd", "b", "abc", "a")
        assert list(storage.resolve("ab", 10)) == ["abc", "abd"]
        assert list(storage.resolve("x", 10)) == []
        assert list(storage.resolve("", 10)) == ["a", "abc", "abd", "b"]

    def test_a_whole_id_stands_alone(self, storage: Storage) -> None:
        """An id that equals the prefix is what is meant, though longer ones start with it."""
        enqueue(storage, "abc", "ab", "abd")
        assert list(storage.resolve("ab", 10)) == ["ab"]

    def test_no_more_ids_than_asked(self, storage: Storage) -> None:
        """At most `limit` ids are returned, the first in order."""
        enqueue(storage, "ac", "ab", "ad")
        assert list(storage.resolve("a", 2)) == ["ab", "ac"]

    @pytest.mark.parametrize("prefix", ["a%", "a_", "a*", "a?", "a[", "a\\", "a'"])
    def test_a_prefix_is_no_pattern(self, storage: Storage, prefix: str) -> None:
        """Every character of a prefix stands for itself."""
        enqueue(storage, f"{prefix}1", "ab1", "abc")
        assert list(storage.resolve(prefix, 10)) == [f"{prefix}1"]

    def test_a_prefix_is_exact(self, storage: Storage) -> None:
        """Upper case is not lower case, and what follows may be any character."""
        enqueue(storage, "abc", "ABC", "a😀", "aÿ")
        assert list(storage.resolve("A", 10)) == ["ABC"]
        assert sorted(storage.resolve("a", 10)) == ["abc", "aÿ", "a😀"]


class Listing:
    """The clauses of `Storage.list`."""

    def test_the_newest_stands_first(self, storage: Storage) -> None:
        """Jobs are listed in reverse enqueue order, whatever their ids, priorities and states."""
        enqueue(storage, "c", "a")
        enqueue(storage, "b", priority=9)
        assert listed(storage) == ["b", "a", "c"]

    def test_a_page_holds_whole_jobs(self, storage: Storage, worker: str) -> None:
        """A listed job is the same as one that is got by its id."""
        one_in_each_state(storage, worker)
        page = storage.list(Query(), None, 10)
        assert [job for job in page.jobs if job != stored(storage, job.id)] == []
        assert len(page.jobs) == len(State)

    def test_pages_cover_all_once(self, storage: Storage) -> None:
        """Cursors lead through all jobs, each once; the last page has none."""
        ids = [f"job-{number:02}" for number in range(7)]
        enqueue(storage, *ids)
        assert walk(storage, Query(), 3) == [list(reversed(ids))[:3], list(reversed(ids))[3:6], ids[:1]]

    def test_a_last_page_that_is_full_is_the_last(self, storage: Storage) -> None:
        """No cursor is given when nothing follows."""
        enqueue(storage, "a", "b", "c", "d")
        assert [len(page) for page in walk(storage, Query(), 2)] == [2, 2]

    def test_an_empty_store_is_one_empty_page(self, storage: Storage) -> None:
        """Where nothing matches there is an empty page and no cursor."""
        page = storage.list(Query(), None, 10)
        assert (page.jobs, page.next_cursor) == ((), None)

    def test_pages_stand_while_jobs_come_and_go(self, storage: Storage, worker: str) -> None:
        """New jobs, and the deletion of jobs already seen, neither repeat nor skip what follows the cursor."""
        for id in ("a", "b", "c", "d", "e"):
            bury(storage, enqueue_and_claim(storage, worker, id))
        page = storage.list(Query(), None, 2)
        assert [job.id for job in page.jobs] == ["e", "d"]
        storage.change(Action.DELETE, ["d", "e", "b"])
        enqueue(storage, "new")
        rest = storage.list(Query(), page.next_cursor, 10)
        assert [job.id for job in rest.jobs] == ["c", "a"]

    def test_pages_follow_the_query(self, storage: Storage) -> None:
        """Cursors lead through the jobs that match, and past the others."""
        for number in range(6):
            enqueue(storage, f"job-{number}", queue="red" if number % 2 else "blue")
        assert walk(storage, Query(queue="red"), 2) == [["job-5", "job-3"], ["job-1"]]

    def test_by_state(self, storage: Storage, worker: str) -> None:
        """`states` matches the jobs in any of them, None all, and an empty set none."""
        one_in_each_state(storage, worker)
        for state in State:
            assert listed(storage, states=frozenset({state})) == [state.value]
        assert sorted(listed(storage, states=frozenset({State.DEAD, State.FAILED}))) == ["dead", "failed"]
        assert listed(storage, states=frozenset()) == []

    def test_a_failed_job_that_is_due_is_failed(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """What people see does not change by the mere passing of time."""
        fail(storage, enqueue_and_claim(storage, worker), delay=1.0)
        clock.advance(5.0)
        assert listed(storage, states=frozenset({State.FAILED})) == ["a"]

    def test_by_queue(self, storage: Storage) -> None:
        """`queue` matches by the whole name."""
        enqueue(storage, "a", queue="mail")
        enqueue(storage, "b", queue="mails")
        assert listed(storage, queue="mail") == ["a"]

    def test_by_tag(self, storage: Storage) -> None:
        """`tag` matches jobs that have it among their tags, by the whole word."""
        enqueue(storage, "a", tags=("red", "big"))
        enqueue(storage, "b", tags=("reddish",))
        enqueue(storage, "c", tags=("größe,rot", 'with "quotes"'))
        enqueue(storage, "d")
        assert listed(storage, tag="red") == ["a"]
        assert listed(storage, tag="größe,rot") == ["c"]
        assert listed(storage, tag='with "quotes"') == ["c"]
        assert listed(storage, tag="rot") == []

    def test_by_text(self, storage: Storage, worker: str) -> None:
        """`text` matches what stands anywhere in the id, the command as people see it, or the error."""
        bury(storage, enqueue_and_claim(storage, worker, "by-error"), error="disk on fire")
        enqueue(storage, "fire-in-id")
        enqueue(storage, "by-command", command="light the fire now")
        enqueue(storage, "by-list", command=("echo", "big fire", "x"))
        enqueue(storage, "none", tags=("fire",), env={"fire": "fire"})
        assert sorted(listed(storage, text="fire")) == ["by-command", "by-error", "by-list", "fire-in-id"]
        assert listed(storage, text="echo 'big fire' x") == ["by-list"]

    @pytest.mark.parametrize("text", ["100%", "a_b", "a*b", "[ab]", "o'clock", "back\\slash", 'a "b"', "größe"])
    def test_text_is_no_pattern(self, storage: Storage, text: str) -> None:
        """Every character of a text stands for itself."""
        enqueue(storage, "found", command=f"echo {text}")
        enqueue(storage, "other", command="echo 100 axb aXXb oclock backslash a b grösse")
        assert listed(storage, text=text) == ["found"]

    def test_by_age(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """`finished_before` matches what finished longer ago than that; what has not finished does not match."""
        complete(storage, enqueue_and_claim(storage, worker, "old"))
        enqueue(storage, "cancelled")
        storage.change(Action.CANCEL, ["cancelled"])
        enqueue(storage, "waiting", delay=1e6)
        clock.advance(50.0)
        complete(storage, enqueue_and_claim(storage, worker, "young"))
        clock.advance(60.0)
        states = frozenset({State.COMPLETED, State.CANCELLED, State.PENDING})
        assert listed(storage, finished_before=100.0, states=states) == ["cancelled", "old"]

    def test_by_group(self, storage: Storage, worker: str) -> None:
        """With `grouped`, error, exit code and signal match together, None being a value; else they do not count."""
        bury(storage, enqueue_and_claim(storage, worker, "code-3"), exit_code=3)
        bury(storage, enqueue_and_claim(storage, worker, "code-3-why"), exit_code=3, error="why")
        bury(storage, enqueue_and_claim(storage, worker, "signal-9"), signal=9)
        dead = frozenset({State.DEAD})
        assert listed(storage, states=dead, grouped=True, exit_code=3) == ["code-3"]
        assert listed(storage, states=dead, grouped=True, exit_code=3, error="why") == ["code-3-why"]
        assert listed(storage, states=dead, grouped=True, signal=9) == ["signal-9"]
        assert listed(storage, states=dead, grouped=True) == []
        assert len(listed(storage, states=dead, exit_code=3)) == 3

    def test_all_fields_narrow_together(self, storage: Storage, worker: str) -> None:
        """A job matches when every field that is set does."""
        enqueue(storage, "match", queue="red", tags=("x",), command="echo fire")
        enqueue(storage, "no-queue", queue="blue", tags=("x",), command="echo fire")
        enqueue(storage, "no-tag", queue="red", command="echo fire")
        enqueue(storage, "no-text", queue="red", tags=("x",))
        query = {"queue": "red", "tag": "x", "text": "fire", "states": frozenset({State.PENDING})}
        assert listed(storage, **query) == ["match"]


def walk(storage: Storage, query: Query, limit: int) -> list[list[str]]:
    """Return the ids of all pages."""
    pages: list[list[str]] = []
    cursor = None
    while not pages or cursor is not None:
        page = storage.list(query, cursor, limit)
        pages.append([job.id for job in page.jobs])
        cursor = page.next_cursor
    return pages
