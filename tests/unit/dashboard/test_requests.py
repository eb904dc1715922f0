"""What a request may not be: too large, too slow, in two ways at once, or a way around what guards the pages."""

from __future__ import annotations

import socket
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from queuectl_dashboard import guard

if TYPE_CHECKING:
    from tests.unit.dashboard.conftest import Site


def test_a_request_that_is_too_large_is_not_read(site: Site) -> None:
    """By what it says of its length, and by what comes."""
    assert site("POST", "/api/v1/jobs", headers={"content-length": str(10**9)}, body=None).status == 413


def test_a_length_that_is_none_is_refused(site: Site) -> None:
    """Nothing fails behind the guard."""
    line = site.raw("POST /session HTTP/1.1\nHost: 127.0.0.1\nConnection: close\nContent-Length: x\n\n")
    assert line.split()[1] in {"400", "413"}


def test_a_body_without_a_length_is_read_no_further_than_it_may_go(site: Site) -> None:
    """Given one that comes in pieces and does not end, then it is given up, and the server answers others."""
    head = f"POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {site.token.text}\r\n"
    piece = b"%x\r\n%s\r\n" % (2**20, b" " * 2**20)
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as line:
        line.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        with suppress(ConnectionError):  # it hangs up in the middle
            for _ in range(64):
                line.sendall(piece)
            pytest.fail("64 MiB were taken")
    assert site.get("/api/v1/jobs").json["items"] == []


@pytest.mark.parametrize("path", ["/session", "/api/v1/jobs", "/job/act"])
@pytest.mark.parametrize("known", [False, True], ids=["stranger", "known"])
def test_what_is_too_large_is_told_and_no_trouble(
    site: Site, caplog: pytest.LogCaptureFixture, path: str, known: bool
) -> None:
    """Given more than a request may hold, in pieces, then 413 says so, and nothing is logged as a failure of ours."""
    token = f"Authorization: Bearer {site.token.text}\n" if known else ""
    head = f"POST {path} HTTP/1.1\nHost: 127.0.0.1\nOrigin: http://127.0.0.1\n{token}Transfer-Encoding: chunked\n\n"
    with socket.create_connection(("127.0.0.1", site.port), timeout=20) as line:
        line.sendall(head.replace("\n", "\r\n").encode())
        with suppress(ConnectionError):
            for _ in range(5):
                line.sendall(b"%x\r\n%s\r\n" % (2**20, b"x" * 2**20))
        with suppress(ConnectionError):
            status = line.recv(64).split()[1]
            assert status == (b"413" if known or path == "/session" else b"401")
    assert site.get("/healthz").status == 200
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


def test_what_comes_drop_by_drop_is_given_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a stranger who announces a form and sends a part of it, then he is told so, and hung up on."""
    monkeypatch.setattr(guard, "PATIENCE", 0.3)
    answer = site.whole(
        "POST /session HTTP/1.1\nHost: 127.0.0.1\nOrigin: http://127.0.0.1\nContent-Length: 99\n\ntoken="
    )
    assert answer.split()[1] == "408"


def test_a_length_in_two_ways_is_refused(site: Site) -> None:
    """Of two, a proxy may have believed the other: what it took for the body would be a request of its own."""
    site.console.enqueue({"id": "a", "command": "true"})
    lines = f"Host: 127.0.0.1\nAuthorization: Bearer {site.token.text}\nConnection: close"
    body = "14\nid=a&action=cancel&x\n0\n\n"
    request = f"POST /job/act HTTP/1.1\n{lines}\nContent-Length: 4\nTransfer-Encoding: chunked\n\n{body}"
    assert site.raw(request).split()[1] == "400"
    assert site.console.get("a").state == "pending"


@pytest.mark.parametrize(
    "lines",
    [
        "Transfer-Encoding: chunked\nTransfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Content-Length: +5",
        "Content-Length: 5\nContent-Length: 6",
        "Host: 127.0.0.1\n\x0bHost: evil.example",
    ],
)
def test_what_parsers_understand_differently_is_refused(site: Site, lines: str) -> None:
    """A request that hides in another one needs two who read it differently."""
    head = f"POST /session HTTP/1.1\nHost: 127.0.0.1\nOrigin: http://127.0.0.1\nConnection: close\n{lines}\n\nabcde"
    assert site.raw(head).split()[1] in {"400", "413"}


@pytest.mark.parametrize("path", ["/", "/jobs", "/api/v1/status", "/stream", "/session"])
@pytest.mark.parametrize("name", ["token", "access_token", "auth"])
def test_a_token_in_the_query_lets_nobody_in(site: Site, path: str, name: str) -> None:
    """It would be in logs and histories; so nobody is to get used to it."""
    answer = site.as_stranger("GET", f"{path}?{name}={site.token.text}")
    assert answer.status in {401, 405} and "set-cookie" not in answer.headers


@pytest.mark.parametrize("scheme", ["", "Basic ", "xBearer ", "Bearer: ", "Bearer  ", "Token "])
def test_a_token_counts_after_bearer_alone(site: Site, scheme: str) -> None:
    """However that is spelt."""
    assert site.as_stranger("GET", "/jobs", {"authorization": f"{scheme}{site.token.text}"}).status == 401
    assert site.as_stranger("GET", "/jobs", {"authorization": f"bEARER {site.token.text}"}).status == 200


def test_no_header_makes_another_method_of_one(site: Site) -> None:
    """What is asked with GET or POST is no DELETE, whatever else it says."""
    before = site.console.enqueue({"id": "a", "command": "true"})
    for name in ("x-http-method-override", "x-method-override", "x-http-method"):
        assert site("GET", "/api/v1/jobs/a", headers={name: "DELETE"}).status == 200
        assert site("POST", "/api/v1/jobs/a", headers={name: "DELETE"}).status == 405
    assert site("GET", "/api/v1/jobs/a?_method=DELETE").status == 400
    assert site("POST", "/job/act?_method=DELETE", form={"_method": "DELETE"}).status == 400
    assert site.console.get("a") == before


@pytest.mark.parametrize("path", ["/stream", "/stream?job=a", "/api/v1/stream"])
def test_a_stream_of_which_only_the_head_is_wanted_ends(site: Site, path: str) -> None:
    """Otherwise it would go on, unseen, as long as somebody holds the line."""
    lines = f"Host: 127.0.0.1\nAuthorization: Bearer {site.token.text}\nConnection: close"
    answer = site.whole(f"HEAD {path} HTTP/1.1\n{lines}\n\n")  # to the end, which the server makes
    assert answer.startswith("HTTP/1.1 200") and "text/event-stream" in answer


@pytest.mark.parametrize("protocol", ["websocket", "h2c"])
def test_no_other_protocol_is_spoken(site: Site, protocol: str) -> None:
    """A request to change it is answered as if it were none; and a stranger stays one."""
    head = f"Host: 127.0.0.1\nConnection: close, Upgrade\nUpgrade: {protocol}\nSec-WebSocket-Version: 13"
    more = f"{head}\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nOrigin: https://evil.example"
    for path in ("/stream", "/jobs", "/api/v1/jobs"):
        assert site.raw(f"GET {path} HTTP/1.1\n{more}\n\n").split()[1] == "401"
    assert site.raw(f"GET /healthz HTTP/1.1\n{more}\n\n").split()[1] == "200"


@pytest.mark.parametrize("end", ["%0d%0a", "%0a", "%0d", "%E5%98%8A%E5%98%8D", "%c0%8a"])
def test_no_text_begins_a_header(site: Site, end: str) -> None:
    """Given ends of lines in an address, a form, a referer, then none of them ends a header of an answer."""
    site.console.enqueue({"id": "a", "command": "true"})
    site.console.enqueue({"id": "a\u560aSet-Cookie: x=y", "command": "true"})
    text = f"a{end}Set-Cookie:%20x=y"
    form = f"id=a&action=retry&expected=0&back=/jobs?x={text}&name=default&limit=1"
    for answer in (
        site.get(f"/jobs?text={text}"),
        site.get(f"/job?id={text}"),
        site.get(f"/job/output?id=a&stream={text}&run={text}"),
        site.get("/jobs?text=a%E5%98%8ASet-Cookie:%20x=y"),
        *(
            site(
                "POST", path, headers={"sec-fetch-site": "same-origin", "referer": f"http://h/jobs?x={text}"}, form=form
            )
            for path in ("/jobs/bulk", "/queues/set", "/job/act")
        ),
    ):
        assert answer.status < 500 and "set-cookie" not in answer.headers


ODD = [
    "-1",
    "0",
    "x",
    "",
    "9" * 30,
    "9" * 5000,
    "1e3",
    "٣",
    "%00",
    "%ed%a0%80",
    "%ff",
    "' OR 1=1 --",
    "null",
    "[]",
    "1;2",
]


@pytest.mark.parametrize("value", ODD, ids=lambda value: value[:12])
def test_nothing_that_is_asked_for_breaks_it(site: Site, value: str) -> None:
    """Whatever a cursor or a number was bent into: it is refused in words, or finds nothing."""
    site.console.enqueue({"id": "a", "command": "true"})
    value = value.replace(" ", "%20").replace("٣", "%D9%A3")
    for path, names in (
        ("/jobs", ("cursor", "state", "text", "queue", "tag", "did")),
        ("/jobs?grouped=1&", ("exit_code", "signal", "error", "cursor")),
        ("/job?id=a&", ("run", "did")),
        ("/job/output?id=a&", ("run", "stream")),
        ("/", ("range", "did")),
        ("/stream?", ()),
        ("/api/v1/jobs", ("cursor", "limit", "state", "text")),
        ("/api/v1/stats", ("since", "step")),
        ("/api/v1/jobs/a/output", ("run", "stream", "whole")),
    ):
        for name in names:
            answer = site.get(f"{path}{'' if path.endswith('&') else '?'}{name}={value}")
            assert answer.status in {200, 303, 400, 404}, (path, name, answer.text)
