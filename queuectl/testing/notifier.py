"""NotifierContract: what every notifier promises."""

from __future__ import annotations

import pytest

from queuectl.model.event import EVENT_NAMES
from queuectl.model.job import Job, State
from queuectl.model.notifier import Notifier
from queuectl.testing.leftovers import each_leaves_something, left_by
from queuectl.testing.making import make_event, make_job
from queuectl.testing.patience import Call, remember, skip_after, within

_OF_JOBS = sorted(name for name in EVENT_NAMES if name.startswith("job."))
_OF_OTHERS = sorted(EVENT_NAMES - set(_OF_JOBS))
_JOBS = {
    "list of words": make_job(command=("printf", "%s\n", "a b")),
    "any text": make_job(command="echo \"ü€😀\" '\t\n\x1b[31m'", tags=("ü",), error="line\nline"),
    "very long text": make_job(command="x" * 100_000, error="y" * 100_000),
    "a signal": make_job(state=State.FAILED, signal=9, next_retry_at=1.0),
    "never ran": make_job(state=State.DEAD, error="cannot start a process"),
    "all fields": make_job(cwd="/", env={"A": "b"}, timeout=1.0, options={"a": [1]}, backoff={"plugin": "fixed"}),
}


class NotifierContract:
    """Test a notifier: subclass this, override `notifier`, run pytest.

        class TestWebhook(NotifierContract):
            @pytest.fixture
            def notifier(self, server):
                return Webhook(url=server.url)

    It is told of many events: point it at a server of the test's own. What listens by the hook `queuectl_notify` is
    tested in the same way, as `SimpleNamespace(notify=my_module.queuectl_notify)`.
    """

    patience: float = 10.0
    """How many seconds it may take to tell of one event."""

    @pytest.fixture
    def notifier(self) -> Notifier:
        """Return the notifier to test."""
        raise NotImplementedError("override the fixture notifier: return a Notifier")

    @pytest.fixture(autouse=True)
    def returning(self, request: pytest.FixtureRequest) -> None:
        """Skip what would hang as well."""
        skip_after(request, "test_it_comes_to_an_end")

    def test_it_comes_to_an_end(self, notifier: Notifier, request: pytest.FixtureRequest) -> None:
        """It returns, or raises, in the time that it has: for as long as it hangs it hears of nothing else."""
        call = Call(lambda: notifier.notify(make_event("job.completed")))
        ended = call.ended(self.patience)
        remember(request, failed=not ended)
        assert ended, f"it did not return within {self.patience:g} s"

    @pytest.mark.parametrize("name", _OF_JOBS)
    def test_it_takes_every_event_of_a_job(self, notifier: Notifier, name: str) -> None:
        """It may be told of any transition of a job."""
        notifier.notify(make_event(name))

    @pytest.mark.parametrize("name", _OF_OTHERS)
    def test_it_takes_events_without_a_job(self, notifier: Notifier, name: str) -> None:
        """Events of workers and queues have no job, and no attempt."""
        notifier.notify(make_event(name))

    @pytest.mark.parametrize("job", _JOBS.values(), ids=_JOBS.keys())
    def test_any_job_will_do(self, notifier: Notifier, job: Job) -> None:
        """It takes jobs with any command and any error, with and without an exit code."""
        notifier.notify(make_event("job.dead", job=job))

    def test_an_event_may_come_again(self, notifier: Notifier) -> None:
        """Each event comes at least once: after a crash, those come again that came before it."""
        for id in (7, 8, 7, 8, 9):
            notifier.notify(make_event("job.completed", id=id))

    def test_another_thread_may_call_it(self, notifier: Notifier) -> None:
        """It is called on a thread of its own, which is not the one that made it."""
        within(self.patience, lambda: notifier.notify(make_event("job.completed")), "the end of `notify`")

    def test_no_event_leaves_anything_behind(self, notifier: Notifier) -> None:
        """A worker tells of events for weeks: none of them leaves a thread, an open file or a process."""
        left = left_by(lambda number: notifier.notify(make_event("job.completed", id=number + 1)))
        assert not each_leaves_something(left)
