"""The Tab key completes verbs, options and states."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Program

SHELLS = ["bash", "zsh", "fish"]


def completions(queuectl: Program, *words: str) -> list[str]:
    """Return what bash is offered for the last of the words."""
    env = {
        "_QUEUECTL_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(["queuectl", *words]),
        "COMP_CWORD": str(len(words)),
    }
    ran = queuectl(env=env, code=0)
    assert ran.err == ""
    return [line.partition(",")[2] for line in ran.out.splitlines()]


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_for_the_shell_is_printed(queuectl: Program, shell: str) -> None:
    """It calls the program back by its name."""
    script = queuectl("completion", shell, code=0).out
    assert "_QUEUECTL_COMPLETE=" in script
    assert queuectl("completion", shell, "--json", code=0).json == {"shell": shell, "script": script}


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_accepts_its_script(queuectl: Program, shell: str) -> None:
    """No syntax error, and no output."""
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"no {shell} here")
    script = queuectl("completion", shell, code=0).out
    done = subprocess.run([found, "-n"], input=script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_bash_completes_with_the_script(queuectl: Program, tmp_path: Path) -> None:
    """The script sourced, the words set, the function called: as bash does when Tab is pressed."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    (tmp_path / "queuectl").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m queuectl "$@"\n')
    (tmp_path / "queuectl").chmod(0o755)
    script = queuectl("completion", "bash", code=0).out
    call = "COMP_WORDS=(queuectl dlq re); COMP_CWORD=2; _queuectl_completion queuectl re dlq; echo ${COMPREPLY[@]}"
    env = queuectl.environment({"PATH": f"{tmp_path}:/usr/bin:/bin"})
    done = subprocess.run([bash, "-c", script + call], capture_output=True, text=True, env=env, check=False)
    assert done.stdout.strip() == "retry", done.stderr


def test_verbs_are_completed(queuectl: Program) -> None:
    """Of the program and of its nouns."""
    assert completions(queuectl, "l") == ["list", "logs"]
    assert {"enqueue", "status", "dlq"} <= set(completions(queuectl, ""))
    assert completions(queuectl, "dlq", "") == ["list", "show", "retry", "purge"]
    assert completions(queuectl, "--json", "stat") == ["status"]


def test_options_are_completed(queuectl: Program) -> None:
    """Own and global ones, before and after the verb."""
    assert completions(queuectl, "--j") == ["--json"]
    assert completions(queuectl, "list", "--st") == ["--state"]
    assert {"--json", "--config", "--help", "--limit"} <= set(completions(queuectl, "list", "--"))


def test_states_are_completed(queuectl: Program) -> None:
    """All six, whatever was typed in whichever case."""
    assert completions(queuectl, "list", "--state", "") == [
        "pending",
        "processing",
        "completed",
        "failed",
        "dead",
        "cancelled",
    ]
    assert completions(queuectl, "list", "--state", "D") == ["dead"]


def test_completion_touches_no_store(queuectl: Program) -> None:
    """Pressing Tab leaves no trace."""
    completions(queuectl, "list", "--state", "")
    assert not queuectl.home.exists()


def test_an_unknown_instruction_is_an_error(queuectl: Program) -> None:
    """A stray variable does not pass for a success."""
    assert queuectl(env={"_QUEUECTL_COMPLETE": "bash_nonsense"}).code == 1
    assert queuectl(env={"_QUEUECTL_COMPLETE": "nonsense_complete"}).code == 1
