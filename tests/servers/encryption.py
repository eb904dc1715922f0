"""What encrypts before a server that cannot: a client sees no difference, since it is asked for before all else."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

_ASKS_FOR_TLS = 80877103


@dataclass(eq=False)
class Encryption:
    """Takes connections on a port of its own, and passes on what it deciphers."""

    server: int
    certificate: tuple[Path, Path]
    port: int = field(init=False)
    _ends: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(*self.certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def dsn(self) -> str:
        """Where a client finds it."""
        return f"postgresql://queuectl@127.0.0.1:{self.port}/postgres"

    def close(self) -> None:
        """End it, with all connections."""
        for each in (self._listener, *self._ends):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, struct.error):
            while struct.unpack("!ii", client.recv(8, socket.MSG_WAITALL))[1] != _ASKS_FOR_TLS:
                client.sendall(b"N")  # it asked for another kind of encryption
            client.sendall(b"S")
            deciphered = self._context.wrap_socket(client, server_side=True)
            server = socket.create_connection(("127.0.0.1", self.server))
            self._ends += [deciphered, server]
            threading.Thread(target=_pass_on, args=(server, deciphered), daemon=True).start()
            _pass_on(deciphered, server)


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for each in (source, target):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
