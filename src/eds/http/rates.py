"""So many requests a minute from one address: a bucket for each, in bounded memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final

from ..errors import RateExceeded

_MOST: Final = 65_536  # addresses remembered
_SITE_BITS: Final = 64  # of IPv6: whoever has one address has these


class RateLimit:
    """Lets `burst` requests through at once and `per_minute` in the long run.

    Counted for each address, of IPv6 for each network of 64 bits. When more addresses are seen
    than can be remembered, those remembered longest begin anew.
    """

    def __init__(
        self, *, per_minute: int, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate = per_minute / 60
        self._burst = float(burst)
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # address → what is left, since when

    def __call__(self, address: str) -> None:
        """Count one request. Raises RateExceeded."""
        key = _site(address) if ":" in address else address
        now = self._clock()
        left, since = self._buckets.pop(key, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        if len(self._buckets) >= _MOST:
            del self._buckets[next(iter(self._buckets))]
        if left < 1:
            self._buckets[key] = (left, now)
            raise RateExceeded(retry_after=max(1, round((1 - left) / self._rate)))
        self._buckets[key] = (left - 1, now)


def _site(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if parsed.version == 6 and parsed.ipv4_mapped is None:
        return str(int(parsed) >> (128 - _SITE_BITS))
    return str(parsed)
