"""`queuectl dashboard`: its options. The server is imported when it is started."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import click

from queuectl import PluginError, UsageError

NEEDS = ("jinja2", "starlette", "uvicorn")

LOOPBACK = ("127.0.0.1", "localhost", "::1")

EXAMPLES = """
queuectl dashboard
queuectl dashboard --port 9000 --read-only
queuectl dashboard --host 0.0.0.0 --allow-host jobs.example.org --token-file ~/.config/queuectl/token
"""


@click.command("dashboard", epilog=EXAMPLES)
@click.option("--host", default="127.0.0.1", metavar="HOST", help="The address to listen on; by default 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65535), default=8787, metavar="PORT", help="By default 8787; 0: any.")
@click.option("--read-only", is_flag=True, help="Show everything, change nothing.")
@click.option("--token-file", metavar="FILE", help="Keep the token there, so that browsers stay signed in.")
@click.option(
    "--allow-host", "names", multiple=True, metavar="NAME", help="Another name that browsers may call this server by."
)
@click.pass_obj
def dashboard(
    session: Any, host: str, port: int, read_only: bool, token_file: str | None, names: tuple[str, ...]
) -> None:
    """Show jobs, queues and workers in a browser, as they change.

    Prints the address to open: the token in it signs the browser in. Listens on this machine alone; for another --host
    a --token-file is needed, and whoever has the token can run commands as the workers do. Stays in the foreground
    until Ctrl-C or SIGTERM.
    """
    missing = [name for name in NEEDS if find_spec(name) is None]
    if missing:
        raise PluginError(
            f"the dashboard needs {', '.join(missing)}", hint="python -m pip install 'queuectl[dashboard]'"
        )
    if host not in LOOPBACK and token_file is None:
        raise UsageError(
            f"--host {host}: other machines could reach it, so it wants a token that you have chosen to share",
            hint=f"queuectl dashboard --host {host} --token-file FILE makes one; or put a proxy before 127.0.0.1",
        )
    from queuectl_dashboard.serving import Place, serve
    from queuectl_dashboard.tokens import Token

    token = Token.made() if token_file is None else Token.kept_in(token_file)
    serve(session.config(), Place(host, port, names), token, read_only=read_only, quiet=session.quiet)
