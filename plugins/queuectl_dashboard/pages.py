"""The pages. Each is complete without JavaScript, and changes nothing."""

from __future__ import annotations

import heapq
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse

from queuectl import ALLOWED, Action, Job, NotFoundError, Query, State
from queuectl_dashboard import words
from queuectl_dashboard.attention import filter_of
from queuectl_dashboard.charts import chart_of
from queuectl_dashboard.desk import desk_of
from queuectl_dashboard.figures import waits_of
from queuectl_dashboard.filters import Filter
from queuectl_dashboard.rendering import page

RANGES = {"1h": (3600, 60), "24h": (86400, 1800), "7d": (604800, 10800)}
"""The times that the chart may show, with its steps, in seconds."""

PAGE = 50
SHOWN_ATTEMPTS = 50


def overview(request: Request) -> Response:
    """States, what needs attention, throughput, times, queues, workers."""
    desk = desk_of(request)
    range = request.query_params.get("range", "1h")
    since, step = RANGES.get(range, RANGES["1h"])
    return page(
        request,
        "overview.html",
        alerts=desk.alerts(),
        totals=desk.console.totals(),
        chart=chart_of(desk.stats(since, step)),
        ranges=RANGES,
        range=range if range in RANGES else "1h",
        step=step,
        times=desk.times(),
        backlog=desk.backlog(),
        queues=desk.console.queues(),
        workers=desk.console.workers(),
        status=desk.console.status(),
    )


def jobs(request: Request) -> Response:
    """The jobs that a filter means, the newest first."""
    desk = desk_of(request)
    filter = Filter.read(request.query_params)
    narrowed = filter.narrowed({queue.name for queue in desk.console.queues()})
    if narrowed != filter:
        return RedirectResponse(narrowed.address(), 303)
    if filter.text and desk.console.resolve(filter.text, 1) == [filter.text]:
        return RedirectResponse(f"/job?{_encoded(id=filter.text)}", 303)
    found = desk.page(filter.query, request.query_params.get("cursor"), PAGE)
    return page(
        request,
        "jobs.html",
        filter=filter,
        found=found.jobs,
        next_cursor=found.next_cursor,
        unfinished=found.next_cursor is not None and len(found.jobs) < PAGE,
        first=not request.query_params.get("cursor"),
        totals=desk.console.totals(),
        queues=desk.console.queues(),
        bulk=[action for action in (Action.RETRY, Action.CANCEL, Action.DELETE) if _fits(action, filter.query)],
    )


def job(request: Request) -> Response:
    """All of one job, with its attempts and what it wrote."""
    desk = desk_of(request)
    found = desk.console.get(request.query_params.get("id", ""))
    attempts = desk.console.attempts(found.id)
    number = _chosen(request, found)
    try:
        output = desk.console.output(found, number)
    except NotFoundError:
        output = None
    return page(
        request,
        "job.html",
        job=found,
        fields=desk.console.describe(found),
        attempts=[*zip(attempts, waits_of(found, attempts), strict=True)][-SHOWN_ATTEMPTS:],
        earlier=max(len(attempts) - SHOWN_ATTEMPTS, 0),
        number=number,
        output=output,
        whole=output is not None and desk.console.has_whole(output),
        text="" if output is None else words.output_text(output.tail),
        errors="" if output is None or not output.error_tail else words.output_text(output.error_tail),
        can={action.value for action in Action if found.state in ALLOWED[action]},
    )


def output(request: Request) -> Response:
    """All that is kept of what a run wrote, as bytes that no browser takes for anything but text."""
    desk = desk_of(request)
    found = desk.console.get(request.query_params.get("id", ""))
    number = _chosen(request, found)
    errors = request.query_params.get("stream") == "error"
    headers = {"content-disposition": f'attachment; filename="{"error" if errors else "output"}-{number or 0}.txt"'}
    written = desk.console.written(found, number, errors=errors)
    return StreamingResponse(written, media_type="text/plain; charset=utf-8", headers=headers)


def queues(request: Request) -> Response:
    """Every queue, with what it holds."""
    desk = desk_of(request)
    workers = desk.console.workers()
    serving = {
        queue.name: sum(worker.queues is None or queue.name in worker.queues for worker in workers)
        for queue in desk.console.queues()
    }
    return page(request, "queues.html", queues=desk.console.queues(), serving=serving)


def workers(request: Request) -> Response:
    """Every worker, with what it runs."""
    desk = desk_of(request)
    return page(request, "workers.html", workers=desk.console.workers())


def dead(request: Request) -> Response:
    """The dead letter queue, by why jobs gave up."""
    desk = desk_of(request)
    groups = [(group, filter_of(group)) for group in heapq.nlargest(200, desk.groups(), key=lambda each: each.count)]
    return page(request, "dlq.html", groups=groups, total=desk.console.totals()[State.DEAD])


def configuration(request: Request) -> Response:
    """Every key with its value and where that comes from."""
    desk = desk_of(request)
    sections: dict[str, list[dict[str, Any]]] = {}
    for setting in desk.console.settings():
        sections.setdefault(setting["key"].partition(".")[0], []).append(setting)
    return page(request, "config.html", sections=sections, status=desk.console.status())


def plugins(request: Request) -> Response:
    """Every installed plugin, and which are used."""
    return page(request, "plugins.html", plugins=desk_of(request).console.plugins())


def events(request: Request) -> Response:
    """What was done from here, and the events that wait to be delivered."""
    desk = desk_of(request)
    waiting = [*desk.console.events()]
    return page(request, "events.html", deeds=desk.deeds(), events=waiting[::-1][:200], more=max(len(waiting) - 200, 0))


def keys(request: Request) -> Response:
    """What each key does."""
    return page(request, "keys.html")


def healthy(request: Request) -> Response:
    """Say that the server lives."""
    return PlainTextResponse("ok\n")


def ready(request: Request) -> Response:
    """Say whether the store can be asked."""
    desk_of(request).console.totals()
    return PlainTextResponse("ok\n")


def _chosen(request: Request, job: Job) -> int | None:
    """Return the run that is asked for, else the one that goes on, else the last; None where there is none."""
    text = request.query_params.get("run", "")
    if text.isascii() and text.isdigit():
        return int(text[:9])
    return job.runs + (job.state is State.PROCESSING) or None


def _fits(action: Action, query: Query) -> bool:
    return query.states is None or not ALLOWED[action].isdisjoint(query.states)


def _encoded(**fields: str) -> str:
    return Filter().address("", **fields).removeprefix("?")
