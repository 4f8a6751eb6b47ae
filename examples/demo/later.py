"""What comes later: a certificate that ends, a document of the NCA, a log that somebody altered."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path

from .documents import DOCUMENTS, Signatory
from .house import House
from .people import opens
from .telling import Story

NCA = Path(__file__).parents[3] / "shared" / "data" / "kz"


OFFER, SIGNED_OFFER = "offer.txt", "offer.txt.p7s"


def end(story: Story, house: House, visitor: Signatory, officials: str) -> list[tuple[str, str]]:
    """Davron's certificate is held by two officials and revoked by himself; verdicts follow.

    Returns what was found of his offer, which has no time-stamp, each time.
    """
    found = []
    (story.folder / OFFER).write_text("I offer 40 containers a month.\n", encoding="utf-8")
    mine = ("--store", visitor.store, "--key", visitor.key, "--yes", *visitor.pin)
    application = ("--application", "davron.application")

    def judge(when: str, says: str, status: int = 0) -> None:
        time.sleep(0.4)  # the doors look for changes five times a second
        story.eds("verify", SIGNED_OFFER, *_fetch(house), says=says, status=status)
        found.append((when, says))

    with story.chapter("Davron's certificate is held, and revoked; verdicts follow"):
        story.eds("sign", OFFER, *mine, says=SIGNED_OFFER)
        judge("signed, without a time-stamp", "TOTAL_PASSED")
        which = json.loads(story.eds("enroll", "status", "--json", *application, quiet=True))
        by = {
            who: ("--key", who, "--store", officials, *opens(officials))
            for who in ("operator", "checker")
        }
        held = ("centre", "hold", which["certificate"], "--reason", "his telephone was stolen")
        story.eds(*held, "--out", "hold.json", *by["operator"])
        story.eds("centre", "hold", "--proposal", "hold.json", *by["checker"], says="hold")
        judge("on hold", "INDETERMINATE / TRY_LATER", 11)
        story.eds(
            *("enroll", "revoke", "--yes", "--passphrase", "davron.passphrase"),
            *("--reason", "key-compromise", *application),
        )
        judge("revoked with his passphrase", "INDETERMINATE / REVOKED_NO_POE", 11)
        story.eds("verify", *DOCUMENTS["letter"], *_fetch(house), says="TOTAL_PASSED")
        story.tell("verdict", "the letter still holds: its time-stamp is older than the revocation")
    return found


def _fetch(house: House) -> tuple[str, ...]:
    return (*house.fetch, "--fetch-network", "127.0.0.0/8")


def nca_document(story: Story) -> None:
    """A document signed with a test key of the NCA of Kazakhstan, in GOST."""
    with story.chapter("A real document of the NCA of Kazakhstan is verified"):
        if not NCA.is_dir():
            story.skip("no test material of the NCA beside the project")
            return
        for source, target in (
            (NCA / "cms" / "sdk2026-individual_detached.der", "nca.txt.p7s"),
            (NCA / "cms" / "sdk2026-individual_document.txt", "nca.txt"),
            (NCA / "ca" / "test_nca_gost_2022.cer", "nca.cer"),
            (NCA / "crl" / "test_nca_gost2022_2026-08.crl", "nca.crl"),
        ):
            (story.folder / target).write_bytes(source.read_bytes())
        story.eds(
            *("trust", "add", "nca.cer", "--trust", "nca", "--name", "nca-test"),
            *("--environment", "test", "--source", "the NCA's SDK", "--yes"),
            says="1 anchor",
        )
        story.eds(
            *("verify", "nca.txt.p7s", "--trust", "nca", "--policy", "kz", "--evidence", "nca.crl"),
            *("--at", "2026-08-12T00:00:00Z", "--html", "nca.report.html"),
            says="TOTAL_PASSED",
        )
        story.tell("GOST", "34.10-2015 with Streebog, by the arithmetic of this library alone")


def audit(story: Story) -> None:
    """The log holds; one record altered behind the database's back is found and named."""
    with story.chapter("The audit log is verified, and one altered record is found"):
        log = ("audit", "verify", "--key", "house/audit.pem", "--database")
        story.eds(*log, "house/register.db", says="the log is what was written")
        altered = story.folder / "altered.db"
        with (
            sqlite3.connect(story.folder / "house" / "register.db") as source,
            sqlite3.connect(altered) as copy,
        ):
            source.backup(copy)
            number = alter(copy)
        story.tell("somebody", f"turns one letter of record {number} in a copy of the database")
        story.eds(*log, "altered.db", says=f"{number}", status=1)


def alter(database: sqlite3.Connection) -> int:
    """Change one record as the owner of a database can: triggers away, one octet other."""
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'"):
        database.execute(f'DROP TRIGGER "{name}"')
    writer, number, encoded = database.execute(
        "SELECT writer, sequence, encoded FROM audit_records WHERE instr(encoded, ?) LIMIT 1",
        (b"official/7",),
    ).fetchone()
    changed = encoded.replace(b"official/7", b"official/8")
    database.execute(
        "UPDATE audit_records SET encoded = ? WHERE writer = ? AND sequence = ?",
        (changed, writer, number),
    )
    return int(number)
