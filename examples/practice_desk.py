"""A desk of the authority in practice.py, with people who do not exist and officials who sign."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from practice import Practice, now, pin

from eds import Certificate, KeyPurpose
from eds.enroll.casework import By
from eds.enroll.desksettings import DeskSettings, Setting
from eds.enroll.folder import DeskFolder, make_desk
from eds.enroll.officials import certified_number
from eds.enroll.reception import Reception
from eds.enroll.simulators import SimulatedPerson
from eds.enroll.statements import ACT_CONTENT_TYPE
from eds.sign.cms import CmsSigner, sign_detached
from eds.verify.trustfolder import save_trust_store

TERMS, STATION = b"What the certificate may be used for.\n", "astana-1"


def open_desk(practice: Practice, *people: SimulatedPerson) -> DeskFolder:
    """A desk beside the house of the authority, and the state in which these people live."""
    folder = practice.folder / "desk"
    save_trust_store(practice.trust, folder / "trust")
    settings = DeskSettings(
        name="desk", authority="../house", issuer="people", audience="desk.example.kz",
        stations=(STATION,), setting=Setting.DEMONSTRATION,
        times={"least_thought": timedelta(0)},  # in earnest a decision takes a minute
    )  # fmt: skip
    desk = make_desk(folder, settings, terms=TERMS, at=now())
    for person in people:
        desk.demonstration.add(person)
    return desk


def reception_of(desk: DeskFolder) -> Reception:
    """The desk as applicants meet it; what is decided and confirmed is issued at once."""

    def issue(application: str, at: datetime) -> Certificate:
        with desk.authority.signer_of(desk.issuer, pin=pin) as signer:
            return desk.issue(signer, application, at=at)

    return desk.reception(now=now, issue=issue)


@contextmanager
def official(practice: Practice, desk: DeskFolder, number: int) -> Iterator[By]:
    """Somebody with an EDS of their own; the desk tells them by the personal number in it."""
    names = {"common_name": f"Official {number}", "surname": "Official"}
    serial = f"PNOKZ-80010130000{number}"
    store, key = practice.person(f"official-{number}", **names, serial_number=serial)
    person = desk.pseudonyms.person(certified_number(key.certificates[0]) or "")
    with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
        by = CmsSigner(signer, certificates=key.certificates, at=now())
        yield By(
            certificate=key.certificates[0],
            person=person,
            sign=lambda said: sign_detached(said, by=by, content_type=ACT_CONTENT_TYPE),
        )
