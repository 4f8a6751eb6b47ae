"""Published lists as files, in the places that certificates point to.

The path of a list's address becomes a path below one folder, so a web server serves that folder
as it is. A file is the old list or the new one, never half of either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import Final
from urllib.parse import urlsplit

from ..certificatelists import CertificateList
from ..errors import ListOutrun, MalformedSettings
from .files import PUBLIC, write_file
from .issuers import RegisteredIssuer
from .lists import ListPublisher
from .tbs import crl_urls, delta_crl_urls

_SEGMENT: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_TRIES: Final = 5  # against other publishers


class ListKind(Enum):
    """Which lists are made."""

    FULL = "full"
    DELTA = "delta"
    LAST = "last"  # the one after which none comes


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedList:
    """One list and its file."""

    shard: int
    file: Path
    made: CertificateList


def list_path(issuer: RegisteredIssuer, shard: int, *, kind: ListKind) -> PurePosixPath:
    """Where a list goes below the folder of lists: the path of its first address.

    Raises MalformedSettings for an address that is no path of plain names.
    """
    find = delta_crl_urls if kind is ListKind.DELTA else crl_urls
    urls = find(issuer.facts, shard)
    if not urls:
        suffix = "-delta" if kind is ListKind.DELTA else ""
        return PurePosixPath(f"{issuer.label}{suffix}.crl")
    segments = urlsplit(urls[0]).path.strip("/").split("/")
    if not all(_SEGMENT.fullmatch(segment) for segment in segments):
        raise MalformedSettings(
            file=issuer.label, field="crl_urls", reason="the address is no path of plain names"
        )
    return PurePosixPath(*segments)


def publish_lists(
    publisher: ListPublisher,
    issuer: RegisteredIssuer,
    shards: Iterable[int],
    *,
    kind: ListKind,
    folder: Path,
    next_update: datetime,
    actor: str,
    at: datetime,
) -> Iterator[PublishedList]:
    """Make, publish and write the lists of `shards`, one after another.

    Raises ListRefused, ListOutrun when other publishers keep coming first, OSError.
    """
    for shard in shards:
        path = folder / list_path(issuer, shard, kind=kind)
        made = _publish(publisher, shard, kind, next_update, actor, at)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, made.encoded, mode=PUBLIC)
        yield PublishedList(shard=shard, file=path, made=made)


def _publish(
    publisher: ListPublisher,
    shard: int,
    kind: ListKind,
    next_update: datetime,
    actor: str,
    at: datetime,
) -> CertificateList:
    left = _TRIES
    while True:
        left -= 1
        try:
            if kind is ListKind.LAST:
                return publisher.publish_last(shard, actor=actor, at=at)
            publish = publisher.publish if kind is ListKind.FULL else publisher.publish_delta
            return publish(shard, next_update=next_update, actor=actor, at=at)
        except ListOutrun:
            if not left:
                raise
