"""Enqueueing: all or none, under ids and keys of their own, exactly as given."""

from __future__ import annotations

from dataclasses import fields

import pytest

from queuectl.errors import ConflictError
from queuectl.model.job import NewJob, State
from queuectl.model.query import Action
from queuectl.model.storage import Storage
from queuectl.testing.clock import FakeClock
from queuectl.testing.contract.steps import (
    bury,
    claim,
    claimed,
    enqueue,
    enqueue_and_claim,
    finish_as,
    listed,
    new_job,
    stored,
)

_EVERY_FIELD = NewJob(
    id="every-field",
    command=("printf", "%s\n", "a b", "", "'\"$HOME`"),
    queue="mail/größe",
    priority=-7,
    max_retries=0,
    timeout=1.5,
    cwd="/tmp/with space",
    env={"NAME": "wörld", "EMPTY": "", "MULTI": "a\nb"},
    tags=("red", "blue", "größer"),
    backoff={"plugin": "fixed", "delay": 30, "nested": {"list": [1, 2.5, None, True, "x"]}},
    options={"image": "alpine:3", "volumes": [["/a", "/b"]], "limits": {"memory": 1073741824}},
    unique_key="only one",
    limit_key="per customer",
    schedule="nightly",
    fire_at=1_699_999_200.0,
)
_COMMANDS = {
    "text": "echo hello",
    "list": ("echo", "a b"),
    "list of one": ("true",),
    "lines": "echo one\necho two\n",
    "quotes": "echo 'it''s' \"$HOME\" `id` \\n %s ; -- DROP TABLE jobs",
    "looks like JSON": '["echo", "hello"]',
    "unicode": "echo größer 😀 日本語 \u200d",
    "200 KB": "x" * 200_000,
    "long list": tuple(str(number) for number in range(5000)),
}


class Enqueueing:
    """The clauses of `Storage.enqueue`."""

    def test_a_stored_job_is_pending_and_has_never_run(self, storage: Storage, clock: FakeClock) -> None:
        """A new job is pending: no attempt, no run, no lease, no worker, no time but those of its creation."""
        (job,) = storage.enqueue([new_job("a")])
        assert (job.id, job.state, job.attempts, job.runs, job.lost, job.lease) == ("a", State.PENDING, 0, 0, 0, 0)
        assert (job.created_at, job.updated_at) == (clock.now, clock.now)
        assert (job.started_at, job.finished_at, job.next_retry_at, job.run_at) == (None, None, None, None)
        assert (job.worker, job.exit_code, job.signal, job.error, job.previous_delay) == (None,) * 5
        assert not job.cancel_requested
        assert not job.held

    def test_what_is_returned_is_what_is_stored(self, storage: Storage) -> None:
        """`enqueue` returns each job just as `get` does."""
        jobs = storage.enqueue([new_job("a", delay=5.0), new_job("b", tags=("x",))])
        assert list(jobs) == [storage.get("a"), storage.get("b")]

    def test_jobs_are_returned_in_the_order_given(self, storage: Storage) -> None:
        """The result is in the order of what was given, whatever the ids and priorities."""
        jobs = storage.enqueue([new_job("c"), new_job("a", priority=9), new_job("b", run_at=0.0)])
        assert [job.id for job in jobs] == ["c", "a", "b"]

    def test_every_field_comes_back_as_it_was_given(self, storage: Storage) -> None:
        """All that a new job carries is there afterwards, equal in type and value."""
        storage.enqueue([_EVERY_FIELD])
        job = stored(storage, _EVERY_FIELD.id)
        names = [field.name for field in fields(NewJob) if field.name not in {"delay", "run_at"}]
        assert {name: getattr(job, name) for name in names} == {name: getattr(_EVERY_FIELD, name) for name in names}

    def test_a_backoff_may_be_a_name(self, storage: Storage) -> None:
        """A backoff that is a provider's name comes back as that text."""
        enqueue(storage, "a", backoff="linear")
        assert stored(storage, "a").backoff == "linear"

    @pytest.mark.parametrize("command", _COMMANDS.values(), ids=_COMMANDS.keys())
    def test_a_command_comes_back_exactly(self, storage: Storage, worker: str, command: str | tuple[str, ...]) -> None:
        """A text stays that text and a tuple that tuple, for whoever reads the job and whoever claims it."""
        enqueue(storage, "a", command=command)
        assert stored(storage, "a").command == command
        assert claim(storage, worker)[0].job.command == command

    @pytest.mark.parametrize("id", ["a", "A", "größe 😀", "x" * 128, "100%_*?[a]", "'; --", "007", "1e5", "null"])
    def test_any_printable_id_names_its_job(self, storage: Storage, id: str) -> None:
        """An id is a text: no pattern, no number, and upper case is not lower case."""
        enqueue(storage, id, "other")
        assert stored(storage, id).id == id
        assert storage.get(id.swapcase() + "!") is None

    def test_ids_differ_by_case(self, storage: Storage) -> None:
        """Ids that differ only by case name different jobs."""
        enqueue(storage, "job", "JOB")
        assert sorted(listed(storage)) == ["JOB", "job"]

    def test_nothing_is_stored_of_nothing(self, storage: Storage) -> None:
        """An empty batch is fine, and stores nothing."""
        assert list(storage.enqueue([])) == []
        assert listed(storage) == []

    def test_a_large_batch_keeps_its_order(self, storage: Storage, worker: str) -> None:
        """Two thousand jobs in one call are all stored, and claimed in the order given."""
        ids = [f"job-{number:04}" for number in reversed(range(2000))]
        assert [job.id for job in enqueue(storage, *ids)] == ids
        assert claimed(storage, worker, limit=3000) == ids

    def test_a_stored_id_is_refused(self, storage: Storage) -> None:
        """An id that is stored raises ConflictError, which names it; nothing of the batch is stored."""
        enqueue(storage, "taken-id", command="first")
        with pytest.raises(ConflictError, match="taken-id"):
            storage.enqueue([new_job("new-1"), new_job("taken-id", command="second"), new_job("new-2")])
        assert listed(storage) == ["taken-id"]
        assert stored(storage, "taken-id").command == "first"

    def test_the_first_of_several_conflicts_is_named(self, storage: Storage) -> None:
        """Of several ids that are stored the first in the batch is named."""
        enqueue(storage, "older-id", "newer-id")
        with pytest.raises(ConflictError, match="newer-id"):
            enqueue(storage, "fresh", "newer-id", "older-id")

    @pytest.mark.parametrize("state", [State.COMPLETED, State.DEAD, State.CANCELLED])
    def test_the_id_of_a_finished_job_is_refused(self, storage: Storage, worker: str, state: State) -> None:
        """An id is taken while its job is stored, finished or not."""
        finish_as(storage, worker, "taken-id", state)
        with pytest.raises(ConflictError, match="taken-id"):
            enqueue(storage, "taken-id")

    def test_an_id_twice_in_one_batch_is_refused(self, storage: Storage) -> None:
        """A batch that holds an id twice raises ConflictError, which names it; nothing is stored."""
        with pytest.raises(ConflictError, match="twin"):
            enqueue(storage, "single", "twin", "another", "twin")
        assert listed(storage) == []

    def test_a_refused_batch_leaves_no_trace(self, storage: Storage) -> None:
        """A refused batch is not counted, tells nothing, and its ids may be used."""
        enqueue(storage, "taken-id")
        with pytest.raises(ConflictError):
            enqueue(storage, "new-1", "taken-id", queue="elsewhere")
        assert [event.job.id for event in storage.events(0, 100) if event.job] == ["taken-id"]
        assert sum(sum(states.values()) for states in storage.counts().values()) == 1
        enqueue(storage, "new-1")

    def test_an_id_is_free_again_once_its_job_is_deleted(self, storage: Storage, worker: str) -> None:
        """A deleted job gives its id back; the new job under it starts from nothing."""
        bury(storage, enqueue_and_claim(storage, worker, "again"))
        storage.change(Action.DELETE, ["again"])
        (job,) = enqueue(storage, "again")
        assert (job.state, job.attempts, job.runs, job.lease, job.exit_code) == (State.PENDING, 0, 0, 0, None)
        assert list(storage.attempts("again")) == []

    def test_existing_jobs_are_passed_over_when_asked(self, storage: Storage) -> None:
        """With `skip_existing` only the jobs that were not stored are stored, and only these are returned."""
        enqueue(storage, "old", command="first")
        jobs = storage.enqueue(
            [new_job("new-1"), new_job("old", command="second"), new_job("new-2")], skip_existing=True
        )
        assert [job.id for job in jobs] == ["new-1", "new-2"]
        assert stored(storage, "old").command == "first"
        assert listed(storage) == ["new-2", "new-1", "old"]

    def test_of_twins_the_first_is_stored_when_others_are_passed_over(self, storage: Storage) -> None:
        """With `skip_existing` the first of two jobs with one id is stored."""
        twins = [new_job("twin", command="first"), new_job("twin", command="second")]
        assert [job.command for job in storage.enqueue(twins, skip_existing=True)] == ["first"]
        assert stored(storage, "twin").command == "first"

    def test_passing_all_over_stores_nothing(self, storage: Storage) -> None:
        """With `skip_existing` a batch of stored jobs returns nothing, and tells nothing."""
        enqueue(storage, "a")
        assert list(storage.enqueue([new_job("a")], skip_existing=True)) == []
        assert len(storage.events(0, 100)) == 1

    def test_a_delay_counts_on_the_clock_of_the_storage(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A job with a delay may be claimed that many seconds after it was stored, and not before."""
        (job,) = enqueue(storage, "a", delay=60.0)
        assert job.run_at == pytest.approx(clock.now + 60.0, abs=0.002)
        assert job.state is State.PENDING
        clock.advance(59.9)
        assert claimed(storage, worker) == []
        clock.advance(0.2)
        assert claimed(storage, worker) == ["a"]

    def test_a_job_with_run_at_waits_for_it(self, storage: Storage, worker: str, clock: FakeClock) -> None:
        """A job with `run_at` may be claimed from then on, and not before."""
        (job,) = enqueue(storage, "a", run_at=clock.now + 3600.0)
        assert job.run_at == clock.now + 3600.0
        clock.advance(3599.9)
        assert claimed(storage, worker) == []
        clock.advance(0.2)
        assert claimed(storage, worker) == ["a"]

    @pytest.mark.parametrize("when", [{"run_at": 0.0}, {"run_at": 1_600_000_000.25}, {"delay": 0.0}])
    def test_a_time_that_has_passed_is_now(self, storage: Storage, worker: str, when: dict[str, float]) -> None:
        """A `run_at` in the past and a delay of nothing may be claimed at once."""
        enqueue(storage, "a", **when)
        assert claimed(storage, worker) == ["a"]

    def test_a_run_at_far_away_is_kept(self, storage: Storage) -> None:
        """A time in the year 9999 is a time."""
        enqueue(storage, "a", run_at=253_402_300_799.0)
        assert stored(storage, "a").run_at == 253_402_300_799.0
