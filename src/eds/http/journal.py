"""The log of requests: one JSON object a line, and nothing in it that a client wrote.

A path may name a person and a query may hold anything, so a request is called by the path of its
route. Whoever wants more asks the audit log, which knows acts and no numbers of persons.
"""

from __future__ import annotations

import json
import os
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import PurePath


class Told(Enum):
    """Which requests are told."""

    ALL = "all"
    REFUSED = "refused"  # those that ended in an error of either side
    FAULTS = "faults"  # those that ended in one of ours
    NONE = "none"

    least: int
    """The least status that a request ends in to be told."""


for _told, _least in ((Told.ALL, 0), (Told.REFUSED, 400), (Told.FAULTS, 500), (Told.NONE, 1000)):
    _told.least = _least


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One request and how it ended. `micros` is how long it took, in microseconds.

    `code` is that of the error; `place` where a mistake of ours showed, module and line.
    """

    at: str
    method: str
    route: str
    status: int
    micros: int
    octets: int
    code: str | None = None
    place: str | None = None

    @property
    def line(self) -> str:
        """One line of JSON."""
        told = {name: value for name, value in asdict(self).items() if value is not None}
        return json.dumps({**told, "process": os.getpid()}, separators=(",", ":"))


Journal = Callable[[Entry], None]


def place_of(error: BaseException) -> str:
    """Kind and place of an unforeseen error. Never its message: nobody knows what stands in it."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{PurePath(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
    return f"{type(error).__name__} at {where}"
