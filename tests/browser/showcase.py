"""A store as an evening at work leaves it: jobs of many kinds over an hour, workers that are busy, and some trouble."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from queuectl import Ask, Claim, NewJob, NewWorker, Outcome, Output, Result, Run, Settlement, Storage, Verdict
from queuectl.config import load_config

QUEUES = ("default", "mail", "thumbnails", "reports")

COMMANDS = {
    "default": "sync-inventory --shop {0}",
    "mail": "send-mail --template welcome --to user{0}@example.org",
    "thumbnails": "convert upload-{0}.png -resize 320x320 thumb-{0}.webp",
    "reports": "render-report --month 2026-{1:02d} --customer {0}",
}

TROUBLES = (
    Outcome(exit_code=75, error=None),
    Outcome(exit_code=1, error="connection refused: smtp.example.org:587"),
    Outcome(exit_code=None, signal=9),
    Outcome(exit_code=None, signal=15, timed_out=True, error="timed out after 5m"),
)

TRACEBACK = b"""\x1b[1mrender-report\x1b[0m 2026-03 for customer 4711
reading 18,204 rows from sales
\x1b[33mwarning\x1b[0m: 12 rows without a currency
Traceback (most recent call last):
  File "/srv/reports/render.py", line 88, in <module>
    table.write(target)
OSError: [Errno 28] No space left on device
"""

HOSTILE: dict[str, Any] = {
    "id": "<img src=x onerror=alert(1)>",
    "command": 'echo \'<script>document.title="owned"</script>\' \x1b[31mred\x1b[0m \u202eexe.cod\u202c "&<>\'"',
    "queue": "<b>bold</b>&amp;",
    "tags": ['"><script>alert(2)</script>'],
    "env": {"PASSWORD": "hunter2", "NAME": "</td><script>alert(3)</script>"},
}


class Clock:
    """A clock that is set by hand."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """Tell the time."""
        return self.now


def fill(home: Path, *, hostile: bool = True) -> dict[str, str]:
    """Fill the store below a home, and return the ids of jobs worth a look by what they are."""
    config = load_config(environ={"QUEUECTL_HOME": str(home)})
    home.mkdir(parents=True, exist_ok=True)
    clock = Clock(time.time() - 3660)
    choice = config.storage
    create = choice.found.provider.create
    assert create is not None
    storage: Storage = create(choice.settings, replace(config.context(), clock=clock))
    try:
        return _Evening(storage, clock).spend(hostile=hostile)
    finally:
        storage.close()


class _Evening:
    def __init__(self, storage: Storage, clock: Clock) -> None:
        self.storage = storage
        self.clock = clock
        self.random = random.Random(7)
        self.count = 0
        self.workers = ("w-web-1", "w-web-2")

    def spend(self, *, hostile: bool) -> dict[str, str]:
        for number, worker in enumerate(self.workers):
            host, long = f"web-{number + 1}", 86_400.0
            self.storage.register(NewWorker(id=worker, host=host, pid=4120 + number, concurrency=4, lease=long))
        for minute in range(60):
            self.clock.now += 60
            self._minute(minute)
        self._trouble()
        return self._now(hostile=hostile)

    def _minute(self, minute: int) -> None:
        wave = 14 + 9 * ((minute % 23) / 23) + (18 if 38 <= minute <= 44 else 0)
        self._enqueue(int(self.random.gauss(wave, 3)))
        for worker in self.workers:
            claims = self.storage.exchange(worker, [], Ask(limit=60)).claims
            self.storage.exchange(worker, [self._ended(claim, minute) for claim in claims], None)

    def _enqueue(self, count: int) -> None:
        self.storage.enqueue([self._job() for _ in range(max(count, 2))])

    def _job(self, **fields: Any) -> NewJob:
        self.count += 1
        queue = fields.pop("queue", None) or self.random.choices(QUEUES, (3, 6, 4, 1))[0]
        command = COMMANDS[queue].format(self.random.randint(100, 9999), self.random.randint(1, 12))
        return NewJob(
            **{"id": f"3k{self.count:04d}m41qa", "command": command, "queue": queue, "cwd": "/srv/app", **fields}
        )

    def _ended(self, claim: Claim, minute: int) -> Settlement:
        took = min(self.random.lognormvariate(0.2, 1.1), 50.0)
        broken = 38 <= minute <= 44 and claim.job.queue == "mail" and self.random.random() < 0.45
        if not broken and self.random.random() > 0.02:
            return self._settle(claim, Verdict.COMPLETED, Outcome(exit_code=0, cpu_time=took / 3), took)
        last = claim.job.attempts >= 1
        outcome = TROUBLES[1] if broken else self.random.choice(TROUBLES)
        return self._settle(claim, Verdict.DEAD if last else Verdict.FAILED, outcome, took, 0.0 if last else 30.0)

    def _settle(
        self, claim: Claim, verdict: Verdict, outcome: Outcome, took: float = 2.0, delay: float = 0.0, **more: Any
    ) -> Settlement:
        text = more.get("text", b"starting\ndone\n" if verdict is Verdict.COMPLETED else TRACEBACK)
        result = Result.COMPLETED if verdict is Verdict.COMPLETED else Result.FAILED
        output = Output(tail=text[-65536:], size=len(text))
        ended = self.random.random() * 2
        times = {"started_ago": took + ended, "ended_ago": ended}
        run = Run(number=claim.number, result=result, outcome=outcome, output=output, **times)
        return Settlement(lease=claim.lease, verdict=verdict, run=run, delay=delay, charge=result is Result.FAILED)

    def _trouble(self) -> None:
        jobs = [self._job(queue="reports", id=f"report-2026-{number:02d}", max_retries=2) for number in range(1, 6)]
        self.storage.enqueue(jobs)
        for attempt in range(3):
            for claim in self.storage.exchange(self.workers[0], [], Ask(limit=50)).claims:
                last = attempt == 2
                verdict = Verdict.DEAD if last else Verdict.FAILED
                outcome = Outcome(exit_code=1, peak_memory=181_000_000, cpu_time=3.2)
                settled = self._settle(claim, verdict, outcome, 12.0 + attempt, 1.0)
                self.storage.exchange(self.workers[0], [settled], None)
            self.clock.now += 5

    def _now(self, *, hostile: bool) -> dict[str, str]:
        self.clock.now = time.time()
        if hostile:
            huge = NewJob(id="huge", command="x" * 1_000_000, queue="thumbnails")
            self.storage.enqueue([NewJob(**HOSTILE), huge])
        self.storage.enqueue([self._job(priority=5) for _ in range(7)])
        running: list[str] = []
        for worker in self.workers:
            claims: Sequence[Claim] = self.storage.exchange(worker, [], Ask(limit=3)).claims
            for claim in claims:
                self.storage.record(claim.lease, None, started_ago=self.random.uniform(1, 40))
                running.append(claim.job.id)
        later = self._job(run_at=time.time() + 7200, tags=("nightly", "eu"), env={"API_TOKEN": "s3cret", "LANG": "C"})
        self.storage.enqueue([later, *(self._job() for _ in range(5))])
        self.storage.set_queue("thumbnails", paused=True)
        return {
            "running": running[0],
            "later": later.id,
            "dead": "report-2026-03",
            "hostile": HOSTILE["id"],
            "huge": "huge",
        }
