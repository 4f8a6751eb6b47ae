"""What the page shows beside the chapters, read back from what was left: files, log, register."""

from __future__ import annotations

import json
from collections.abc import Iterator

from eds import Certificate
from eds.audit.store import reading
from eds.ca.folder import AuthorityFolder
from eds.names import COMMON_NAME

from . import page
from .documents import CHANGED, COSIGNED, LETTER, SIGNED, picture
from .later import SIGNED_OFFER
from .telling import Story

_HOLDERS = (
    ("aigerim.pem", "Aigerim, for documents"),
    ("aigerim-login.pem", "Aigerim, for logging in"),
    ("davron.pem", "Davron, non-resident"),
    ("operator.cer", "The operator at the centre"),
    ("checker.cer", "The second official"),
    ("root.cer", "The root"),
    ("people.cer", "The authority for people"),
    ("time.cer", "The authority for time-stamps"),
)
_PEOPLE = (
    ("aigerim", "Aigerim, from home", "Each step is one record of the audit log."),
    ("davron", "Davron, at a service centre", "Two officials sign the same record."),
)
_ACTS = {
    "open": "the application is opened",
    "submit": "handed in",
    "resolve": "found in the population register",
    "appoint": "an appointment at the centre",
    "send_code": "a code is sent to the register's telephone",
    "confirm_contact": "the code is right",
    "validate_evidence": "the register's photograph is asked for",
    "verify_person": "the face matches, live, says the provider",
    "check_in": "the operator checks in whoever came",
    "examine": "passport, translation and picture are taken",
    "record": "the operator signs the record",
    "approve": "a second official signs the same record",
    "clear": "nothing speaks against it",
    "bind_key": "the key is made and proven to be held",
    "confirm": "the fields of the certificate are confirmed, signed",
    "issue": "the certificate is issued, on hold",
    "activate": "accepted by a signature with the new key",
    "refused": "an attempt to approve alone is refused",
}


def left(story: Story, offer: list[tuple[str, str]]) -> page.Left:
    """Everything for the page."""
    return page.Left(
        certificates=list(_certificates(story)),
        documents=list(_documents(story, offer)),
        timelines=list(_timelines(story)),
    )


def _certificates(story: Story) -> Iterator[page.Certificate]:
    house = AuthorityFolder(story.folder / "house")
    for file, title in _HOLDERS:
        certificate = Certificate.certificates((story.folder / file).read_bytes())[0]
        names = certificate.subject.values(COMMON_NAME)
        issued = house.register.find_by(fingerprint=certificate.fingerprint)
        state = issued[0].status.state.value.replace("_", " ") if issued else "valid"
        yield page.Certificate(
            title=title,
            holder=names[0] if names else certificate.subject.rfc4514,
            rows=(
                ("issued by", certificate.issuer.values(COMMON_NAME)[0]),
                ("key", certificate.public_key.description),
                ("from", f"{certificate.not_before:%Y-%m-%d}"),
                ("until", f"{certificate.not_after:%Y-%m-%d}"),
                ("SHA-256", certificate.fingerprint.hex()[:32] + "…"),
            ),
            state=state,
            file=file,
        )


def _documents(story: Story, offer: list[tuple[str, str]]) -> Iterator[page.Document]:
    yield page.Document(
        title="A contract, signed by Aigerim",
        file=SIGNED,
        says="PDF, PAdES B-LT: a visible signature, a time-stamp, and all that a verdict needs"
        " inside the file.",
        verdicts=(
            ("as it was signed", "TOTAL_PASSED"),
            ("one figure changed", "TOTAL_FAILED / HASH_FAILURE"),
        ),
        links=(
            ("report", "contract.report.html"),
            ("the changed copy", CHANGED),
            ("its report", "contract.changed.report.html"),
        ),
        picture=picture(story, SIGNED),
    )
    yield page.Document(
        title="A letter, signed by both",
        file=COSIGNED,
        says="Any file: the signatures stand beside it in a CMS, CAdES B-LT. The second signer left"
        " every octet of the first as it was.",
        verdicts=(
            ("as it was signed", "TOTAL_PASSED"),
            ("held against another letter", "TOTAL_FAILED / HASH_FAILURE"),
            ("after Davron's certificate was revoked", "TOTAL_PASSED"),
        ),
        links=(("the letter", LETTER), ("report", "letter.report.html")),
    )
    yield page.Document(
        title="An offer, signed by Davron, without a time-stamp",
        file=SIGNED_OFFER,
        says="Nothing proves when it was signed, so the verdict follows his certificate.",
        verdicts=offer,
        links=(),
    )
    if (story.folder / "nca.report.html").exists():
        yield page.Document(
            title="A document of the NCA of Kazakhstan",
            file="nca.txt.p7s",
            says="Signed with a test key of the NCA in GOST 34.10-2015, judged under its policy.",
            verdicts=(("2026-08-12", "TOTAL_PASSED"),),
            links=(("the text", "nca.txt"), ("report", "nca.report.html")),
        )


def _timelines(story: Story) -> Iterator[page.Timeline]:
    """From the audit log alone: it holds no name and no number, so a file says whose it is."""
    steps: dict[str, list[tuple[str, str]]] = {}
    with reading(f"sqlite:///{story.folder / 'house' / 'register.db'}") as log:
        for item in log.items():
            encoded = getattr(item, "encoded", None)
            record = json.loads(encoded) if encoded else {"act": "", "subject": ""}
            act = record["act"].rpartition(".")[2]
            if record["subject"].startswith("application/") and act in _ACTS:
                step = (_ACTS[act], record["at"][11:19])
                steps.setdefault(record["subject"].partition("/")[2], []).append(step)
    for who, title, says in _PEOPLE:
        kept = json.loads((story.folder / f"{who}.application" / "application.json").read_text())
        yield page.Timeline(title=title, says=says, steps=steps[kept["application"]])
