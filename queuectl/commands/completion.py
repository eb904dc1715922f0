"""`queuectl completion`."""

from __future__ import annotations

import click

from queuectl.commands.frame import Session
from queuectl.commands.frame import command as define
from queuectl.commands.group import COMPLETE
from queuectl.commands.output import print_json, write
from queuectl.errors import UsageError

SHELLS = ("bash", "zsh", "fish")

EXAMPLES = """
queuectl completion bash > ~/.local/share/bash-completion/completions/queuectl
queuectl completion zsh > "${fpath[1]}/_queuectl"
queuectl completion fish > ~/.config/fish/completions/queuectl.fish
eval "$(queuectl completion bash)"
"""


@define("completion", examples=EXAMPLES)
@click.argument("shell", metavar="SHELL")
def command(session: Session, shell: str) -> None:
    """Print the completion script for a shell.

    The SHELL is bash, zsh or fish.
    """
    if shell not in SHELLS:
        from difflib import get_close_matches

        near = get_close_matches(shell, SHELLS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are scripts for {', '.join(SHELLS)}"
        raise UsageError(f"no completion for the shell {shell!r}", hint=hint)
    script = _script(shell)
    print_json({"shell": shell, "script": script}) if session.json else write(script)


def _script(shell: str) -> str:
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None, shell
    # Not `kind.source`, which for bash starts the bash on PATH to look at its version; the reader may be another.
    return ShellComplete.source(kind(click.Command("queuectl"), {}, "queuectl", COMPLETE)) + "\n"
