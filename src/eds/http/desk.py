"""All doors of a desk: the acts of citizens and of officials, and their description."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from ..enroll.issuing import tick
from ..errors import EdsError
from . import applicantacts, officialacts
from .deskservice import DeskService
from .openapi import description
from .operations import Operation
from .routing import Route

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


@asynccontextmanager
async def ticking(service: DeskService) -> AsyncIterator[None]:
    """Beside the doors the clock does its part: what is over ends, what nobody accepted is revoked.

    Several processes may; each application moves once.
    """

    async def run() -> None:
        while True:
            with suppress(EdsError):  # what is away is asked again
                await service.threads.run(
                    lambda: tick(service.desk, service.issuing, at=service.clock())
                )
            await asyncio.sleep(_TICK_SECONDS)

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
