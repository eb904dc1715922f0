"""The application: which address leads where."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from queuectl import Console, QueuectlError
from queuectl_dashboard import actions, api, pages, sessions
from queuectl_dashboard.desk import Desk
from queuectl_dashboard.metrics import metrics
from queuectl_dashboard.problems import problem, problem_of, status_of
from queuectl_dashboard.rendering import STATIC, page
from queuectl_dashboard.streams import stream
from queuectl_dashboard.tokens import Token
from queuectl_dashboard.watching import Watcher

PAGES = {
    "/": pages.overview,
    "/jobs": pages.jobs,
    "/job": pages.job,
    "/job/output": pages.output,
    "/queues": pages.queues,
    "/workers": pages.workers,
    "/dlq": pages.dead,
    "/config": pages.configuration,
    "/plugins": pages.plugins,
    "/events": pages.events,
    "/keys": pages.keys,
    "/healthz": pages.healthy,
    "/readyz": pages.ready,
    "/metrics": metrics,
}

FORMS = {
    "/session": sessions.sign_in,
    "/session/end": sessions.sign_out,
    "/job/act": actions.act,
    "/job/edit": actions.edit,
    "/jobs/bulk": actions.bulk,
    "/queues/set": actions.set_queue,
    "/workers/stop": actions.stop_worker,
}

MEANT_FOR = {"/jobs/bulk": "/jobs", "/job/act": "/jobs", "/queues/set": "/queues", "/workers/stop": "/workers"}
"""Where a browser is led that comes to the address of a form, as after signing in anew."""


FOR_MACHINES = ("/api/", "/metrics", "/readyz", "/healthz", "/stream", "/session", "/static/")
"""Where errors are told to programs, and to strangers: a page of ours would show them more than that."""


def application(console: Console, watcher: Watcher, token: Token, cookie: str) -> Starlette:
    """Put it together."""
    routes = [
        *(Route(path, show, methods=["GET"]) for path, show in PAGES.items()),
        *(Route(path, do, methods=["POST"]) for path, do in FORMS.items()),
        Route("/stream", stream, methods=["GET"]),
        *api.routes(),
        Mount("/static", _Files(directory=STATIC)),
    ]
    handlers = {QueuectlError: _failed, HTTPException: _refused}
    made = Starlette(routes=routes, exception_handlers=handlers)  # type: ignore[arg-type]
    made.state.desk = Desk(console, watcher)
    made.state.token = token
    made.state.cookie = cookie
    return made


class _Files(StaticFiles):
    """Files of the package, which browsers may keep: their address changes with them."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        answer = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        answer.headers["cache-control"] = "public, max-age=31536000, immutable"
        return answer


async def _failed(request: Request, error: QueuectlError) -> Response:
    if _is_for_machines(request):
        return problem_of(error)
    return await _told(request, status_of(error), error.message, error.hint, error.details)


async def _refused(request: Request, error: HTTPException) -> Response:
    path = MEANT_FOR.get(request.url.path)
    if error.status_code == 405 and path is not None and request.method == "GET":
        return RedirectResponse(path, 303)
    if _is_for_machines(request):
        return problem(error.status_code, error.detail)
    said = {404: "there is no such page", 405: "this address takes nothing of that kind"}
    return await _told(request, error.status_code, said.get(error.status_code, error.detail))


async def _told(
    request: Request, status: int, message: str, hint: str | None = None, details: tuple[str, ...] = ()
) -> Response:
    show: Callable[..., Response] = page
    answer: Awaitable[Response] = run_in_threadpool(
        show, request, "problem.html", status, message=message, hint=hint, details=details[:20]
    )
    return await answer


def _is_for_machines(request: Request) -> bool:
    return request.url.path.startswith(FOR_MACHINES)
