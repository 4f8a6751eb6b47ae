"""A ceremony killed before or after each thing that lasts, and what must hold in the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from eds.audit import LogVerifier
from eds.audit.store import reading
from eds.ca import ceremony as act
from eds.ca import ceremony_journal
from eds.ca.ceremony_report import Report, verify_report
from eds.ca.folder import AuthorityFolder
from eds.ca.register import Register
from eds.keys import KeyRef
from eds.keys.files import FileKeyStore
from tests.ca.authority_house import NOON

# A kill comes before or after one of these; what is in them is one transaction or one rename.
DURABLE: tuple[tuple[Any, str], ...] = (
    (ceremony_journal, "write_file"),
    (act, "write_file"),
    (FileKeyStore, "generate"),
    (FileKeyStore, "store_certificates"),
    (Register, "record"),
    (Register, "reserve"),
    (Register, "complete"),
    (Register, "add_issuer"),
    (AuthorityFolder, "checkpoint"),
)


def in_child(run: Callable[[], object]) -> int:
    """Run in a forked process. Returns the signal that ended it, 0 for an ordinary end."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            run()
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


def count_halves(
    tell: Callable[[int], None], durable: tuple[tuple[Any, str], ...] = DURABLE
) -> None:
    """From now on, tell this process's number of halves: one before, one after each step."""
    seen = 0

    def count() -> None:
        nonlocal seen
        seen += 1
        tell(seen)

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            count()
            result = function(*args, **kwargs)
            count()
            return result

        return wrapped

    for owner, name in durable:
        setattr(owner, name, counted(getattr(owner, name)))


def killed_at(half: int, durable: tuple[tuple[Any, str], ...] = DURABLE) -> None:
    """Kill this process at that half of a step."""

    def tell(seen: int) -> None:
        if seen == half:
            os.kill(os.getpid(), signal.SIGKILL)

    count_halves(tell, durable)


def keys_of(folder: AuthorityFolder, place: str = "keys") -> dict[str, KeyRef]:
    store = folder.key_store(place)
    return {key.label: key for key in store.keys()}  # noqa: SIM118 - a store, not a mapping


def problems(path: Path, labels: set[str], places: tuple[str, ...]) -> Iterator[str]:
    """What does not hold after a ceremony that came to its end at last."""
    folder = AuthorityFolder(path)
    found = [label for place in places for label in keys_of(folder, place)]
    if sorted(found) != sorted({"audit", *labels}):
        yield f"keys: {sorted(found)}"
    if folder.register.open_intents(before=NOON + timedelta(days=9)):
        yield "an intent is open"
    place = folder.path / "ceremonies"
    report = Report.decode((place / "example-2026.json").read_bytes())
    signature = (place / "example-2026.json.sig").read_bytes()
    for finding in verify_report(
        report, signature, keys=[folder.audit_public_key], register=folder.register
    ):
        yield f"{finding.code} {finding.place}"
    for label, _, certificate in report.certificates:
        ref = next(one for place in places for one in keys_of(folder, place).values()
                   if one.label == label)  # fmt: skip
        if ref.certificate != certificate:
            yield f"{label}: another certificate beside its key"
    verifier = LogVerifier(keys=(folder.audit_public_key,), held=())
    with reading(folder.database_url) as log:
        for one in verifier.verify(log.items()):
            yield f"{one.code} {one.place}"
    folder.register.engine.dispose()


def at_run(number: int) -> datetime:
    """The instant of a run: a kill takes some minutes to be noticed."""
    return NOON + timedelta(minutes=5 * number)
