"""Asks the examiners, who work in processes of their own under limits of time and memory.

They listen at a socket of the file system; one connection is one question. What comes back are
octets, never objects.
"""

from __future__ import annotations

import asyncio
import json
from typing import Final

from ..errors import EdsError, Overloaded, WorkTimedOut
from .verification import Question

ANSWERED: Final = b"+"
REFUSED: Final = b"-"
LENGTH_OCTETS: Final = 8  # before a question: how many it has
_GRACE_SECONDS: Final = 5.0  # beyond what an examiner has, before nobody waits for it any more


class ExaminationRefused(EdsError):
    """What an examiner refused, with the code of its error."""

    def __init__(self, *, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code  # type: ignore[misc]


class ExaminersApart:
    """The examiners behind the socket at `path`. At most `most` questions are asked at once."""

    def __init__(self, path: str, *, most: int, seconds: float) -> None:
        self._path = path
        self._most = most
        self._seconds = seconds
        self._asked = 0

    async def __call__(self, question: Question) -> bytes:
        """The report.

        Raises Overloaded, WorkTimedOut for an examiner that was stopped by its limits,
        ExaminationRefused.
        """
        if self._asked >= self._most:
            raise Overloaded
        self._asked += 1
        try:
            async with asyncio.timeout(self._seconds + _GRACE_SECONDS):
                said = await self._ask(question.encode())
        except (TimeoutError, OSError, EOFError):
            raise WorkTimedOut(seconds=self._seconds) from None
        finally:
            self._asked -= 1
        if said[:1] == ANSWERED:
            return said[1:]
        if said[:1] == REFUSED:
            raise ExaminationRefused(**json.loads(said[1:]))
        raise WorkTimedOut(seconds=self._seconds)

    async def _ask(self, encoded: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            writer.write(len(encoded).to_bytes(LENGTH_OCTETS, "big"))
            writer.write(encoded)
            await writer.drain()
            return await reader.read(-1)
        finally:
            writer.close()


def refusal(error: EdsError) -> bytes:
    """What an examiner says of an error."""
    told = {"code": error.code, "message": str(error)}
    return REFUSED + json.dumps(told).encode()
