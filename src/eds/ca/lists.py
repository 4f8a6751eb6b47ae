"""Revocation lists of an authority: entries joined, signed, and published by compare-and-swap.

Making a list is pure: encoded entries, made once when a status changed, become a signed list.
A publisher takes a number, reads what is listed at one instant, signs, and swaps the list in
only if no other was published since the number was taken. So numbers rise strictly, and no list
says less than the one before it, with as many publishers as there may be. Whatever was revoked
stays listed, also after it expired (EN 319 411-2 CSS-6.3.10-05).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from enum import Enum
from itertools import islice
from typing import Final

from .. import der
from ..certificatelists import CertificateList
from ..errors import InvalidArgument, ListRefused, NaiveDatetime
from ..extensions import (
    AUTHORITY_KEY_IDENTIFIER,
    CRL_NUMBER,
    DELTA_CRL_INDICATOR,
    EXPIRED_CERTS_ON_CRL,
    FRESHEST_CRL,
    ISSUING_DISTRIBUTION_POINT,
    REASON_CODE,
    Extension,
    RevocationReason,
)
from ..keys.contract import Signer
from .monitor import GuardedKey, permit_list
from .profiles import CertificateKind
from .register import ListTurn, Register
from .tbs import IssuerFacts, crl_urls, delta_crl_urls

# The nextUpdate of a last list, after which none comes (EN 319 411-1 CSS-6.3.9-06).
NEVER: Final = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class ListScope(Enum):
    """Which certificates of its issuer a list speaks of (RFC 5280 §5.2.5)."""

    ALL = b""
    SUBJECTS = b"\x81\x01\xff"  # onlyContainsUserCerts
    AUTHORITIES = b"\x82\x01\xff"  # onlyContainsCACerts


def build_tbs_list(
    facts: IssuerFacts,
    entries: Iterable[bytes] | bytearray,
    *,
    number: int,
    this_update: datetime,
    next_update: datetime,
    shard: int = 0,
    base: int | None = None,
    scope: ListScope = ListScope.ALL,
    expired_since: datetime | None = None,
) -> bytes:
    """The encoded TBSCertList over encoded entries (RFC 5280 §5.1.2.6).

    A bytearray has the entries joined already. `base` makes it a delta list on the list of that
    number. `expired_since` says since when certificates that expired stay listed. Instants are
    cut to whole seconds. Raises InvalidArgument, NaiveDatetime.
    """
    if not 0 <= shard < facts.shard_count:
        raise InvalidArgument(argument="shard", reason=f"from 0 to {facts.shard_count - 1}")
    if not 0 < number < 1 << 159 or not (base is None or 0 < base < number):
        raise InvalidArgument(argument="number", reason="above zero and above its base")
    if this_update.utcoffset() is None or next_update.utcoffset() is None:
        raise NaiveDatetime(argument="this_update, next_update")
    if next_update <= this_update:
        raise InvalidArgument(argument="next_update", reason="not after this_update")
    head = b"".join(
        (
            _VERSION_2,
            facts.algorithm.identifier,
            facts.name.encoded,
            der.time(this_update),
            der.time(next_update),
        )
    )
    tail = der.explicit(
        0,
        der.sequence(*_extensions(facts, number, shard, base, scope, expired_since)),
    )
    joined = _join(entries)
    listed = der.head(der.SEQUENCE, len(joined)) if joined else b""  # an empty one is forbidden
    size = len(head) + len(listed) + len(joined) + len(tail)
    # One join: a list may be 50 MB, and every further copy is another 50.
    return b"".join((der.head(der.SEQUENCE, size), head, listed, joined, tail))


def build_list(
    facts: IssuerFacts,
    entries: Iterable[bytes] | bytearray,
    *,
    signer: Signer,
    number: int,
    this_update: datetime,
    next_update: datetime,
    shard: int = 0,
    base: int | None = None,
    scope: ListScope = ListScope.ALL,
    expired_since: datetime | None = None,
) -> CertificateList:
    """The signed list. Raises what `build_tbs_list` does, and MonitorRefused."""
    _require_key(facts, signer)
    tbs = build_tbs_list(
        facts,
        entries,
        number=number,
        this_update=this_update,
        next_update=next_update,
        shard=shard,
        base=base,
        scope=scope,
        expired_since=expired_since,
    )
    permit_list(tbs, issuer_kind=_GUARDED[facts.kind])
    end = facts.algorithm.identifier + der.bit_string(signer.sign(tbs))
    return CertificateList(
        b"".join((der.head(der.SEQUENCE, len(tbs) + len(end)), tbs, end)),
    )


class ListPublisher:
    """Makes and publishes the lists of one issuer from its register.

    `expired_since` and `scope` are said in every list. Several publishers may work on one
    register: of two that meet, one gets ListOutrun, has published nothing and tries again.
    """

    def __init__(
        self,
        register: Register,
        *,
        issuer: str,
        facts: IssuerFacts,
        signer: Signer,
        scope: ListScope = ListScope.ALL,
        expired_since: datetime | None = None,
    ) -> None:
        _require_key(facts, signer)
        if facts.shard_count > 1 and not facts.crl_urls:
            raise InvalidArgument(argument="facts", reason="shards without an address are one")
        self.register = register
        self.issuer = issuer
        self.facts = facts
        self._signer = signer
        self._scope = scope
        self._expired_since = expired_since

    def publish(
        self, shard: int = 0, *, next_update: datetime, actor: str, at: datetime
    ) -> CertificateList:
        """A full list of that shard, as of `at`.

        Raises ListOutrun, ListRefused, MonitorRefused.
        """
        turn = self._start(shard, at)
        with self.register.listing(self.issuer, shard) as listing:
            count = 0

            def entries() -> Iterator[bytes]:
                nonlocal count
                for _, entry in listing.entries:
                    count += 1
                    yield entry

            joined = _join(entries())
        self._check(turn, count, listing.released)
        return self._publish(
            turn, joined, None, count, listing.released, next_update=next_update,
            actor=actor, at=at,
        )  # fmt: skip

    def publish_delta(
        self, shard: int = 0, *, next_update: datetime, actor: str, at: datetime
    ) -> CertificateList:
        """A list of what changed since the newest full list of that shard (RFC 5280 §5.2.4).

        What that list says is compared with what is listed now: no clock decides what is new.
        Raises what `publish` does; ListRefused also where there is no full list.
        """
        turn = self._start(shard, at)
        base = turn.base and self.register.published_list(self.issuer, shard, number=turn.base)
        if not base:
            raise ListRefused(shard=shard, reason="there is no full list to build on")
        with self.register.listing(self.issuer, shard) as listing:
            now = dict(listing.entries)
        self._check(turn, len(now), listing.released)
        later = self.register.lists_after(self.issuer, shard, turn.base)
        return self._publish(
            turn, delta_entries(now, base, later), turn.base, len(now), listing.released,
            next_update=next_update, actor=actor, at=at,
        )  # fmt: skip

    def publish_last(self, shard: int = 0, *, actor: str, at: datetime) -> CertificateList:
        """The list after which none comes: all certificates of the shard are revoked or expired.

        Raises what `publish` does; ListRefused also while a certificate is neither.
        """
        if self.register.has_unexpired(self.issuer, shard, at=at):
            raise ListRefused(shard=shard, reason="not the last: a certificate is still in force")
        return self.publish(shard, next_update=NEVER, actor=actor, at=at)

    def _start(self, shard: int, at: datetime) -> ListTurn:
        if at.utcoffset() is None:
            raise NaiveDatetime(argument="at")
        if not 0 <= shard < self.facts.shard_count:
            raise InvalidArgument(
                argument="shard", reason=f"from 0 to {self.facts.shard_count - 1}"
            )
        turn = self.register.start_list(self.issuer, shard)
        if turn.next_update == NEVER:
            raise ListRefused(shard=shard, reason="the last list was published")
        if turn.this_update is not None and at.replace(microsecond=0) < turn.this_update:
            raise ListRefused(shard=shard, reason="it would be older than the list before it")
        return turn

    @staticmethod
    def _check(turn: ListTurn, entries: int, released: int) -> None:
        # Only a release takes an entry away, and each takes one.
        if entries + released < turn.entries + turn.released:
            raise ListRefused(
                shard=turn.shard,
                reason=f"{turn.entries} entries became {entries}, and no release explains it",
            )

    def _publish(
        self,
        turn: ListTurn,
        entries: Iterable[bytes] | bytearray,
        base: int | None,
        count: int,
        released: int,
        *,
        next_update: datetime,
        actor: str,
        at: datetime,
    ) -> CertificateList:
        this_update = at.replace(microsecond=0)
        made = build_list(
            self.facts,
            entries,
            signer=self._signer,
            number=turn.number,
            this_update=this_update,
            next_update=next_update,
            shard=turn.shard,
            base=base,
            scope=self._scope,
            expired_since=self._expired_since,
        )
        self.register.publish_list(
            turn,
            made.encoded,
            base=base,
            entries=count,
            released=released,
            this_update=this_update,
            next_update=next_update,
            actor=actor,
            at=at,
        )
        return made


def delta_entries(now: dict[bytes, bytes], base: bytes, later: Iterable[bytes]) -> list[bytes]:
    """The entries of a delta list on the encoded list `base`, in the order of serial numbers.

    `now` has all encoded entries by serial number. A delta may be applied to any list with a
    number from that of its base on, so what only one of `later` listed is removed as well.
    """
    before = dict(_walk(base))
    gone = {serial: entry for serial, entry in before.items() if serial not in now}
    for encoded in later:
        for serial, entry in _walk(encoded):
            if serial not in now:
                gone.setdefault(serial, entry)
    changed = {serial: entry for serial, entry in now.items() if before.get(serial) != entry}
    changed |= {serial: _removal(serial, entry) for serial, entry in gone.items()}
    return [changed[serial] for serial in sorted(changed)]


# --- inside -------------------------------------------------------------------------------------

_VERSION_2: Final = der.integer(1)
_GUARDED: Final = {
    CertificateKind.ROOT: GuardedKey.ROOT,
    CertificateKind.ISSUING_AUTHORITY: GuardedKey.ISSUING_AUTHORITY,
}
_REMOVED: Final = der.sequence(
    Extension(
        oid=REASON_CODE,
        critical=False,
        octets=der.enumerated(RevocationReason.REMOVE_FROM_CRL.value),
    ).encoded
)


def _require_key(facts: IssuerFacts, signer: Signer) -> None:
    if facts.kind not in _GUARDED:
        raise InvalidArgument(argument="facts", reason="not of an authority")
    if signer.public_key != facts.public_key or signer.algorithm != facts.algorithm:
        raise InvalidArgument(argument="signer", reason="not the key of this issuer")


def _join(entries: Iterable[bytes] | bytearray) -> bytearray:
    """All entries, without a list of a million objects beside them."""
    if isinstance(entries, bytearray):
        return entries
    joined = bytearray()
    source = iter(entries)
    while batch := list(islice(source, 10_000)):
        joined += b"".join(batch)
    return joined


def _extensions(
    facts: IssuerFacts,
    number: int,
    shard: int,
    base: int | None,
    scope: ListScope,
    expired_since: datetime | None,
) -> Iterator[bytes]:
    key = der.value(der.context(0, constructed=False), facts.key_identifier)
    yield _extension(AUTHORITY_KEY_IDENTIFIER, der.sequence(key))
    yield _extension(CRL_NUMBER, der.integer(number))
    if base is not None:
        yield _extension(DELTA_CRL_INDICATOR, der.integer(base), critical=True)
    urls = crl_urls(facts, shard)
    if urls or scope is not ListScope.ALL:
        point = _point(urls) if urls else b""
        yield _extension(
            ISSUING_DISTRIBUTION_POINT, der.sequence(point, scope.value), critical=True
        )
    deltas = delta_crl_urls(facts, shard)
    if deltas and base is None:
        yield _extension(FRESHEST_CRL, der.sequence(der.sequence(_point(deltas))))
    if expired_since is not None:
        yield _extension(EXPIRED_CERTS_ON_CRL, der.generalized_time(expired_since))


def _extension(oid: str, octets: bytes, *, critical: bool = False) -> bytes:
    return Extension(oid=oid, critical=critical, octets=octets).encoded


def _point(urls: Iterable[str]) -> bytes:
    """A DistributionPointName under its tag: the same names as in the certificates."""
    names = der.sequence(*(der.implicit(6, der.ia5_string(url)) for url in urls))
    return der.explicit(0, der.implicit(0, names))


def _walk(encoded: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(serial, encoded entry) of every entry of a list."""
    fields = der.decode(encoded).fields().fields()
    fields.optional(der.INTEGER)
    fields.take(der.SEQUENCE), fields.take(der.SEQUENCE)
    fields.take(), fields.take()  # thisUpdate and nextUpdate: we always write both
    found = fields.optional(der.SEQUENCE)
    if found is not None:
        for entry in found.iterate():
            yield entry.fields().octets(der.INTEGER), entry.encoded


def _removal(serial: bytes, entry: bytes) -> bytes:
    """The entry that takes `entry` back, with its date."""
    fields = der.decode(entry).fields()
    fields.take(der.INTEGER)
    return der.sequence(der.value(der.INTEGER, serial), fields.take().encoded, _REMOVED)
