"""A private Redis for tests: in a temporary folder, reached through a socket in it.

No service, no port, nothing kept: what it forgets at its end, tests want forgotten. It ends with
the process that started it, however that ends.

    from tests.redis_server import redis_server  # noqa: F401 - a fixture

    def test_something(redis_server: RedisServer) -> None:
        client = redis_server.client()
"""

from __future__ import annotations

import ctypes
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


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class RedisServer:
    """A running server; `client` connects to it."""

    def __init__(self, folder: Path, *settings: str) -> None:
        self._socket = folder / "redis.sock"
        self._command = [
            *("redis-server", "--port", "0", "--unixsocket", str(self._socket)),
            *("--save", "", "--appendonly", "no", "--dir", str(folder), *settings),
        ]
        self._clients: list[Any] = []
        self.process = self._started()

    def client(self, **options: Any) -> Any:
        import redis

        made = redis.Redis(unix_socket_path=str(self._socket), **options)
        self._clients.append(made)
        return made

    def restart(self) -> None:
        self.stop()
        self.process = self._started()

    def stop(self) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()
        self._socket.unlink(missing_ok=True)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self.stop()

    def _started(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            self._command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - it calls one function of libc
        )
        while not self._socket.exists():
            if process.poll() is not None:
                pytest.fail(f"the Redis server ended with status {process.returncode}")
            time.sleep(0.01)
        return process


@contextmanager
def running(*settings: str) -> Iterator[RedisServer]:
    """A server for as long as the context lasts; skips where none is installed."""
    if shutil.which("redis-server") is None:
        pytest.skip("no Redis server on this machine (Debian: apt-get install redis-server)")
    pytest.importorskip("redis", reason="the extra `redis` is not installed")
    # Not pytest's tmp_path: the path of a socket ends at 107 octets.
    folder = Path(tempfile.mkdtemp(prefix="eds-redis-"))
    try:
        server = RedisServer(folder, *settings)
        try:
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """One server for all tests of a process, which tell their keys apart."""
    with running() as server:
        yield server
