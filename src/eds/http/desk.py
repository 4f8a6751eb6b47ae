"""All doors of a desk: the acts of citizens and of officials, and their description."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

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
