"""`queuectl dashboard` as a program: what it prints, what it refuses, how it ends."""

from __future__ import annotations

import errno
import http.client
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program

ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/#token=(\S+)\n")


def started(queuectl: Program, *arguments: str) -> tuple[subprocess.Popen[bytes], int, str]:
    """Start it on a free port; return the process, the port and the token."""
    process = queuectl.start("dashboard", "--port", "0", *arguments)
    assert process.stdout is not None
    found = ADDRESS.fullmatch(process.stdout.readline().decode())
    assert found is not None
    return process, int(found[1]), found[2]


def get(port: int, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Ask for something."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_printed_address_holds_the_token(queuectl: Program) -> None:
    """On standard output; and it ends with 0 when it is told to, having said nothing more."""
    queuectl.enqueue("echo hello")
    process, port, token = started(queuectl)
    status, body = get(port, "/jobs", {"authorization": f"Bearer {token}"})
    assert status == 200 and b"echo hello" in body
    assert get(port, "/jobs", {})[0] == 401
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=180)
    assert (process.returncode, out) == (0, b"")
    assert err == b"open the address above in a browser; Ctrl-C ends it\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_it_ends_at_once_with_a_stream_open(queuectl: Program, number: signal.Signals) -> None:
    """Given a tab that follows, when a signal comes, then the stream is closed in words and the server is gone.

    Once out of a few times is enough, since this machine may be busy with other things; it would wait for 3 s else.
    """
    assert any(time_to_end(queuectl, number) < 2 for _ in range(4))


def time_to_end(queuectl: Program, number: signal.Signals) -> float:
    """Return how many seconds a server takes to end that has a stream open."""
    process, port, token = started(queuectl)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/stream", headers={"authorization": f"Bearer {token}"})
    stream = connection.getresponse()
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.readline() == b"event: hello\n"
    begun = time.monotonic()
    process.send_signal(number)
    rest = stream.read()
    assert process.wait(180) == 0
    took = time.monotonic() - begun
    assert b"event: closing" in rest
    connection.close()
    assert process.stderr is not None and b"rror" not in process.stderr.read()
    return took


def test_whoever_sends_half_a_form_holds_nobody_up(queuectl: Program) -> None:
    """Given a stranger who sends the rest never, when a signal comes, then it ends in some seconds and as it should."""
    process, port, _ = started(queuectl)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        head = "POST /session HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\nContent-Length: 99\r\n\r\nto"
        line.sendall(head.encode())
        assert get(port, "/healthz", {}) == (200, b"ok\n")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    assert process.stderr is not None and b"Traceback" not in process.stderr.read()


def test_a_token_file_lets_a_cookie_outlive_a_restart(queuectl: Program) -> None:
    """Given the same file and port, then the browser stays signed in."""
    file = queuectl.cwd / "token"
    process, port, token = started(queuectl, "--token-file", str(file))
    assert file.read_text().strip() == token and stat.S_IMODE(file.stat().st_mode) == 0o600
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    form = f"token={token}".encode()
    connection.request("POST", "/session", form, {"sec-fetch-site": "same-origin"})
    cookie = (connection.getresponse().getheader("set-cookie") or "").partition(";")[0]
    connection.close()
    process.terminate()
    process.wait(180)
    again = queuectl.start("dashboard", "--port", str(port), "--token-file", str(file))
    assert again.stdout is not None and again.stdout.readline()
    assert get(port, "/jobs", {"cookie": cookie})[0] == 200


def test_another_address_wants_a_token_file(queuectl: Program) -> None:
    """Whoever is let in can run commands."""
    for host in ("0.0.0.0", "192.0.2.1", "::"):
        ran = queuectl("dashboard", "--host", host, "--port", "0", code=2)
        assert "wants a token" in ran.err and "--token-file" in ran.err and ran.out == ""


def test_nobody_but_this_host_reaches_it(queuectl: Program) -> None:
    """It listens at 127.0.0.1, and at no other address of this host."""
    _, port, _ = started(queuectl)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=60)


def test_a_name_that_was_allowed_leads_here(queuectl: Program) -> None:
    """Given a proxy that is called by it, with the token in the address that is printed; any other name is refused."""
    file = str(queuectl.cwd / "token")
    call = ("--host", "0.0.0.0", "--port", "0", "--allow-host", "jobs.example.org", "--token-file", file)
    process = queuectl.start("dashboard", *call)
    assert process.stdout is not None
    found = re.fullmatch(r"http://jobs\.example\.org:(\d+)/#token=(\S+)\n", process.stdout.readline().decode())
    assert found is not None
    port, bearer = int(found[1]), {"authorization": f"Bearer {found[2]}"}
    assert get(port, "/jobs", {**bearer, "host": "jobs.example.org"})[0] == 200
    assert get(port, "/jobs", {**bearer, "host": "other.example.org"})[0] == 421
    assert get(port, "/jobs", {"host": "jobs.example.org"})[0] == 401


def test_a_token_file_that_others_read_is_refused(queuectl: Program) -> None:
    """Before anything listens."""
    file = queuectl.cwd / "token"
    file.write_text("x" * 43)
    file.chmod(0o644)
    ran = queuectl("dashboard", "--port", "0", "--token-file", str(file), code=78)
    assert "others may read" in ran.err and "chmod 600" in ran.err


def test_a_port_that_is_taken_is_told(queuectl: Program) -> None:
    """In one line, with what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = queuectl("dashboard", "--port", str(port), code=4)
    assert ran.err.splitlines() == [
        f"error: 127.0.0.1:{port}: {os.strerror(errno.EADDRINUSE)}",
        "hint: queuectl dashboard --port 0 takes any that is free",
    ]


@pytest.mark.parametrize("host", ["nosuch.invalid", "192.0.2.1", "a" * 70 + ".example", "::ffff:zz"])
def test_a_host_that_is_not_ours_is_told(queuectl: Program, host: str) -> None:
    """In one line that names it."""
    ran = queuectl("dashboard", "--host", host, "--port", "0", "--token-file", "token", code=2)
    assert ran.err.startswith(f"error: --host {host}: ") and ran.out == ""


def test_the_port_of_a_server_that_was_killed_is_free(queuectl: Program) -> None:
    """Given a tab that was open when it was killed, then the next one listens where it did, and knows the cookie."""
    process, port, _ = started(queuectl, "--token-file", "token")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert line.recv(12) == b"HTTP/1.1 200"
        process.kill()
        process.wait(20)
        again = queuectl.start("dashboard", "--port", str(port), "--token-file", "token")
        assert again.stdout is not None
        assert f":{port}/#token=" in again.stdout.readline().decode()


def test_a_store_that_cannot_be_used_is_told_before_it_listens(queuectl: Program) -> None:
    """As every command tells it."""
    queuectl.home.mkdir(parents=True)
    (queuectl.home / "jobs.db").write_bytes(b"this is no database" * 100)
    ran = queuectl("dashboard", "--port", "0", code=78)
    assert ran.out == "" and ran.err.startswith("error: ")


def test_without_the_extra_one_line_says_what_to_install(queuectl: Program) -> None:
    """And nothing else fails."""
    script = (
        "import sys\nfrom importlib import util\nreal = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name in {'starlette', 'uvicorn'} else real(name, *rest)\n"
        "from queuectl.cli import main\nmain()"
    )
    ran = queuectl("dashboard", command=(sys.executable, "-c", script), code=78)
    lines = ran.err.splitlines()
    assert lines == [
        "error: the dashboard needs starlette, uvicorn",
        "hint: python -m pip install 'queuectl[dashboard]'",
    ]


def test_a_store_that_goes_away_is_told_and_comes_back(queuectl: Program) -> None:
    """Given a server, when the store is removed, then it answers 503, and recovers with the store."""
    queuectl.enqueue("echo hello")
    process, port, token = started(queuectl)
    headers = {"authorization": f"Bearer {token}"}
    assert get(port, "/readyz", headers)[0] == 200
    aside = queuectl.home.with_name("aside")
    queuectl.home.rename(aside)
    status, body = get(port, "/readyz", headers)
    assert status == 503 and b"problem" not in body[:1]
    assert get(port, "/healthz", {})[0] == 200
    aside.rename(queuectl.home)
    deadline = time.monotonic() + 60
    while get(port, "/readyz", headers)[0] != 200:
        assert time.monotonic() < deadline
    process.terminate()
    assert process.wait(180) == 0
