"""A bounded memory for what was proven once: least recently used goes first.

Nothing here is global: a memo belongs to a trust store and goes with it, so that what one relying
party believed never answers for another.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

from ..errors import InvalidArgument

V = TypeVar("V")


class Memo(Generic[V]):
    """Values by their keys, at most `entries` of them and at most `weight` in sum.

    The weight is whatever unit its owner counts in. Safe to use from several threads. Raises
    InvalidArgument for limits below one.
    """

    def __init__(self, *, entries: int, weight: int | None = None) -> None:
        if entries < 1 or (weight is not None and weight < 1):
            raise InvalidArgument(argument="entries", reason="a memo has room for something")
        self._entries = entries
        self._limit = weight
        self._weight = 0
        self._values: OrderedDict[Hashable, tuple[V, int]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: Hashable) -> V | None:
        """The value kept for `key`; None where there is none."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: Hashable, value: V, *, weight: int = 1) -> None:
        """Keep `value`; one heavier than the whole memo is not kept."""
        with self._lock:
            before = self._values.pop(key, None)
            if before is not None:
                self._weight -= before[1]
            if self._limit is not None and weight > self._limit:
                return
            self._values[key] = (value, weight)
            self._weight += weight
            while len(self._values) > self._entries or (
                self._limit is not None and self._weight > self._limit
            ):
                _, (_, dropped) = self._values.popitem(last=False)
                self._weight -= dropped
