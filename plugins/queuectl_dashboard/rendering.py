"""Rendering: templates with everything escaped, and the words that they use."""

from __future__ import annotations

import time
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from queuectl import FINAL, QueuectlError, State
from queuectl_dashboard import words
from queuectl_dashboard.desk import Desk, desk_of

STATIC = Path(__file__).parent / "static"


@cache
def environment() -> Environment:
    """Return the templates, each read once."""
    made = Environment(
        loader=PackageLoader("queuectl_dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    for name in ("visible", "line", "short", "span", "size", "number", "brief", "ending", "command_text", "jobs"):
        made.filters[name] = getattr(words, name)
    made.filters |= {
        "when": _when,
        "ago": _ago,
        "outlook": _outlook,
        "address": _address,
        "job_link": _job_link,
        "capitalize_first": _capitalized,
    }
    made.globals |= {"states": tuple(State), "FINAL": FINAL, "version": version_of_static(), "cause": words.cause}
    return made


def prepare() -> None:
    """Compile all templates, so that the first page need not wait for that."""
    for name in environment().list_templates():
        environment().get_template(name)


@cache
def version_of_static() -> str:
    """Return a text that changes with the files that browsers may keep."""
    files = sorted(STATIC.iterdir())
    return sha256(b"".join(file.read_bytes() for file in files if file.is_file())).hexdigest()[:12]


def page(request: Request, template: str, code: int = 200, **values: Any) -> Response:
    """Return a page."""
    desk = desk_of(request)
    text = (
        environment()
        .get_template(template)
        .render(
            request=request,
            here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            path=request.url.path,
            now=desk.clock(),
            read_only=desk.console.read_only,
            watched=request.state.watched,
            trouble=desk.watcher.trouble,
            dead=_dead(desk),
            deed=desk.deed(request.query_params.get("did")),
            **values,
        )
    )
    return HTMLResponse(text, code)


def _dead(desk: Desk) -> int:
    """Return how many jobs gave up, which every page says; none where the store cannot tell: the page says that."""
    try:
        return desk.console.totals()[State.DEAD]
    except QueuectlError:
        return 0


def sign_in_page(*, wrong: bool = False) -> Response:
    """Return the page that asks for the token."""
    text = environment().get_template("sign-in.html").render(wrong=wrong)
    return HTMLResponse(text, 401)


@pass_context
def _when(context: Context, moment: float | None) -> Markup | str:
    """Write a moment by its distance from now; the exact one is what machines, and who points at it, are told."""
    if moment is None:
        return "-"
    now = context.get("now", time.time())
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(words.iso(moment), words.distance(moment, now))


@pass_context
def _ago(context: Context, moment: float) -> str:
    return words.distance(moment, context["now"])


@pass_context
def _outlook(context: Context, job: Any) -> str:
    return words.short(words.outlook(job, context["now"]), 120)


def _address(path: str, **fields: Any) -> str:
    """Return an address with fields, whatever they hold."""
    return f"{path}?{urlencode({name: value for name, value in fields.items() if value not in {None, ''}})}"


def _job_link(id: str) -> str:
    return _address("/job", id=id)


def _capitalized(text: str) -> str:
    """Begin a text with a capital, and leave the rest as it is."""
    return text[:1].upper() + text[1:]
