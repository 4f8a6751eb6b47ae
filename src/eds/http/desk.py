"""All doors of a desk: the acts of citizens and of officials, and their description."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Final

from ..enroll.issuing import tick
from ..errors import EdsError
from . import applicantacts, officialacts
from .deskservice import DeskService
from .openapi import description
from .operations import Operation
from .routing import Route
from .tasks import beside

OPERATIONS: Final[tuple[Operation, ...]] = (
    *applicantacts.operations(),
    *officialacts.operations(),
)


def desk_routes(service: DeskService) -> Iterator[Route]:
    """The routes of the desk API, `/openapi.json` among them."""
    for row in OPERATIONS:
        yield row.route(service)
    yield description(OPERATIONS)


_TICK_SECONDS: Final = 60.0


class DeskClock:
    """Beside the doors time does its part: what is over ends, what nobody accepted is revoked.

    Several processes may run one over the same desk; each application moves once.
    """

    def __init__(self, service: DeskService, *, seconds: float = _TICK_SECONDS) -> None:
        self._service = service
        self._seconds = seconds
        self._wrong: str | None = "silent"

    def check(self) -> str | None:
        """What was wrong the last time: the code of an error, or `fault` for a mistake (a check
        of `eds.http.health`).
        """
        return self._wrong

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """For as long as the doors are open."""
        async with beside(self._run()):
            yield

    async def _run(self) -> None:
        desk, issuing, clock = self._service.desk, self._service.issuing, self._service.clock
        while True:
            try:
                await self._service.threads.run(lambda: tick(desk, issuing, at=clock()))
                self._wrong = None
            except EdsError as error:  # what is away is asked again
                self._wrong = error.code
            except Exception:  # noqa: BLE001 - of a provider, perhaps; the clock goes on
                self._wrong = "fault"
            await asyncio.sleep(self._seconds)
