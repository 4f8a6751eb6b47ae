"""The examiners of `eds serve`: documents of strangers, each in a child process under limits.

They listen at a socket of the file system; a connection is a question. They are forked before
any key is opened and any PIN is asked for, so that there is nothing in their memory to be had.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NoReturn

from eds_cli.confined import Limits, confine

if TYPE_CHECKING:
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
