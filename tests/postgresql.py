"""A private PostgreSQL for tests: made in a temporary folder, reached through a socket in it.

No service, no port, no privileges: it runs as an ordinary user, also where the tests run as
root, and it ends with the process that started it, however that ends.

    from tests.postgresql import postgresql  # noqa: F401 - a fixture

    def test_something(postgresql: Cluster) -> None:
        engine = create_engine(postgresql.new_database())
"""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "log_min_messages": "fatal",
    "log_min_error_statement": "panic",
}
# Tests kill clients, not the machine; what they wrote need not survive that.
_MEMORY = Path("/dev/shm")
_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class Cluster:
    """A running server. `url` names its first database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = itertools.count(1)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql+psycopg://eds@/{database}?host={self.folder}"

    def new_database(self, *, template: str = "template1") -> str:
        """The URL of a new database: empty, or a copy of one that nobody is connected to."""
        import psycopg

        name = f"test_{os.getpid()}_{next(self._numbers)}"
        where = f"host={self.folder} user=eds dbname=postgres"
        with psycopg.connect(where, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return self.url(name)


def programs() -> Path | None:
    """The folder of the newest server on this machine."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = sorted(folders, key=lambda path: float(path.parts[-3]))
    return newest[-1].parent if newest else None


def _as_ordinary_user(folder: Path) -> dict[str, Any]:
    """The server refuses to run as root; then it runs as a user who owns nothing else."""
    if os.getuid() != 0:
        return {}
    names = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG


@contextmanager
def running(*, durable: bool = False) -> Iterator[Cluster]:
    """A server for as long as the context lasts; skips where none is installed."""
    binaries = programs()
    if binaries is None:
        pytest.skip("no PostgreSQL server on this machine (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    # Not pytest's tmp_path: the path of a socket ends at 107 octets.
    place = None if durable or not _MEMORY.is_dir() else _MEMORY
    folder = Path(tempfile.mkdtemp(prefix="eds-pg-", dir=place))
    try:
        owner = _as_ordinary_user(folder)
        data = folder / "data"
        made = subprocess.run(
            [binaries / "initdb", "--pgdata", data, "--username=eds", "--auth=trust",
             "--encoding=UTF8", "--no-locale", "--no-sync"],
            capture_output=True, cwd=folder, check=False, **owner,
        )  # fmt: skip
        if made.returncode:
            pytest.fail(f"initdb: {made.stderr.decode(errors='replace')}")
        settings = {**_SETTINGS, **({} if durable else _FAST), "unix_socket_directories": folder}
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, *(f"--{k}={v}" for k, v in settings.items())],
            cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent, **owner,  # noqa: PLW1509 - no threads yet
        )  # fmt: skip
        try:
            _wait(server, folder)
            yield Cluster(folder)
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: subprocess.Popen[bytes], folder: Path) -> None:
    import psycopg

    for _ in range(300):
        if server.poll() is not None:
            pytest.fail(f"the PostgreSQL server ended with status {server.returncode}")
        try:
            psycopg.connect(f"host={folder} user=eds dbname=postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the PostgreSQL server does not answer")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    """One server for all tests of a process; each test makes databases of its own in it."""
    with running() as cluster:
        yield cluster
