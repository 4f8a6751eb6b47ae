"""Work on files of strangers, in a child process under limits of memory and processor time.

The library never starts processes: a server has its own ways to confine its workers. The command
line has one thread and may fork. What comes back through the pipe are octets, never objects.
"""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NoReturn

from eds.errors import EdsError

_DONE: Final = b"+"
_REFUSED: Final = b"-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a child may use: octets of memory beyond what it began with, seconds of processor."""

    memory: int = 512 * 1024 * 1024
    seconds: int = 30


LIMITS: Final = Limits()


class WorkStopped(EdsError):
    """The child reached a limit, or ended before it was done."""

    code = "cli.stopped"

    def __init__(self, *, reason: str) -> None:
        super().__init__(f"stopped by its limits: {reason}")
        self.reason = reason


class WorkRefused(EdsError):
    """What the child refused, with the code of its error."""

    def __init__(self, *, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]


def confined(work: Callable[[], bytes], *, limits: Limits = LIMITS) -> bytes:
    """What `work` returns, done by a child that writes no file and stays within `limits`.

    Raises WorkStopped, WorkRefused for an EdsError of `work`.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _work(work, writer, limits)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    if status != 0 or said[:1] not in (_DONE, _REFUSED):
        raise WorkStopped(reason=_reason(status))
    if said[:1] == _REFUSED:
        raise WorkRefused(**json.loads(said[1:]))
    return said[1:]


def _work(work: Callable[[], bytes], writer: int, limits: Limits) -> NoReturn:
    status = 1
    try:
        confine(limits)
        try:
            said = _DONE + work()
        except EdsError as error:
            said = _REFUSED + json.dumps({"code": error.code, "message": str(error)}).encode()
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(said)
        status = 0
    except MemoryError:
        status = 2
    finally:
        os._exit(status)  # without the parent's handlers and buffers


def confine(limits: Limits) -> None:
    """Put this process under the limits, for good."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    memory = pages * resource.getpagesize() + limits.memory
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, limits.seconds),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (allowed, allowed))


def _reason(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"signal {os.WTERMSIG(status)}"
    return {2: "memory"}.get(os.WEXITSTATUS(status), f"exit status {os.WEXITSTATUS(status)}")
