"""The JSON API: the powers of the pages, for scripts. The table of endpoints is what OpenAPI tells too."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from queuectl import Action, UsageError
from queuectl_dashboard import openapi, reading, streams
from queuectl_dashboard.answering import json
from queuectl_dashboard.desk import desk_of, past
from queuectl_dashboard.filters import Filter
from queuectl_dashboard.guard import SLASH
from queuectl_dashboard.words import jobs as jobs_text

Answer = Callable[[Request, dict[str, Any]], Response]


class Endpoint(NamedTuple):
    """What an address answers: `asks` are the fields of its query, `takes` those of its body.

    Any other field is refused: one that is mistyped must not mean more jobs. Of an `open` body the engine says so.
    """

    method: str
    path: str
    answer: Answer
    about: str
    asks: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    status: int = 200
    media: str = "application/json"
    lists: bool = False
    open: bool = False


def enqueue(request: Request, body: dict[str, Any]) -> Response:
    """Store a job."""
    desk = desk_of(request)
    job = desk.console.enqueue(body)
    desk.done(request, "enqueued", job.id)
    return json(desk.console.describe(job), 201)


def edit(request: Request, body: dict[str, Any]) -> Response:
    """Edit a job."""
    desk, id = desk_of(request), named(request, "id")
    job = desk.console.edit(id, body)
    desk.done(request, "edited", f"{id}: {', '.join(body)}")
    return json(desk.console.describe(job))


def delete(request: Request, body: dict[str, Any]) -> Response:
    """Delete a job."""
    desk, id = desk_of(request), named(request, "id")
    job = desk.console.change(Action.DELETE, [id])[0]
    desk.done(request, past(Action.DELETE), id)
    return json(desk.console.describe(job))


def act(verb: str) -> Answer:
    """Return what answers to a verb for one job."""

    def answer(request: Request, body: dict[str, Any]) -> Response:
        desk, id = desk_of(request), named(request, "id")
        if verb == "clone":
            job = desk.console.clone(id)
        elif verb == "run-now":
            job = desk.console.run_now(id)
        else:
            job = desk.console.change(Action(verb), [id])[0]
        what = {"clone": "cloned", "run-now": "made due"}.get(verb) or past(Action(verb))
        desk.done(request, what, id)
        return json(desk.console.describe(job), 201 if verb == "clone" else 200)

    return answer


def bulk(request: Request, body: dict[str, Any]) -> Response:
    """Do something to many jobs, or say to how many it would be done."""
    desk, action = desk_of(request), _bulk_action(body)
    ids, filter = body.get("ids"), body.get("filter")
    if (ids is None) == (filter is None) or not isinstance(ids or [], list) or not isinstance(filter or {}, dict):
        raise UsageError("either ids, a list, or filter, a mapping, is needed")
    _refuse_others("field of the filter", filter or {}, FILTER)
    target = [str(id) for id in ids] if ids is not None else Filter.read(filter or {}).query
    if _flag(body, "dry_run"):
        count = len(target) if isinstance(target, list) else desk.console.count(action, target)
        return json({"action": action.value, "count": count, "done": False})
    expected = body.get("expected")
    if not isinstance(expected, int) or isinstance(expected, bool):
        raise UsageError("expected: a number is needed", hint="dry_run tells how many it would be")
    changed = desk.console.change(action, target, expected=expected)
    desk.done(request, past(action), jobs_text(len(changed)), len(changed))
    return json({"action": action.value, "count": len(changed), "done": True})


def set_queue(request: Request, body: dict[str, Any]) -> Response:
    """Pause, resume or bound a queue."""
    desk, name = desk_of(request), named(request, "name")
    paused, limit = body.get("paused"), body.get("limit")
    if not isinstance(paused, bool | None):
        raise UsageError("a queue takes paused (true or false) and limit (a number, 0 for none)")
    queue = desk.console.set_queue(name, paused=paused, limit=limit)
    desk.done(request, "set", f"queue {name}")
    return json(reading.queue_fields(queue))


def stop_worker(request: Request, body: dict[str, Any]) -> Response:
    """Ask a worker to stop."""
    desk, id = desk_of(request), named(request, "id")
    worker = desk.console.stop_worker(id, force=_flag(body, "force"))
    desk.done(request, "asked to stop", f"worker {id}")
    return json(desk.console.describe(worker), 202)


def follow(request: Request, body: dict[str, Any]) -> Response:
    """Follow what changes."""
    return streams.followed(request)


def describe(request: Request, body: dict[str, Any]) -> Response:
    """Describe the API."""
    return json(openapi.document(ENDPOINTS))


def named(request: Request, name: str) -> str:
    """Return a part of the path as it was meant."""
    return str(request.path_params[name]).replace(SLASH, "/")


def _flag(body: dict[str, Any], name: str) -> bool:
    value = body.get(name, False)
    if not isinstance(value, bool):
        raise UsageError(f"{name}: expected true or false, got {value!r}")
    return value


def _refuse_others(what: str, given: Iterable[str], known: tuple[str, ...]) -> None:
    for name in given:
        if name not in known:
            raise UsageError(f"unknown {what}: {name!r}", hint=f"known: {', '.join(known) or 'none'}")


def _bulk_action(body: dict[str, Any]) -> Action:
    try:
        action = Action(body.get("action", ""))
    except ValueError:
        action = Action.EDIT
    if action is Action.EDIT:
        raise UsageError("action: expected retry, cancel, hold, release or delete")
    return action


LIST = ("limit", "cursor")
FILTER = ("state", "queue", "tag", "text", "grouped", "error", "exit_code", "signal")
JOB = ("command", "queue", "priority", "run_at", "delay", "timeout", "max_retries", "cwd", "env", "tags", "backoff")
EDIT = ("command", "priority", "run_at", "timeout", "max_retries", "env", "tags", "backoff")

ENDPOINTS = (
    Endpoint("GET", "/status", reading.status, "How many jobs are in each state, and how many workers there are."),
    Endpoint("GET", "/stats", reading.stats, "The runs that ended, in steps of time.", ("since", "step"), lists=True),
    Endpoint(
        "GET",
        "/times",
        reading.times,
        "How long the newest completed jobs waited and ran, and who waits longest.",
    ),
    Endpoint("GET", "/attention", reading.attention, "What needs attention.", lists=True),
    Endpoint("GET", "/jobs", reading.jobs, "Jobs that match, the newest first.", (*FILTER, *LIST), lists=True),
    Endpoint("POST", "/jobs", enqueue, "Store a job.", takes=(*JOB, "id", "options"), status=201, open=True),
    Endpoint("GET", "/jobs/{id}", reading.job, "One job."),
    Endpoint("PATCH", "/jobs/{id}", edit, "Replace fields of a job that waits.", takes=EDIT, open=True),
    Endpoint("DELETE", "/jobs/{id}", delete, "Delete a job that has ended, with its attempts and their output."),
    Endpoint("GET", "/jobs/{id}/attempts", reading.attempts, "The attempts of a job, oldest first.", lists=True),
    Endpoint(
        "GET",
        "/jobs/{id}/output",
        reading.output,
        "The last bytes that a run wrote; with whole=1 all that are kept, where that is at the server's host.",
        ("run", "stream", "whole"),
        media="text/plain",
    ),
    Endpoint("POST", "/jobs/{id}/retry", act("retry"), "Run a job again."),
    Endpoint("POST", "/jobs/{id}/cancel", act("cancel"), "Stop a job that waits or runs."),
    Endpoint("POST", "/jobs/{id}/hold", act("hold"), "Keep a waiting job from being claimed."),
    Endpoint("POST", "/jobs/{id}/release", act("release"), "Let a job that was held be claimed."),
    Endpoint("POST", "/jobs/{id}/run-now", act("run-now"), "Make a waiting job due now."),
    Endpoint("POST", "/jobs/{id}/clone", act("clone"), "Store a job like this one.", status=201),
    Endpoint(
        "POST",
        "/bulk",
        bulk,
        "Do something to all the jobs that are named or match; nothing when it would be another number than expected.",
        takes=("action", "ids", "filter", "expected", "dry_run"),
    ),
    Endpoint("GET", "/queues", reading.queues, "All queues.", lists=True),
    Endpoint("PATCH", "/queues/{name}", set_queue, "Pause, resume or bound a queue.", takes=("paused", "limit")),
    Endpoint("GET", "/workers", reading.workers, "The workers that are active.", lists=True),
    Endpoint("POST", "/workers/{id}/stop", stop_worker, "Ask a worker to stop.", takes=("force",), status=202),
    Endpoint("GET", "/dlq", reading.dead, "The dead jobs by why they gave up, the largest group first.", lists=True),
    Endpoint(
        "GET", "/config", reading.configuration, "Every key with its value and where that comes from.", lists=True
    ),
    Endpoint("GET", "/plugins", reading.plugins, "Every installed plugin.", lists=True),
    Endpoint("GET", "/events", reading.events, "Events that wait to be delivered, oldest first.", lists=True),
    Endpoint("GET", "/audit", reading.audit, "What was done from here, the latest first.", lists=True),
    Endpoint(
        "GET",
        "/stream",
        follow,
        "Server-sent events: that something changed, never what; with job also that a running job has written.",
        ("job",),
        media=streams.MEDIA,
    ),
    Endpoint("GET", "/openapi.json", describe, "This description."),
)
"""All that the API answers."""

PREFIX = "/api/v1"


def routes() -> Iterable[Route]:
    """Return the routes; the fixed ones come before those with names in them."""
    by_path: dict[str, list[Endpoint]] = {}
    for endpoint in ENDPOINTS:
        by_path.setdefault(endpoint.path, []).append(endpoint)
    for path, endpoints in by_path.items():
        answers = {endpoint.method: endpoint for endpoint in endpoints}
        yield Route(f"{PREFIX}{path}", _dispatch(answers), methods=list(answers))


def _dispatch(answers: dict[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    async def dispatch(request: Request) -> Response:
        endpoint = answers["GET" if request.method == "HEAD" else request.method]
        body = _body(await request.body()) if request.method not in {"GET", "HEAD"} else {}
        _refuse_others("field of the query", request.query_params, endpoint.asks)
        if not endpoint.open:
            _refuse_others("field of the body", body, endpoint.takes)
        return await run_in_threadpool(endpoint.answer, request, body)

    return dispatch


def _body(data: bytes) -> dict[str, Any]:
    if not data:
        return {}
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"the body is no JSON object: {error}") from None
