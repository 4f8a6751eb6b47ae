"""What changed in a register, for those who keep a part of it in memory.

The audit log is the feed: every act has its record in the transaction of the act, and each writer's
chain grows without a gap or a fork, so what was read up to one head is all that happened before it.
No other table, no counter that all writers would want, and no message that can be lost.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from ..audit.store import AuditLog, AuditWriter
from ..errors import AuditUnavailable, InvalidArgument, RegisterUnavailable
from .register import Register

MOST: Final = 10_000  # records told one by one
_STATUS: Final = ("ca.certificate.", "ca.intent.")
_LIST: Final = "ca.list.published"
_ISSUER: Final = "ca.issuer.added"


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Statuses and lists that are no longer what they were.

    An issuer is named by the first 16 characters of its identifier, as the log names it;
    a status by issuer and serial number (content octets), a list by issuer and shard. `all`:
    so much changed that nothing read before counts.
    """

    statuses: frozenset[tuple[str, bytes]] = frozenset()
    lists: frozenset[tuple[str, int]] = frozenset()
    issuers: bool = False
    all: bool = False

    def __bool__(self) -> bool:
        return bool(self.all or self.issuers or self.statuses or self.lists)


class ChangeFeed:
    """Tells, each time it is asked, what changed since the last time.

    It begins where the register stands when it is made. Raises InvalidArgument for a register
    whose acts are not written into an audit log, RegisterUnavailable.
    """

    def __init__(self, register: Register) -> None:
        if not isinstance(register.audit, AuditWriter):
            raise InvalidArgument(argument="register", reason="it keeps no audit log to read")
        self._register = register
        self._heads: dict[str, int] = {}
        self.next()

    def next(self) -> Changes:
        """What changed. After an error nothing is lost: the next call tells of it.

        Raises RegisterUnavailable.
        """
        try:
            with self._register.reading(consistent=True) as connection:
                log = AuditLog(connection)
                heads = {head.writer: head.sequence for head in log.heads()}
                changes = self._changes(log, heads)
        except AuditUnavailable as error:
            raise RegisterUnavailable(reason=error.reason) from None
        self._heads = heads
        return changes

    def _changes(self, log: AuditLog, heads: dict[str, int]) -> Changes:
        grown = [
            (writer, self._heads.get(writer, 0), sequence)
            for writer, sequence in heads.items()
            if sequence != self._heads.get(writer, 0)
        ]
        if not grown:
            return Changes()
        count = sum(end - start for _, start, end in grown)
        # A chain that became shorter is one of a backup: what was read is of another past.
        if count > MOST or any(end < start for _, start, end in grown):
            return Changes(all=True)
        found = _Found()
        for writer, start, end in grown:
            for stored in log.records(writer, after=start, end=end):
                found.add(stored.encoded)
        return found.changes


class _Found:
    def __init__(self) -> None:
        self._statuses: set[tuple[str, bytes]] = set()
        self._lists: set[tuple[str, int]] = set()
        self._issuers = False
        self._all = False

    def add(self, encoded: bytes) -> None:
        try:
            record = json.loads(encoded)
            act, subject = record["act"], record["subject"]
            if act.startswith(_STATUS):
                issuer, serial = subject.split("/")
                self._statuses.add((issuer, bytes.fromhex(serial)))
            elif act == _LIST:
                issuer, _, shard = subject.split("/")
                self._lists.add((issuer, int(shard)))
            elif act == _ISSUER:
                self._issuers = True
        except (ValueError, TypeError, KeyError, AttributeError):
            self._all = True  # whatever it was, nothing is missed for it

    @property
    def changes(self) -> Changes:
        return Changes(
            statuses=frozenset(self._statuses),
            lists=frozenset(self._lists),
            issuers=self._issuers,
            all=self._all,
        )
