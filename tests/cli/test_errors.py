"""Whatever goes wrong, one clear line says so, and the exit code tells which kind it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from queuectl import cli, errors
from queuectl.commands import frame, status

if TYPE_CHECKING:
    from tests.cli.conftest import Program

Run = Callable[..., int]

CODES = {
    "QueuectlError": (1, "failed"),
    "UsageError": (2, "usage"),
    "NotFoundError": (3, "not-found"),
    "ConflictError": (4, "conflict"),
    "ReadOnlyError": (4, "read-only"),
    "WaitTimeoutError": (124, "timeout"),
    "StorageError": (1, "storage"),
    "StorageBusyError": (75, "busy"),
    "StorageGoneError": (75, "gone"),
    "StorageRefusedError": (78, "refused"),
    "ConfigError": (78, "config"),
    "PluginError": (78, "plugin"),
}

DRIVER = """
import sys
from queuectl.cli import main
from queuectl.commands import frame, output, status

@frame.command("status")
def command(session):
{body}

status.command = command
main(["status", *sys.argv[1:]])
"""


def driver(body: str) -> list[str]:
    """Return the command of a program whose `status` does what `body` says."""
    return [sys.executable, "-c", DRIVER.format(body="\n".join("    " + line for line in body.splitlines()))]


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `queuectl status` in this process, with a command that raises."""

    def run(error: BaseException, *arguments: str) -> int:
        @frame.command("status")
        def command(session: frame.Session) -> None:
            raise error

        monkeypatch.setattr(status, "command", command)
        return cli.run(["status", *arguments])

    return run


def kinds() -> list[type[errors.QueuectlError]]:
    """Return every class of errors.py."""
    return [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.QueuectlError)]


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_each_kind_of_error_has_its_exit_code(
    kind: type[errors.QueuectlError], failing: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """What, why in indented lines, and the command to type, all on standard error."""
    code = failing(kind("it broke", hint="mend it", details=["because", "and besides"]))
    out, err = capsys.readouterr()
    assert code == CODES[kind.__name__][0]
    assert err == "error: it broke\n  because\n  and besides\nhint: mend it\n"
    assert out == ""


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.__name__)
def test_json_errors_have_a_code_a_message_and_a_hint(
    kind: type[errors.QueuectlError], failing: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line of JSON on standard error, nothing on standard output."""
    failing(kind("it broke", hint="mend it"), "--json")
    out, err = capsys.readouterr()
    name = CODES[kind.__name__][1]
    assert err == f'{{"error":{{"code":"{name}","message":"it broke","hint":"mend it"}}}}\n'
    assert out == ""


def test_an_error_without_a_hint_says_no_more(failing: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """No empty hint is printed."""
    failing(errors.ConflictError("it broke"))
    assert capsys.readouterr().err == "error: it broke\n"


def test_further_lines_of_a_message_are_indented(failing: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """All errors of a file are told at once, each on a line of its own."""
    failing(errors.ConfigError("a.yaml:1:1: first\na.yaml:2:1: second", details=["third\nfourth"]))
    assert capsys.readouterr().err == "error: a.yaml:1:1: first\n  a.yaml:2:1: second\n  third\n  fourth\n"


def test_an_error_cannot_write_to_the_terminal(failing: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences in ids and file names are shown, not obeyed."""
    failing(errors.NotFoundError("no job \x1b[2J", hint="\x07"))
    assert capsys.readouterr().err == "error: no job \\x1b[2J\nhint: \\x07\n"


def test_an_operating_system_error_names_the_file(failing: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """It is the machine's fault, not ours, so it is no internal error."""
    assert failing(PermissionError(13, "Permission denied", "/etc/shadow")) == 1
    assert capsys.readouterr().err == "error: /etc/shadow: Permission denied\n"


def test_an_unexpected_exception_is_one_line(failing: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """No traceback, but the way to get it."""
    assert failing(ZeroDivisionError("division by zero")) == 1
    err = capsys.readouterr().err
    assert err.splitlines()[0] == "error: internal error: ZeroDivisionError: division by zero"
    assert err.splitlines()[1].startswith("hint: ") and "--debug" in err
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), errors.ConflictError("x")], ids=["internal", "expected"])
def test_debug_adds_the_traceback(error: Exception, failing: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """For every error, with the place where it was raised."""
    failing(error, "--debug")
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):")
    assert "raise error" in err


@pytest.mark.parametrize("error", [KeyboardInterrupt(), EOFError()], ids=["interrupt", "eof"])
def test_an_interrupt_is_quiet(error: BaseException, failing: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The person knows."""
    assert failing(error) == (130 if isinstance(error, KeyboardInterrupt) else 1)
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["statsu"], "no such command: queuectl statsu", "did you mean queuectl status?"),
        (["wibble"], "no such command: queuectl wibble", "queuectl --help lists the commands"),
        (["dashbord"], "no such command: queuectl dashbord", "did you mean queuectl dashboard?"),
        (["dlq", "rerty"], "no such command: queuectl dlq rerty", "did you mean queuectl dlq retry?"),
        (["list", "--stat", "dead"], "no such option: --stat", "did you mean --state"),
        (["list", "--wibble"], "no such option: --wibble", "queuectl list --help"),
        (["list", "-Z"], "no such option: -Z", "queuectl list --help"),
        (["--jsno", "status"], "no such option: --jsno", "did you mean --json?"),
        (["--json"], "missing command", "queuectl --help"),
        (["list", "--limit", "many"], "invalid value for '--limit': 'many' is not a valid integer", "queuectl list"),
        (["list", "--limit", "0"], "invalid value for '--limit': 0 is not in the range", "queuectl list --help"),
        (["list", "--limit"], "option '--limit' requires an argument", "queuectl list --help"),
        (["list", "--state", "daed"], "--state: no such state: daed", "did you mean dead?"),
        (["list", "--state", "xyz"], "--state: no such state: xyz", "the states are pending, processing,"),
        (["status", "now"], "got unexpected extra argument (now)", "queuectl status --help"),
        (["dlq", "show"], "missing argument 'ID'", "queuectl dlq show --help"),
        (["completion", "bsah"], "no completion for the shell 'bsah'", "did you mean bash?"),
        (["completion", "powershell"], "no completion for the shell 'powershell'", "bash, zsh, fish"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_wrong_call_gets_a_suggestion(
    arguments: list[str], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and never a guess acted upon."""
    as_json = "--json" in arguments
    assert cli.run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    if as_json:
        assert err.startswith(f'{{"error":{{"code":"usage","message":"{message}')
    else:
        first, second = err.splitlines()
        assert first.startswith(f"error: {message}")
        assert second.startswith("hint: ") and hint in second


def test_a_wrong_call_under_json_fails_in_json(queuectl: Program) -> None:
    """Even when the call is too wrong for its options to be read."""
    assert queuectl("list", "--wibble", "--json", code=2).error["code"] == "usage"
    assert queuectl("--json", "wibble", code=2).error["message"] == "no such command: queuectl wibble"
    assert queuectl("list", "--state", "x", "--json", code=2).error["hint"].startswith("the states are")


def test_what_stands_after_dashes_is_no_option(queuectl: Program) -> None:
    """The command of a job may have a --json of its own."""
    assert queuectl("status", "--", "--json", code=2).err.startswith("error: got unexpected extra argument (--json)")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_signals_end_it_quietly(queuectl: Program, number: signal.Signals) -> None:
    """130 for Ctrl-C, death by the signal itself (which a shell calls 143) for SIGTERM."""
    body = "import time\noutput.write('ready\\n')\noutput.flush()\ntime.sleep(60)"
    with subprocess.Popen(driver(body), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.stderr.read() == b""
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGTERM)


def test_a_reader_that_goes_is_no_error(queuectl: Program) -> None:
    """As with other programs, the code is that of SIGPIPE, and nothing is said."""
    body = "for number in range(100_000): output.write(f'{number}\\n')"
    with subprocess.Popen(driver(body), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"0\n"
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
@pytest.mark.parametrize("call", ["output.write('x')", "output.print_json({})", "import click; click.echo('x')"])
def test_a_full_disk_is_told(call: str) -> None:
    """What could not be printed is not lost silently, nor twice."""
    with open("/dev/full", "wb") as full:
        done = subprocess.run(driver(call), stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr.decode().startswith("error: ")
    assert done.stderr.decode().count("\n") == 1
    assert "No space left on device" in done.stderr.decode()


def test_the_exit_code_survives_a_full_standard_error() -> None:
    """An error that cannot be told is still an error of its kind."""
    body = "from queuectl.errors import NotFoundError\nraise NotFoundError('x')"
    with open("/dev/full", "wb") as full:
        assert subprocess.run(driver(body), stderr=full, check=False).returncode == 3


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
@pytest.mark.parametrize("language", ["C", "C.UTF-8", "POSIX"])
def test_any_text_can_be_printed(encoding: str, language: str) -> None:
    """What the encoding lacks is written as an escape."""
    env = {**os.environ, "LC_ALL": language, "PYTHONIOENCODING": encoding}
    body = "output.write('日本\\n')\nfrom queuectl.errors import ConflictError\nraise ConflictError('日本 \\udc80')"
    done = subprocess.run(driver(body), capture_output=True, env=env, check=False)
    assert done.returncode == 4
    shown = "日本" if encoding == "utf-8" else r"\u65e5\u672c"
    assert done.stdout.decode() == shown + "\n"
    assert done.stderr.decode() == f"error: {shown} \\udc80\n"


def test_json_is_utf_8_in_every_locale() -> None:
    """JSON has one encoding; a text that UTF-8 cannot carry is escaped."""
    env = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        driver("output.print_json(['日本', {'a': '\\udc80'}])"), capture_output=True, env=env, check=False
    )
    assert done.stderr == b""
    assert done.stdout in ('["日本",{"a":"\\udc80"}]\n'.encode(), b'["\\u65e5\\u672c",{"a":"\\udc80"}]\n')
