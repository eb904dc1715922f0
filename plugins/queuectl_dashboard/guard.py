"""The guard before every page: which name the server was called by, who asks, from where, and what browsers may do.

It sees the request as it came, before anything is parsed, and never decides by a URL that was put together again.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import unquote_to_bytes

from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from queuectl_dashboard.problems import problem
from queuectl_dashboard.tokens import Token

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN = frozenset({"/healthz", "/session"})
"""What needs no token: the first tells nothing, the second is where it is given. Files of the package neither."""

ONCE = (b"authorization", b"content-length", b"origin", b"sec-fetch-site")
"""What is believed only if it is said once: of two, a proxy may have looked at the other."""

LARGEST = 4 * 2**20
"""Bytes that a request may hold: a command may be long."""

PATIENCE = 20.0
"""Seconds in which all of a request has to be here: whoever sends it drop by drop means no good."""

TOO_LARGE = "the request is too large"

SLASH = "\ue02f"
"""Stands for a slash within an id on the way through the routes."""

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Guard:
    """Lets in what may come in, and says with each answer what a browser may do with it."""

    def __init__(self, app: ASGIApp, names: Iterable[str], token: Token, cookie: str) -> None:
        self._app = app
        allowed = "|".join(re.escape(_bracketed(name).lower()) for name in names)
        self._host = re.compile(rf"(?:{allowed})(?::\d{{1,5}})?", re.ASCII)
        self._token = token
        self._cookie = cookie

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        scope["path"] = _path(scope)
        refusal, body = self._refusal(scope), b""
        if refusal is None and scope["method"] not in SAFE:
            body, refusal = await _read(receive)
        if refusal is not None:
            if scope["method"] not in SAFE:
                refusal.headers["connection"] = "close"  # what follows of the request is not read
            await refusal(scope, receive, send_with_headers)
        else:
            await self._app(scope, receive if scope["method"] in SAFE else _replayed(body, receive), send_with_headers)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the answer to what may not come in."""
        headers = [(name.lower(), value.decode("latin-1")) for name, value in scope["headers"]]
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1 or not self._host.fullmatch(hosts[0].lower()):
            return PlainTextResponse("this server has another name\n", 421)
        given = dict(headers)
        if any(sum(name == each for name, _ in headers) > 1 for each in ONCE):
            return problem(400, f"one of {', '.join(each.decode() for each in ONCE)} is given twice")
        if {b"content-length", b"transfer-encoding"} <= given.keys():
            return problem(400, "the length of the request is given in two ways")
        length = given.get(b"content-length", "0")
        if not (length.isascii() and length.isdigit() and int(length[:19]) <= LARGEST):
            return problem(413, TOO_LARGE)
        scheme, _, token = given.get(b"authorization", "").partition(" ")
        bearer = scheme.lower() == "bearer" and self._token.is_given_by(token)
        if scope["method"] not in SAFE and not _is_from_here(given, hosts[0], bearer=bearer):
            return problem(403, "the request comes from another site")
        if scope["path"] in OPEN or scope["path"].startswith("/static/"):
            return None
        if bearer or self._is_signed_in("; ".join(value for name, value in headers if name == b"cookie")):
            return None
        return self._unknown(scope)

    def _is_signed_in(self, cookies: str) -> bool:
        try:
            found = SimpleCookie(cookies).get(self._cookie)
        except CookieError:
            return False
        return found is not None and self._token.is_cookie(found.value)

    def _unknown(self, scope: Scope) -> Response:
        if scope["path"].startswith("/api/") or scope["method"] != "GET" or scope["path"] in {"/metrics", "/stream"}:
            answer = problem(401, "the token is missing or wrong")
            answer.headers["www-authenticate"] = "Bearer"
            return answer
        from queuectl_dashboard.rendering import sign_in_page

        return sign_in_page()


def _is_from_here(headers: dict[bytes, str], host: str, *, bearer: bool) -> bool:
    """Whether something unsafe is asked by our own page, or by a script that has the token."""
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is not None:
        return site in {"same-origin", "none"}
    if origin is not None:
        return origin.lower() in {f"http://{host.lower()}", f"https://{host.lower()}"}
    return bearer


def _path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    kept = re.sub(rb"(?i)%2f", SLASH.encode(), raw.partition(b"?")[0])
    return unquote_to_bytes(kept).decode("utf-8", "replace")


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


async def _read(receive: Receive) -> tuple[bytes, Response | None]:
    """Read a request to its end, and no more than it may hold, whatever it says of its length; else what to answer."""
    pieces, size = [], 0
    try:
        async with asyncio.timeout(PATIENCE):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    return b"", problem(400, "the request has no end")
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
                if size > LARGEST:
                    return b"", problem(413, TOO_LARGE)
                if not message.get("more_body", False):
                    return b"".join(pieces), None
    except TimeoutError:
        return b"", problem(408, "the request came too slowly")
    except asyncio.CancelledError:  # the server ends, and waits no longer
        return b"", problem(503, "the server ends")


def _replayed(body: bytes, receive: Receive) -> Receive:
    """Hand out a request that was read already, and after it what comes next: that whoever asked has gone."""
    read: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return read.pop() if read else await receive()

    return replayed
