"""The root of the command line: all verbs by name, each module imported when its verb is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from queuectl.commands.frame import Group
from queuectl.commands.options import accept_global_options
from queuectl.commands.page import purpose_of
from queuectl.errors import QueuectlError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

SECTIONS: dict[str, dict[str, str]] = {
    "Jobs": {
        "enqueue": "Store a command, or many, to be run in the background.",
        "list": "List jobs, the newest first.",
        "show": "Show all that is known of a job.",
        "logs": "Print what a job wrote.",
        "wait": "Wait until jobs are completed, dead or cancelled.",
        "retry": "Run jobs again.",
        "cancel": "Stop jobs that wait or run.",
        "dlq": "Look after the jobs that kept failing.",
    },
    "Running": {
        "worker": "Start, stop and list the workers that run jobs.",
        "status": "Count the jobs by state, and the workers.",
        "top": "Watch jobs and workers in a terminal, as they change.",
        "dashboard": "Show jobs, queues and workers in a browser, as they change.",
    },
    "Set-up": {
        "config": "Read, change and check the configuration.",
        "plugins": "List, show, check and begin plugins.",
        "doctor": "Look at what can be wrong, and say what to type.",
        "backup": "Write a consistent copy of the store to a new file while workers run.",
        "prune": "Delete jobs that ended long ago, with their attempts and output.",
        "storage": "Look at the store, bring it up to date, and copy it into another one.",
        "completion": "Print the completion script for a shell.",
    },
}
"""The verbs with their short help, so that `queuectl --help` imports none of them. A test holds this to the modules."""

COMPLETE = "_QUEUECTL_COMPLETE"
"""Set by the completion scripts when they call the program."""

VERBS = {verb: summary for section in SECTIONS.values() for verb, summary in section.items()}

EXAMPLES = """
queuectl enqueue 'make report'
queuectl enqueue '{"command": "sleep 2", "priority": 5, "max_retries": 1}'
queuectl worker start --count 2
queuectl status
queuectl dlq retry --all
"""

EPILOG = """
Exit codes:
  0    ok
  1    failed
  2    usage: the call or the job text is not of the right form
  3    not found
  4    conflict, or a job in the wrong state
  75   the storage is busy: try again
  78   bad configuration
  124  wait: the time ran out (else wait ends with the job's own code)
  130  ended by Ctrl-C; 143 by SIGTERM; 141 by a closed pipe
"""


class Verbs(Group):
    """The lazy group: built-in verbs from the table, those of plugins only for unknown verbs and `--help`."""

    _owners: Mapping[str, object] | None = None
    """Whose each verb of a plugin is; None as long as no plugin was asked."""

    command = click.Group.command  # type: ignore[assignment]  # plugins use it as they know it from click

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the verb's module; a verb that is not built in may come from a plugin."""
        if cmd_name in VERBS:
            found: click.Command = import_module(f"queuectl.commands.{cmd_name}").command
            return found
        self._ask_plugins(ctx)
        return self.commands.get(cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the built-in verbs, then those of plugins."""
        self._ask_plugins(ctx)
        return [*VERBS, *self._foreign()]

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; what goes wrong in a plugin's is told as that plugin's."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, QueuectlError, OSError):
            raise
        except Exception as error:  # a wall: it is a plugin's code
            owner = (self._owners or {}).get(ctx.invoked_subcommand or "")
            if owner is None:
                raise
            raise _fault(owner, ctx.invoked_subcommand, error) from error

    def _foreign(self) -> list[str]:
        return [name for name in self.commands if name not in VERBS]

    def _ask_plugins(self, ctx: click.Context) -> None:
        if self._owners is not None or ctx.resilient_parsing:  # completion loads no plugins
            return
        from queuectl.registry import Registry

        self._owners = Registry().commands(self, taken=VERBS)
        for name in self._foreign():
            accept_global_options(self.commands[name])

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the verbs from the table, without importing them."""
        self._ask_plugins(ctx)
        foreign = {name: purpose_of(self.commands[name]) for name in self._foreign()}
        width = max(map(len, [*VERBS, *foreign]))
        for title, verbs in (*SECTIONS.items(), ("From plugins", foreign)):
            if verbs:
                with formatter.section(title):
                    formatter.write_dl([(verb.ljust(width), summary) for verb, summary in verbs.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete verbs from the table, and the global options."""
        from click.shell_completion import CompletionItem

        verbs = [CompletionItem(verb, help=text) for verb, text in VERBS.items() if verb.startswith(incomplete)]
        return verbs + click.Command.shell_complete(self, ctx, incomplete)


def _fault(owner: object, verb: str | None, error: Exception) -> QueuectlError:
    from queuectl.registry.blame import brief

    hint = "run it again with --debug to see the traceback"
    return QueuectlError(f"{owner} failed in 'queuectl {verb}': {brief(error)}", hint=hint)


def _print_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from queuectl import __version__

        click.echo(f"queuectl {__version__}")
        ctx.exit()


def verbs() -> Verbs:
    """Build the root command."""
    attrs: dict[str, Any] = {"is_flag": True, "expose_value": False, "is_eager": True, "callback": _print_version}
    version = click.Option(["--version"], help="Print the version.", **attrs)
    return Verbs(
        "queuectl",
        params=[version],
        help="Run commands in the background and do not lose them.",
        examples=EXAMPLES,
        epilog=EPILOG,
    )
