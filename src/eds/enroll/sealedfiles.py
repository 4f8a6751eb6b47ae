"""What a desk keeps of people, in its database: sealed files and the wrapped keys of each.

A data key for each application and retention class, made with the first file of the class in the
transaction of the act. When an application ends, each of its keys is given the day of its end;
destroyed, it leaves a row that says there was one, and what it sealed opens to nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ..audit.statements import Pen
from ..ca.database import to_micros
from . import tables as t
from .evidence.vault import (
    RETENTION,
    DataKey,
    MasterKey,
    RetentionClass,
    SealedEvidence,
    WrappedKey,
    new_data_key,
    open_data_key,
    seal,
    unseal,
)
from .filing import retention_of


def keep(
    pen: Pen,
    application: str,
    files: Mapping[str, bytes],
    *,
    master: MasterKey,
    is_new: bool,
    at: datetime,
) -> None:
    """Seal files and keep them. Raises EvidenceDestroyed, EvidenceUnreadable, LimitExceeded."""
    known: dict[RetentionClass, DataKey] = {}
    if not is_new:
        wanted = frozenset(map(retention_of, files))
        known = _keys(pen, application, wanted, master=master)
    rows = []
    for name, octets in files.items():
        retention = retention_of(name)
        key = known.get(retention)
        if key is None:
            key = known[retention] = new_data_key(application, retention, master=master)
            made = key.wrapped
            t.INSERT_KEY(pen, [(application, retention.value, made.key_id, made.wrapped, None)])
        sealed = seal(octets, kind=name, key=key).octets
        rows.append((application, name, sealed, to_micros(at)))
    t.PUT_FILE(pen, rows)


def opened(row: Any, application: str, name: str, *, master: MasterKey) -> bytes:
    """The content of a row of `tables.FILE`. Raises EvidenceDestroyed, EvidenceUnreadable."""
    retention = retention_of(name)
    sealed, key_id, wrapped = row
    evidence = SealedEvidence(
        application=application, retention=retention, kind=name, octets=bytes(sealed)
    )
    key = WrappedKey(
        application=application,
        retention=retention,
        key_id=key_id or master.key_id,
        wrapped=None if wrapped is None else bytes(wrapped),
    )
    return unseal(evidence, key=key, master=master)


def set_due(pen: Pen, application: str, *, ended_at: datetime) -> None:
    """Say of each key of an application that ended when it is to be destroyed."""
    rows = [
        (to_micros(ended_at + lasts), application, retention.value)
        for retention, lasts in RETENTION.items()
    ]
    t.SET_DUE(pen, rows)


def _keys(
    pen: Pen, application: str, wanted: frozenset[RetentionClass], *, master: MasterKey
) -> dict[RetentionClass, DataKey]:
    rows = {row[0]: row for row in t.KEYS_OF(pen, [(application,)]).fetchall()}
    found = {}
    for retention in wanted:
        if retention.value in rows:
            _, key_id, wrapped = rows[retention.value]
            key = WrappedKey(
                application=application,
                retention=retention,
                key_id=key_id,
                wrapped=None if wrapped is None else bytes(wrapped),
            )
            found[retention] = open_data_key(key, master=master)
    return found
