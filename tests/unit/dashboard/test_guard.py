"""Whoever has no business here is turned away: each test is an attack, beside what it must not be mistaken for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from starlette.types import Message, Receive, Scope, Send

from queuectl import Query
from queuectl.testing.contract.steps import register
from queuectl_dashboard.api import ENDPOINTS
from queuectl_dashboard.guard import Guard
from queuectl_dashboard.tokens import Token

if TYPE_CHECKING:
    from tests.unit.dashboard.conftest import Site

PRIVATE = ["/", "/jobs", "/job?id=a", "/queues", "/workers", "/dlq", "/config", "/plugins", "/events", "/stream"]
MACHINES = ["/metrics", "/readyz", "/api/v1/jobs", "/api/v1/config", "/api/v1/openapi.json"]

UNSAFE = [
    ("/job/act", {"id": "a", "action": "cancel"}),
    ("/jobs/bulk", {"action": "delete", "expected": "1"}),
    ("/queues/set", {"name": "default", "paused": "yes"}),
    ("/workers/stop", {"id": "w"}),
    ("/job/edit", {"id": "a", "priority": "1"}),
]


@pytest.mark.parametrize("path", [*PRIVATE, *MACHINES])
def test_nothing_is_shown_without_the_token(site: Site, path: str) -> None:
    """Nor with a wrong one, a wrong cookie, or the token in the place of the cookie."""
    secret = site.console.enqueue({"id": "a", "command": "secret-command"}).command
    for headers in (
        {},
        {"authorization": "Bearer nonsense"},
        {"authorization": site.token.text},
        {"authorization": f"Basic {site.token.text}"},
        {"cookie": f"queuectl-{site.port}=nonsense"},
        {"cookie": f"queuectl-{site.port}={site.token.text}"},
        {"cookie": f"queuectl-1={site.token.cookie}"},
    ):
        answer = site.as_stranger("GET", path, headers)
        assert answer.status == 401
        assert str(secret) not in answer.text
        assert site.token.text not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "//",
        "//jobs",
        "/./jobs",
        "/%6aobs",
        "/jobs/",
        "/healthz/../jobs",
        "/healthz/%2e%2e/jobs",
        "/healthz%2f..%2fjobs",
        "/session/../jobs",
        "/static/../jobs",
        "/static/%2e%2e/jobs",
        "/static/..%2fjobs",
        "/static/../api/v1/jobs",
        "/static/..;/jobs",
        "/STATIC/../jobs",
        "http://127.0.0.1/jobs",
        "http://evil.example/api/v1/jobs",
        "*",
    ],
)
def test_no_spelling_of_a_path_leads_around_the_token(site: Site, path: str) -> None:
    """What is open to everybody is so by its whole path, as the routes see it."""
    site.console.enqueue({"id": "a", "command": "secret-command"})
    answer = site.whole(f"GET {path} HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n\n")
    assert answer.split()[1] in {"400", "401", "404"}
    assert "secret-command" not in answer


@pytest.mark.parametrize("path", ["/session", "/static/nosuch", "/static/", "/session?did=1"])
def test_what_is_open_tells_a_stranger_nothing(site: Site, path: str) -> None:
    """Not even of the trouble that the store is in, or what can be asked for."""
    site.watcher.trouble = "secret-place"
    for method in ("GET", "PUT", "POST"):
        answer = site.as_stranger(method, path, {"accept": "text/html", "sec-fetch-site": "same-origin"})
        assert answer.status in {401, 404, 405}
        assert "secret-place" not in answer.text and "/jobs" not in answer.text


def test_the_token_is_in_no_answer(site: Site) -> None:
    """Whoever looks over a shoulder, or at a page that was saved, does not come in by it."""
    site.console.enqueue({"id": "a", "command": "true"})
    for path in (*PRIVATE[:-1], *MACHINES, "/keys", "/nosuch", "/static/dashboard.js"):
        answer = site.as_stranger("GET", path, {"cookie": site.cookie})
        told = answer.text + str(answer.headers)
        assert site.token.text not in told and site.token.cookie not in told


@pytest.mark.parametrize("cookies", ['"', "a=\xff", "=;=;", "queuectl-1", 'x="\\', "a;" * 3000])
def test_odd_cookies_let_nobody_in(site: Site, cookies: str) -> None:
    """And break nothing."""
    assert site.as_stranger("GET", "/jobs", {"cookie": cookies}).status == 401


@pytest.mark.parametrize("path", ["/", "/jobs", "/metrics", "/readyz", "/api/v1/jobs"])
def test_the_token_and_the_cookie_let_in(site: Site, path: str) -> None:
    """Each by itself."""
    assert site.get(path).status == 200
    assert site.as_stranger("GET", path, {"cookie": f"theme=dark; {site.cookie}"}).status == 200


def test_health_needs_no_token_and_tells_nothing(site: Site) -> None:
    """A supervisor of the process has none."""
    answer = site.as_stranger("GET", "/healthz")
    assert (answer.status, answer.body) == (200, b"ok\n")


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example#127.0.0.1",
        "127.0.0.1/x",
        "127.0.0.1:80/x",
        "localhost:8787@evil.example",
        "127.0.0.1:",
        "127.0.0.1:port",
        "[::1",
        "",
        "127.0.0.1.",
        "127.0.0.1\tx",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "127.0.0.1, evil.example",
        "127.0.0.1:\u0661".encode().decode("latin-1"),
        "\uff4cocalhost".encode().decode("latin-1"),
        "l\xf6calhost",
        "loc\u212aalhost".encode().decode("latin-1"),
    ],
)
def test_another_name_leads_nowhere(site: Site, host: str) -> None:
    """A page of another site whose name was bent to this address (DNS rebinding) has that name."""
    answer = site("GET", "/api/v1/status", headers={"host": host})
    assert answer.status in {400, 421}


@pytest.mark.parametrize("host", ["127.0.0.1", "LOCALHOST:1", "localhost:65535", "[::1]:8787", "[::1]"])
def test_our_own_names_lead_here(site: Site, host: str) -> None:
    """With any port: a tunnel ends at another one."""
    assert site("GET", "/api/v1/status", headers={"host": host}).status == 200


def test_two_names_or_none_lead_nowhere(site: Site) -> None:
    """Of two, a proxy may have looked at the other."""
    bearer = f"Authorization: Bearer {site.token.text}\nConnection: close"
    both = site.raw(f"GET /jobs HTTP/1.1\nHost: 127.0.0.1\nHost: evil.example\n{bearer}\n\n")
    none = site.raw(f"GET /jobs HTTP/1.0\n{bearer}\n\n")
    assert both.split()[1] in {"400", "421"} and none.split()[1] in {"400", "421"}
    assert site.raw(f"GET /jobs HTTP/1.1\nHost: 127.0.0.1\n{bearer}\n\n").split()[1] == "200"


@pytest.mark.parametrize("names", [[], [b"127.0.0.1", b"127.0.0.1"], [b"127.0.0.1", b"evil.example"]], ids=len)
def test_the_guard_itself_wants_exactly_one_name(names: list[bytes]) -> None:
    """Whichever server stands before it, and whatever that lets through."""

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("it was let in")

    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", name) for name in names]
    scope = {"type": "http", "method": "GET", "path": "/healthz", "raw_path": b"/healthz", "headers": headers}
    asyncio.run(Guard(inner, ["127.0.0.1"], Token.made(), "cookie")(scope, receive, send))
    assert sent[0]["status"] == 421


def test_a_forwarded_name_is_not_believed(site: Site) -> None:
    """Nobody but a proxy that was named could be."""
    headers = {"host": "evil.example", "x-forwarded-host": "127.0.0.1", "forwarded": "host=127.0.0.1"}
    assert site("GET", "/jobs", headers=headers).status == 421


@pytest.mark.parametrize(("path", "form"), UNSAFE, ids=[path for path, _ in UNSAFE])
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1.evil.example"},
        {},
    ],
    ids=str,
)
def test_another_site_cannot_use_the_cookie(
    site: Site, path: str, form: dict[str, str], headers: dict[str, str]
) -> None:
    """Given a browser that is signed in, when a foreign page posts a form, then nothing is done."""
    before = site.console.enqueue({"id": "a", "command": "true"})
    answer = site.as_stranger("POST", path, {"cookie": site.cookie, **headers}, form=form)
    assert answer.status == 403
    assert site.console.get("a") == before
    assert not any(queue.paused for queue in site.console.queues())


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_another_site_cannot_use_the_api(site: Site, kind: str) -> None:
    """Given a browser that is signed in, then no address of the API does anything for a foreign page."""
    before = site.console.enqueue({"id": "a", "command": "true"})
    headers = {"cookie": site.cookie, "origin": "https://evil.example", "content-type": kind}
    unsafe = [(each.method, each.path.format(id="a", name="default")) for each in ENDPOINTS if each.method != "GET"]
    assert len(unsafe) > 10
    for method, path in unsafe:
        for more in ({"sec-fetch-site": "cross-site"}, {}):
            assert site.as_stranger(method, f"/api/v1{path}", {**headers, **more}).status == 403
    assert [job.id for job in site.console.page(Query()).jobs] == ["a"] and site.console.get("a") == before


@pytest.mark.parametrize(
    "twice",
    [
        "Sec-Fetch-Site: cross-site\nSec-Fetch-Site: same-origin",
        "Sec-Fetch-Site: same-origin\nSec-Fetch-Site: cross-site",
        "Origin: https://evil.example\nOrigin: http://127.0.0.1",
    ],
)
def test_what_is_said_twice_is_not_believed(site: Site, twice: str) -> None:
    """Of two, a proxy may have looked at the other."""
    site.console.enqueue({"id": "a", "command": "true"})
    body = "id=a&action=cancel"
    lines = f"Host: 127.0.0.1\nCookie: {site.cookie}\n{twice}\nConnection: close\nContent-Length: {len(body)}"
    assert site.raw(f"POST /job/act HTTP/1.1\n{lines}\n\n{body}").split()[1] in {"400", "403"}
    assert site.console.get("a").state == "pending"


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_no_other_site_may_read_an_answer(site: Site, method: str) -> None:
    """No answer allows another origin, also where a browser asks before it asks."""
    asking = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    answer = site(method, "/api/v1/jobs", headers=asking)
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_where_somebody_comes_from_is_not_what_he_says(site: Site) -> None:
    """Given a forwarded address, then the log of what was done names the one that it came from."""
    site.console.enqueue({"id": "a", "command": "true"})
    liar = {"x-forwarded-for": "192.0.2.9", "forwarded": "for=192.0.2.9", "x-real-ip": "192.0.2.9"}
    assert site("POST", "/api/v1/jobs/a/cancel", headers=liar).status == 200
    assert site.get("/api/v1/audit").json["items"][0]["client"] == "127.0.0.1"


@pytest.mark.parametrize(("path", "form"), UNSAFE, ids=[path for path, _ in UNSAFE])
def test_read_only_does_nothing(site: Site, read_only: Site, path: str, form: dict[str, str]) -> None:
    """Given a read-only server, then each form is refused by the engine, whoever sends it."""
    before = site.console.enqueue({"id": "a", "command": "true"})
    register(site.console._queue.storage, "w")
    answer = read_only.post(path, **form)
    assert answer.status == 403 and "read-only" in answer.text.lower()
    assert site.console.get("a") == before and not site.console.queues()[0].paused
    assert site.console.workers()[0].stop is None


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {}], ids=str)
def test_our_own_page_can(site: Site, headers: dict[str, str]) -> None:
    """A browser that says nothing of the site tells at least the origin."""
    site.console.enqueue({"id": "a", "command": "true"})
    given = headers or {"origin": f"http://127.0.0.1:{site.port}"}
    form = {"id": "a", "action": "cancel"}
    answer = site.as_stranger("POST", "/job/act", {"cookie": site.cookie, **given}, form=form)
    assert answer.status == 303
    assert site.console.get("a").state == "cancelled"


def test_a_foreign_page_cannot_use_a_token_either(site: Site) -> None:
    """Whatever else it has, where it comes from counts."""
    answer = site("POST", "/job/act", form={"id": "a", "action": "cancel"}, headers={"sec-fetch-site": "cross-site"})
    assert answer.status == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
@pytest.mark.parametrize(("path", "form"), UNSAFE, ids=[path for path, _ in UNSAFE])
def test_nothing_is_changed_by_looking(site: Site, method: str, path: str, form: dict[str, str]) -> None:
    """A picture, a link or a prefetch asks with GET."""
    before = site.console.enqueue({"id": "a", "command": "true"})
    query = "&".join(f"{name}={value}" for name, value in form.items())
    assert site(method, f"{path}?{query}").status in {303, 405}
    assert site.console.get("a") == before


@pytest.mark.parametrize(
    "path", ["/", "/jobs?text=nothing", "/nosuch", "/healthz", "/api/v1/nosuch", "/static/style.css"]
)
def test_every_answer_says_what_a_browser_may_do(site: Site, path: str) -> None:
    """Nothing from elsewhere, nothing inline, in nobody's frame; and nothing is kept."""
    for answer in (site.get(path), site.as_stranger("GET", path)):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy and "form-action 'self'" in policy
        assert "unsafe" not in policy and "*" not in policy and "http" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert "server" not in answer.headers
        kept = path.startswith("/static/")
        assert answer.headers["cache-control"] == ("no-store" if not kept else "public, max-age=31536000, immutable")


def test_pages_have_nothing_inline(site: Site) -> None:
    """The policy would forbid it; so none is there."""
    for path in ("/", "/jobs", "/queues", "/workers", "/dlq", "/config", "/plugins", "/events", "/keys"):
        text = site.get(path).text
        assert "<style" not in text and " style=" not in text and " onclick" not in text
        assert text.count("<script") == 1 and 'src="/static/dashboard.js' in text
        assert "http://" not in text.replace("http://www.w3.org", "") and "https://" not in text


def test_no_file_but_ours_is_served(site: Site) -> None:
    """Whatever the path says."""
    for path in (
        "/static/../guard.py",
        "/static/%2e%2e/guard.py",
        "/static/..%2fguard.py",
        "/static/%2e%2e%2fguard.py",
        "/static//etc/passwd",
        "/static/..%5cguard.py",
    ):
        answer = site.get(path)
        assert answer.status in {404, 405}
        assert "class Guard" not in answer.text and "root:" not in answer.text


def test_an_id_with_a_slash_stays_whole(site: Site) -> None:
    """In the path of the API, where it is written as %2F."""
    site.console.enqueue({"id": "a/b c?%2F", "command": "true"})
    answer = site.get("/api/v1/jobs/a%2Fb%20c%3F%252F")
    assert (answer.status, answer.json["id"]) == (200, "a/b c?%2F")
    assert site.get("/api/v1/jobs/a/b").status == 404
