"""What a page can have done: each is a form that is posted, and leads back to where it came from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from queuectl import ALLOWED, Action, ConflictError, Job, UsageError
from queuectl_dashboard.desk import Deed, desk_of, past
from queuectl_dashboard.filters import Filter
from queuectl_dashboard.forms import form_of
from queuectl_dashboard.rendering import page
from queuectl_dashboard.words import jobs as jobs_text

BULK = (Action.RETRY, Action.CANCEL, Action.DELETE)


async def act(request: Request) -> Response:
    """Do something to one job."""
    form = await form_of(request)
    return await run_in_threadpool(_act, request, form)


async def edit(request: Request) -> Response:
    """Replace fields of a job that waits."""
    form = await form_of(request)
    return await run_in_threadpool(_edit, request, form)


async def bulk(request: Request) -> Response:
    """Do something to many jobs: first say to how many, then, with that number confirmed, do it."""
    form = await form_of(request)
    return await run_in_threadpool(_bulk, request, form)


async def set_queue(request: Request) -> Response:
    """Pause or resume a queue, or bound it."""
    form = await form_of(request)
    return await run_in_threadpool(_set_queue, request, form)


async def stop_worker(request: Request) -> Response:
    """Ask a worker to stop."""
    form = await form_of(request)
    return await run_in_threadpool(_stop_worker, request, form)


def _act(request: Request, form: FormData) -> Response:
    desk, id, verb = desk_of(request), _text(form, "id"), _text(form, "action")
    deeds: dict[str, tuple[str, Callable[[str], Job]]] = {
        **{action.value: (past(action), _changing(request, action)) for action in Action if action is not Action.EDIT},
        "run-now": ("made due", desk.console.run_now),
        "clone": ("cloned", desk.console.clone),
    }
    if verb not in deeds:
        raise UsageError(f"no action {verb!r}", hint=f"the actions are {', '.join(deeds)}")
    what, do = deeds[verb]
    job = do(id)
    target = f"{id} as {job.id}" if verb == "clone" else id
    deed = desk.done(request, what, target)
    return _to("/jobs" if verb == "delete" else f"/job?{urlencode({'id': job.id})}", deed)


def _changing(request: Request, action: Action) -> Callable[[str], Job]:
    def change(id: str) -> Job:
        return desk_of(request).console.change(action, [id])[0]

    return change


def _edit(request: Request, form: FormData) -> Response:
    desk, id = desk_of(request), _text(form, "id")
    job = desk.console.get(id)
    given: dict[str, Any] = {}
    command = _text(form, "command").replace("\r\n", "\n")
    if isinstance(job.command, str) and command and command != job.command:
        given["command"] = command
    for name in ("priority", "max_retries"):
        if _text(form, name) and _text(form, name) != str(getattr(job, name)):
            given[name] = _integer(form, name)
    for name in ("timeout", "run_at"):
        if _text(form, name):
            given[name] = _text(form, name)
    if "tags" in form and (tags := _text(form, "tags").split()) != list(job.tags):
        given["tags"] = tags
    desk.console.edit(id, given)
    return _to(f"/job?{urlencode({'id': id})}", desk.done(request, "edited", f"{id}: {', '.join(given)}"))


def _bulk(request: Request, form: FormData) -> Response:
    desk = desk_of(request)
    verb = _text(form, "action")
    if verb not in set(BULK):
        raise UsageError(f"no action {verb!r} for many jobs", hint=f"the actions are {', '.join(BULK)}")
    action, ids, filter = Action(verb), [str(id) for id in form.getlist("id")], Filter.read(dict(form))
    if "expected" in form:
        return _do_bulk(request, form, action, ids, filter)
    found = len(_fit(request, action, ids)) if ids else desk.console.count(action, filter.query)
    fields = [*(("id", id) for id in ids), *([] if ids else filter.fields.items())]
    return page(
        request,
        "confirm.html",
        action=action,
        count=found,
        fields=fields,
        filter=filter,
        ids=ids,
        back=_back(request),
    )


def _do_bulk(request: Request, form: FormData, action: Action, ids: list[str], filter: Filter) -> Response:
    desk, expected = desk_of(request), _integer(form, "expected")
    if ids:
        fit = _fit(request, action, ids)
        if len(fit) != expected:
            raise ConflictError(f"{len(fit)} of these jobs can be {past(action)} now, not {expected}", hint=AGAIN)
    changed = desk.console.change(action, fit if ids else filter.query, expected=expected)
    return _to(_local(_text(form, "back")), desk.done(request, past(action), jobs_text(len(changed)), len(changed)))


AGAIN = "look at them again: they changed meanwhile"


def _fit(request: Request, action: Action, ids: list[str]) -> list[str]:
    """Return those of the chosen jobs whose state allows the action."""
    console = desk_of(request).console
    return [id for id in dict.fromkeys(ids) if console.get(id).state in ALLOWED[action]]


def _set_queue(request: Request, form: FormData) -> Response:
    desk, name = desk_of(request), _text(form, "name")
    if "paused" in form:
        paused = _text(form, "paused") == "yes"
        desk.console.set_queue(name, paused=paused)
        return _to(_back(request), desk.done(request, "paused" if paused else "resumed", name))
    limit = _integer(form, "limit") if _text(form, "limit") else 0
    desk.console.set_queue(name, limit=limit)
    return _to(_back(request), desk.done(request, "limited" if limit else "lifted the limit of", name))


def _stop_worker(request: Request, form: FormData) -> Response:
    desk, force = desk_of(request), _text(form, "force") == "yes"
    worker = desk.console.stop_worker(_text(form, "id"), force=force)
    what = "asked to stop at once" if force else "asked to stop"
    return _to("/workers", desk.done(request, what, f"worker {worker.pid} on {worker.host}"))


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""


def _integer(form: FormData, name: str) -> int:
    text = _text(form, name).strip()
    try:
        return int(text)
    except ValueError:
        raise UsageError(f"{name}: expected a whole number, got {text!r}") from None


def _to(path: str, deed: Deed) -> Response:
    parts = urlsplit(path)
    fields = [(name, value) for name, value in parse_qsl(parts.query) if name != "did"]
    return RedirectResponse(f"{parts.path or '/'}?{urlencode([*fields, ('did', str(deed.id))])}", 303)


def _back(request: Request) -> str:
    """Return the page that a form was on."""
    parts = urlsplit(request.headers.get("referer", ""))
    return _local(parts.path + (f"?{parts.query}" if parts.query else ""))


def _local(path: str) -> str:
    """Return a path of ours; what would lead elsewhere becomes the first page."""
    parts = urlsplit(path)
    sound = path.startswith("/") and not path.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return path if sound and path.isprintable() else "/"
