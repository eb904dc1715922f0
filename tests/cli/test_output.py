"""Questions and progress are for people, and never get in the way of scripts."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program

DRIVER = """
import sys, time
from queuectl.cli import main
from queuectl.commands import frame, output, status

@frame.command("status")
def command(session):
{body}

status.command = command
main(["status", *sys.argv[1:]])
"""

LONG = """
with output.progress(100, "counting [x]") as bar:
    for step in range(100):
        time.sleep(0.005)
        bar.advance(1)
output.write("done\\n")
"""

SHORT = """
with output.progress(100, "counting") as bar:
    for step in range(100):
        bar.advance(1)
output.write(f"{'rich' in sys.modules}\\n")
"""

ASK = """
output.confirm(session, "Sure?", "yes" in session.overrides)
output.write("done\\n")
"""


def driver(body: str) -> list[str]:
    """Return the command of a program whose `status` does what `body` says."""
    return [sys.executable, "-c", DRIVER.format(body="\n".join("    " + line for line in body.splitlines()))]


def test_long_work_shows_how_far_it_is(queuectl: Program) -> None:
    """On standard error, and gone when the work is done."""
    ran = queuectl.on_terminal(command=driver(LONG), piped=["stdout"], code=0)
    assert ran.out == "done\n"
    assert "counting [x]" in ran.err and "/100" in ran.err


def test_short_work_shows_nothing(queuectl: Program) -> None:
    """And loads nothing."""
    assert queuectl.on_terminal(command=driver(SHORT), code=0).out == "False\n"


def test_there_is_no_progress_off_a_terminal(queuectl: Program) -> None:
    """A log needs no animation."""
    ran = queuectl.on_terminal(command=driver(LONG), piped=["stderr"], code=0)
    assert (ran.out, ran.err) == ("done\n", "")


def test_progress_is_without_colour_when_asked(queuectl: Program) -> None:
    """NO_COLOR and --no-color hold for the bar too."""
    assert "\x1b[3" in queuectl.on_terminal(command=driver(LONG), code=0).out
    for shown in (
        queuectl.on_terminal(command=driver(LONG), env={"NO_COLOR": "1"}, code=0).out,
        queuectl.on_terminal("--no-color", command=driver(LONG), code=0).out,
    ):
        assert "counting" in shown
        assert "\x1b[3" not in shown


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("Yes", 0), ("n", 1), ("", 1), ("yep", 1), ("\x04", 1)])
def test_only_yes_is_yes(queuectl: Program, answer: str, code: int) -> None:
    """Everything else, the end of input included, changes nothing."""
    shown = queuectl.on_terminal(command=driver(ASK), answer=("[y/N]", f"{answer}\n"), code=code).out
    assert ("done" in shown) is (code == 0)
    assert ("nothing was changed" in shown) is (code == 1)


@pytest.mark.parametrize("piped", [["stdin"], ["stderr"], ["stdin", "stderr"]], ids=" ".join)
def test_nobody_is_asked_who_cannot_answer(queuectl: Program, piped: list[str]) -> None:
    """It must be a person who sees the question and types the answer."""
    ran = queuectl.on_terminal(command=driver(ASK), piped=piped, code=2)
    assert "add --yes" in ran.err
    assert "Sure?" not in ran.err


def test_yes_is_not_asked(queuectl: Program) -> None:
    """With --yes it goes ahead anywhere."""
    assert queuectl("--set", "yes", command=driver(ASK), code=0).out == "done\n"


def test_a_question_goes_to_standard_error(queuectl: Program) -> None:
    """So that a redirected standard output holds data alone."""
    ran = queuectl.on_terminal(command=driver(ASK), piped=["stdout"], answer=("[y/N]", "y\n"), code=0)
    assert ran.out == "done\n"
    assert "Sure? [y/N]" in ran.err
