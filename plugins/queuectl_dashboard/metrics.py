"""Metrics for Prometheus, read from the store when they are asked for. No label holds an id or a command."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from queuectl import State
from queuectl_dashboard.desk import desk_of


def metrics(request: Request) -> Response:
    """Answer a scrape."""
    desk = desk_of(request)
    queues, workers = desk.console.queues(), desk.console.workers()
    times, backlog = desk.times(), desk.backlog()
    (last,) = desk.stats(60, 60)
    families = (
        _family(
            "jobs",
            "Jobs by queue and state.",
            [
                ({"queue": queue.name, "state": state}, queue.counts.get(state, 0))
                for queue in queues
                for state in State
            ],
        ),
        _family("queue_paused", "1 for a queue that is paused.", [({"queue": q.name}, int(q.paused)) for q in queues]),
        _family(
            "oldest_waiting_seconds",
            "How long the job waits that could run and has waited longest.",
            [({}, 0.0 if backlog is None else round(max(desk.clock() - backlog.since, 0.0), 3))],
        ),
        _family("workers", "Workers that are active.", [({}, len(workers))]),
        _family("workers_slots", "Jobs that they can run at once.", [({}, sum(w.concurrency for w in workers))]),
        _family("running", "Jobs that they have claimed.", [({}, sum(len(w.running) for w in workers))]),
        _family(
            "runs_last_minute",
            "Runs that ended within the last minute.",
            [({"result": "completed"}, last.completed), ({"result": "failed"}, last.failed)],
        ),
        _family(
            "wait_seconds",
            "How long the newest completed jobs waited.",
            [({"quantile": f"0.{percent}"}, value) for percent, value in times.wait.items()],
        ),
        _family(
            "run_seconds",
            "How long the newest completed jobs ran.",
            [({"quantile": f"0.{percent}"}, value) for percent, value in times.run.items()],
        ),
    )
    return PlainTextResponse("".join(families), media_type="text/plain; version=0.0.4; charset=utf-8")


def _family(name: str, about: str, samples: Iterable[tuple[dict[str, str], float]]) -> str:
    lines = [f"queuectl_{name}{_labels(labels)} {value}\n" for labels, value in samples]
    return f"# HELP queuectl_{name} {about}\n# TYPE queuectl_{name} gauge\n{''.join(lines)}"


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
