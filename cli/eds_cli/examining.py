"""The examiners of `eds serve`: documents of strangers, each in a child process under limits.

They listen at a socket of the file system; a connection is a question. Each time they begin they
become a program of its own, so that nothing of the server's memory or its open files is to be had
in them, and what they trust is what the server was told last.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

from eds_cli.confined import Limits, confine
from eds_cli.supervising import Ready

if TYPE_CHECKING:
    from eds.http.settings import VerifySettings
    from eds.http.verification import Examiner

_LARGEST: Final = 1 << 31
_EXTRA_SECONDS: Final = 2.0  # of the wall clock, beyond those of the processor


def listening(path: str) -> socket.socket:
    """A socket at that path, for this user alone."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(path)
    os.chmod(path, 0o600)  # noqa: PTH101 - a socket
    made.listen(1024)
    return made


def examiner_of(base: Path, settings: VerifySettings) -> Examiner:
    """Whom these settings trust, and what they demand. Raises what reading both does."""
    from eds.http.verification import Examiner
    from eds.verify.policies import read_policy, shipped_policies
    from eds.verify.trust import TrustStore
    from eds.verify.trustfolder import load_trust_store

    stores = [load_trust_store(base / folder) for folder in settings.trust]
    trust = stores[0] if len(stores) == 1 else TrustStore.join(
        *stores, name="+".join(store.name for store in stores)[:200]
    )  # fmt: skip
    shipped = shipped_policies()
    policy = shipped.get(settings.policy) or read_policy(
        (base / settings.policy).read_text(encoding="utf-8")
    )
    return Examiner(trust=trust, policy=policy)


def become_examiners(
    listener: socket.socket, base: Path, settings: VerifySettings, ready: Ready
) -> NoReturn:
    """Leave everything behind but the listener, the settings and whom to tell."""
    kept = (listener.fileno(), ready.descriptor)
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - numbers
        if int(name) > 2:
            with contextlib.suppress(OSError):  # the one that listed them
                os.set_inheritable(int(name), int(name) in kept)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # a secret may have come from there
    command = [sys.executable, "-P", "-m", "eds_cli.examining", str(base), *map(str, kept)]
    path = os.pathsep.join(place or str(Path.cwd()) for place in sys.path)
    os.execve(  # noqa: S606 - this very program
        sys.executable, [*command, json.dumps(asdict(settings))], {**os.environ, "PYTHONPATH": path}
    )


def main(base: str, listener: str, ready: str, told: str) -> int:
    """What `become_examiners` became."""
    from eds.errors import EdsError
    from eds.http.settings import VerifySettings
    from eds_cli.main import complain_of

    fields = json.loads(told)
    settings = VerifySettings(**{**fields, "trust": tuple(fields["trust"])})
    try:
        return serve_examiners(
            socket.socket(fileno=int(listener)),
            examiner_of(Path(base), settings),
            processes=settings.processes,
            limits=Limits(memory=settings.memory_octets, seconds=settings.seconds),
            ready=Ready(int(ready)),
        )
    except (EdsError, OSError) as error:
        return complain_of(error)


def serve_examiners(
    listener: socket.socket,
    examiner: Examiner,
    *,
    processes: int,
    limits: Limits,
    ready: Callable[[], None],
) -> int:
    """Answer questions until SIGTERM, at most `processes` at a time; the others wait."""
    parent = os.getppid()
    children: dict[int, float] = {}
    stop: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stop.append(number))
    signal.signal(signal.SIGCHLD, lambda *_: None)  # wakes the wait below
    listener.settimeout(0.2)
    ready()
    while not stop and os.getppid() == parent:
        _reap(children, limits.seconds + _EXTRA_SECONDS)
        if len(children) >= processes:
            time.sleep(0.005)
            continue
        try:
            connection, _ = listener.accept()
        except (TimeoutError, InterruptedError):
            continue
        child = os.fork()
        if child == 0:
            listener.close()
            _answer(connection, examiner, limits)
        connection.close()
        children[child] = time.monotonic()
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return 0


def _reap(children: dict[int, float], seconds: float) -> None:
    now = time.monotonic()
    for child, began in list(children.items()):
        if os.waitpid(child, os.WNOHANG)[0]:
            del children[child]
        elif now - began > seconds:
            os.kill(child, signal.SIGKILL)


def _answer(connection: socket.socket, examiner: Examiner, limits: Limits) -> NoReturn:
    from eds.errors import EdsError
    from eds.http.apart import ANSWERED, LENGTH_OCTETS, refusal
    from eds.http.verification import Question

    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        connection.settimeout(limits.seconds)
        with connection.makefile("rb") as coming:
            size = int.from_bytes(coming.read(LENGTH_OCTETS), "big")
            if size > _LARGEST:
                os._exit(1)
            question = Question.decode(coming.read(size))
        confine(limits)
        try:
            said = ANSWERED + examiner.examine(question)
        except EdsError as error:
            said = refusal(error)
        connection.sendall(said)
    finally:
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
