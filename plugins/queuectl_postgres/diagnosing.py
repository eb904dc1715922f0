"""Diagnosing: what of a server an operator may have got wrong."""

from __future__ import annotations

from collections.abc import Iterator

from queuectl import Duration, Finding, Health
from queuectl_postgres import migrating, schema
from queuectl_postgres.link import Link

LONG = 300.0
"""Seconds for which a transaction may be open: for so long nothing that was replaced since can be taken away."""

MANY_DEAD = 200_000
"""Old rows that a vacuum should have taken away long before."""

_OLDEST = """
    SELECT extract(epoch FROM clock_timestamp() - xact_start)::float8, pid, coalesce(application_name, '')
    FROM pg_catalog.pg_stat_activity
    WHERE xact_start IS NOT NULL AND backend_xmin IS NOT NULL AND backend_type = 'client backend'
    ORDER BY xact_start LIMIT 1
"""

_CONNECTIONS = """
    SELECT (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'),
           current_setting('max_connections')::int
"""

_DEAD = """
    SELECT n_live_tup, n_dead_tup FROM pg_catalog.pg_stat_all_tables WHERE relid = 'queuectl.job'::regclass
"""

_SETTINGS = (
    "SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')"
)


def findings(link: Link, *, pooled: bool) -> Iterator[Finding]:
    """Look at the server, the way to it, its load and its settings, and the schema."""
    yield _server(link)
    yield _way(link, pooled=pooled)
    yield _durability(link)
    yield _connections(link)
    yield _horizon(link)
    yield _dead(link)
    version, _ = migrating.version_of(link)
    text = f"version {version}, this queuectl knows {schema.VERSION}"
    yield Finding(check="schema", health=Health.OK, text=text)


def _server(link: Link) -> Finding:
    version = link.connection.info.parameter_status("server_version")
    return Finding(check="PostgreSQL", health=Health.OK, text=str(version))


def _way(link: Link, *, pooled: bool) -> Finding:
    through = ", through a pooler: workers look for jobs four times a second" if pooled else ""
    info = link.connection.info
    is_local = info.host.startswith("/") or info.host in {"", "localhost", "127.0.0.1", "::1"}
    if link.connection.pgconn.ssl_in_use or is_local:
        text = ("encrypted" if link.connection.pgconn.ssl_in_use else "on this host") + through
        return Finding(check="connection", health=Health.OK, text=text)
    text = f"not encrypted{through}: whoever listens on the way sees commands, and their environment"
    return Finding(check="connection", health=Health.WARNING, text=text, hint="add sslmode=verify-full to storage.dsn")


def _durability(link: Link) -> Finding:
    fsync, pages, commit = link.row(_SETTINGS) or ("on", "on", "on")
    if (fsync, pages) != ("on", "on"):
        text = f"fsync is {fsync}, full_page_writes {pages}: after a crash of the server all may be lost"
        hint = "in postgresql.conf: fsync = on, full_page_writes = on"
        return Finding(check="durability", health=Health.ERROR, text=text, hint=hint)
    if commit == "off":
        text = "synchronous_commit is off: after a crash of the server what was acknowledged last may be lost"
        hint = "in postgresql.conf, or for this user: synchronous_commit = on"
        return Finding(check="durability", health=Health.WARNING, text=text, hint=hint)
    return Finding(check="durability", health=Health.OK, text=f"synchronous_commit is {commit}")


def _connections(link: Link) -> Finding:
    used, most = link.row(_CONNECTIONS) or (0, 0)
    text = f"{used} of {most} are used"
    if used < most * 0.8:
        return Finding(check="connections", health=Health.OK, text=text)
    hint = "a worker takes up to four: raise max_connections, or put pgbouncer between"
    return Finding(check="connections", health=Health.WARNING, text=text, hint=hint)


def _horizon(link: Link) -> Finding:
    age, pid, name = link.row(_OLDEST) or (0.0, 0, "")
    if age < LONG:
        return Finding(check="transactions", health=Health.OK, text="none is open for long")
    text = f"process {pid} ({name or 'no name'}) has had one open for {Duration(round(age))}: claims get slower"
    hint = f"SELECT pg_terminate_backend({pid})"
    return Finding(check="transactions", health=Health.WARNING, text=text, hint=hint)


def _dead(link: Link) -> Finding:
    live, dead = link.row(_DEAD) or (0, 0)
    text = f"{dead} old rows beside {live} jobs"
    if dead < max(MANY_DEAD, live / 2):
        return Finding(check="vacuum", health=Health.OK, text=text)
    hint = f'VACUUM ANALYZE "{link.schema}".job'
    return Finding(check="vacuum", health=Health.WARNING, text=text, hint=hint)
