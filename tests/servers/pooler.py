"""A pooler in transaction mode: every transaction of a client goes to whichever server connection is free.

What a client keeps in its session, such as a prepared statement or a channel that it listens to, is gone after each
transaction: the next one is somebody else's connection. Real ones do the same, and more.
"""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field

from psycopg.conninfo import conninfo_to_dict

_READY = b"Z"
_STARTUP = 196608


@dataclass(eq=False)
class Pooler:
    """Lends `size` server connections, each after the other, and each time another one."""

    dsn: str
    size: int = 2
    port: int = field(init=False)
    transactions: int = 0
    _servers: list[socket.socket] = field(default_factory=list)
    _clients: list[socket.socket] = field(default_factory=list)
    _greeting: bytes = b""

    def __post_init__(self) -> None:
        self._free = threading.Condition()
        for _ in range(self.size):
            self._servers.append(self._connected())
        self._lent = list(self._servers)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End it, with all connections."""
        for each in (self._listener, *self._clients, *self._servers):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._thread.join()

    def _connected(self) -> socket.socket:
        told = conninfo_to_dict(self.dsn)
        server = socket.create_connection((str(told["host"]), int(told["port"] or 5432)))
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        words = f"user\0{told['user']}\0database\0{told['dbname']}\0client_encoding\0UTF8\0\0".encode()
        server.sendall(struct.pack("!ii", len(words) + 8, _STARTUP) + words)
        self._greeting = b""
        while True:
            kind, message = _message(server)
            if kind == _READY:
                return server
            if kind == b"K":  # a cancel goes through the pooler, so clients are told a key of its own
                message = struct.pack("!ciii", b"K", 12, 4711, 4712)
            self._greeting += message

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._clients.append(client)
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            if _welcome(client):
                client.sendall(self._greeting + struct.pack("!cic", _READY, 5, b"I"))
                while self._transaction(client):
                    continue
        except OSError:  # the client is gone
            pass
        client.close()

    def _transaction(self, client: socket.socket) -> bool:
        """Lend a server connection for one transaction; return whether the client goes on."""
        asked = _asked(client)
        if asked is None:
            return False
        with self._free:
            self._free.wait_for(lambda: self._lent)
            server = self._lent.pop(0)
            self.transactions += 1
        while asked is not None:
            server.sendall(asked)
            if _answered(server, client) == b"I":
                break
            asked = _asked(client)
        if asked is None:  # gone in the middle of it
            server.sendall(struct.pack("!ci9s", b"Q", 13, b"ROLLBACK\0"))
            _answered(server, None)
        with self._free:
            self._lent.append(server)
            self._free.notify()
        return asked is not None


def _welcome(client: socket.socket) -> bool:
    """Hear what a client begins with; encryption is not to be had here."""
    while True:
        (length, code) = struct.unpack("!ii", _exactly(client, 8))
        _exactly(client, length - 8)
        if code == _STARTUP:
            return True
        client.sendall(b"N")


def _asked(client: socket.socket) -> bytes | None:
    """Return all that a client sends until it wants an answer, None where it says good-bye."""
    asked = b""
    while True:
        try:
            kind, message = _message(client)
        except (ConnectionError, OSError):
            return None
        if kind == b"X":
            return None
        asked += message
        if kind in {b"Q", b"S"}:
            return asked


def _answered(server: socket.socket, client: socket.socket | None) -> bytes:
    """Pass an answer on, and return in what state the server's transaction is then."""
    while True:
        kind, message = _message(server)
        if client is not None:
            with suppress(OSError):
                client.sendall(message)
        if kind == _READY:
            return message[-1:]


def _message(source: socket.socket) -> tuple[bytes, bytes]:
    head = _exactly(source, 5)
    (length,) = struct.unpack("!i", head[1:])
    return head[:1], head + _exactly(source, length - 4)


def _exactly(source: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        more = source.recv(length - len(data))
        if not more:
            raise ConnectionError
        data += more
    return data
