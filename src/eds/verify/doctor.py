"""What is wrong with folders of trust anchors, or soon will be."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from ..country import countries
from ..diagnosis import OTHERS_WRITE, Diagnosis, exposure
from ..errors import EdsError
from .trust import Environment, TrustAnchor, TrustStore
from .trustfolder import load_trust_store

ANCHOR_LEFT: Final = timedelta(days=180)


def examine(folders: Sequence[Path], *, at: datetime) -> Iterator[Diagnosis]:
    """The findings about folders whose anchors are believed together. Raises OSError."""
    stores: list[TrustStore] = []
    for folder in folders:
        # Whoever may write there says whose signatures count.
        for path in (folder, *sorted(folder.glob("*"))):
            if (reason := exposure(path, others=OTHERS_WRITE)) is not None:
                yield Diagnosis(code="doctor.exposed", place=str(path), detail=reason)
        try:
            store = load_trust_store(folder)
        except EdsError as error:
            yield Diagnosis(
                code="doctor.trust_unreadable",
                place=str(folder),
                detail=f"{error} [{error.code}]",
            )
            continue
        stores.append(store)
        yield from _anchors(store, at)
    if len({store.environment for store in stores}) > 1:
        yield Diagnosis(
            code="doctor.environments_mixed",
            place=", ".join(store.name for store in stores),
            detail="anchors of production and of a test are believed together",
        )


def _anchors(store: TrustStore, at: datetime) -> Iterator[Diagnosis]:
    if not store.anchors:
        yield Diagnosis(code="doctor.trust_empty", place=store.name, detail="nobody is believed")
    tests = {
        known.sha256
        for country in countries().values()
        for known_set in country.trust_sets
        if known_set.environment == Environment.TEST.value
        for known in known_set.certificates
    }
    for anchor in store.anchors:
        place = f"{store.name}: {anchor.certificate.fingerprint.hex()[:16]}"
        yield from _anchor(anchor, place, at)
        is_test = anchor.certificate.fingerprint.hex() in tests
        if is_test and store.environment is Environment.PRODUCTION:
            yield Diagnosis(
                code="doctor.test_anchor",
                place=place,
                detail="an anchor of a test set is believed in production",
            )


def _anchor(anchor: TrustAnchor, place: str, at: datetime) -> Iterator[Diagnosis]:
    ends = anchor.certificate.not_after
    until = ends if anchor.until is None else min(ends, anchor.until)
    if until < at:
        yield Diagnosis(
            code="doctor.anchor_ended",
            place=place,
            detail=f"believed until {until.isoformat()} only",
        )
    elif until - at < ANCHOR_LEFT:
        yield Diagnosis(
            code="doctor.anchor_ends",
            place=place,
            detail=f"believed for {(until - at).days} more days",
            urgent=False,
        )
