"""A desk in a folder with its authority and its people, as `eds centre` makes them, but quickly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from eds.algorithms import ECDSA_P256_SHA256
from eds.ca.authority import Authority, IssueRequest
from eds.ca.folder import AuthorityFolder
from eds.ca.issuers import desk_rules
from eds.ca.lists import ListPublisher
from eds.ca.publication import ListKind, publish_lists
from eds.ca.subjects import build_subject
from eds.certificates import Certificate
from eds.enroll.casework import By, Casework, Proposal, appoint, found, propose_official
from eds.enroll.desksettings import DeskSettings, Setting
from eds.enroll.evidence.mrz import Sex
from eds.enroll.folder import DeskFolder, make_desk
from eds.enroll.officials import Official, Role, certified_number
from eds.enroll.people import Residency
from eds.enroll.reception import Reception
from eds.enroll.simulators import SimulatedPerson
from eds.enroll.statements import ACT_CONTENT_TYPE
from eds.keys import KeyPurpose, Secret, open_keystore
from eds.publickeys import PublicKey
from eds.sign.cms import CmsSigner, sign_detached
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from eds.verify.trustfolder import save_trust_store
from tests.ca.authority_house import cheap_keys, documented, hold_ceremony, new_authority, pin

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
STATION = "astana-1"
TERMS = "Мен шарттармен келісемін.\n".encode()
OFFICERS = ("officer-a", "officer-b")
OPERATOR, CHECKER = "operator", "checker"
NUMBERS = {
    "officer-a": "700101300011", "officer-b": "710202300022", "operator": "800303300033",
    "checker": "810404300044", "stranger": "820505300055",
}  # fmt: skip
RESIDENT, PHONE = "900101300017", "+99900000001"
ASAN = SimulatedPerson(
    personal_number=RESIDENT, surname="АХМЕТОВ", given_name="АСАН", born=date(1990, 1, 1),
    sex=Sex.MALE, nationality="KAZ", phone=PHONE, document_number="N00000017",
    document_expiry=date(2031, 1, 1),
)  # fmt: skip
RUSTAM = SimulatedPerson(
    personal_number="850505500019", surname="KARIMOV", given_name="RUSTAM",
    born=date(1985, 5, 5), sex=Sex.MALE, nationality="UZB", residency=Residency.NON_RESIDENT,
    permission_until=datetime(2027, 6, 1, tzinfo=UTC), document_number="AA1234567",
    document_expiry=date(2030, 1, 1), has_photo=False,
)  # fmt: skip
DESCRIPTION = (
    documented("toml", 0)
    .encode()
    .replace(b'profiles = ["natural-person-signature", "natural-person-authentication"]\n', b"")
)


@dataclass
class DeskHouse:
    """`example` (authority), `desk`, `officials` (their keys), `root.pem`, all below `path`."""

    path: Path
    at: datetime = NOON

    @property
    def desk(self) -> DeskFolder:
        return DeskFolder(self.path / "desk")

    def now(self) -> datetime:
        """A second later, each time it is asked."""
        self.at += timedelta(seconds=1)
        return self.at

    # -- making it

    def build(self) -> DeskHouse:
        """All of it, with two security officers, an operator and a checker in office."""
        with cheap_keys():
            folder = new_authority(self.path / "example", at=self.at - DAY)
            hold_ceremony(folder, DESCRIPTION, at=self.at - DAY)
            store = open_keystore(str(self.path / "officials"))
            for name in NUMBERS:
                store.generate(
                    label=name, algorithm=ECDSA_P256_SHA256, purpose=KeyPurpose.SIGNATURE, pin=pin
                )
            folder.forget()
            issuer = folder.issuer("people-2026")
            with folder.signer_of(issuer, pin=pin) as signer:
                authority = folder.authority(issuer, signer, policy=desk_rules(issuer))
                for name, number in NUMBERS.items():
                    key = store.find(name)
                    assert key.public_key is not None
                    made = certified(folder, authority, name, number, key.public_key, at=self.at)
                    store.store_certificates(key, [made, issuer.certificate], pin=pin)
            desk = make_desk(
                self.path / "desk",
                DeskSettings(
                    name="astana",
                    authority="../example",
                    issuer="people-2026",
                    audience="desk.example.kz",
                    stations=(STATION,),
                    setting=Setting.DEMONSTRATION,
                    trust="../trust",
                    issuer_password="issuer.password",
                    limits={"passphrase_cost": 2},
                    times={"least_thought": timedelta(0)},
                ),
                terms=TERMS,
                at=self.at,
            )
            secret = desk.path / "issuer.password"
            secret.touch(mode=0o600)
            secret.write_text("canary-Zebra-4711\n")
            root = folder.issuer("root-2026").certificate
            trust = TrustStore(
                [TrustAnchor(certificate=root)], name="officials", environment=Environment.TEST
            )
            save_trust_store(trust, self.path / "trust")
            self.publish()
            for person in (ASAN, RUSTAM):
                desk.demonstration.add(person)
            self.found(desk)
            desk.close()
        return self

    def publish(self) -> None:
        """The lists of today, where the desk looks for the standing of its officials."""
        folder = AuthorityFolder(self.path / "example")
        for label in ("root-2026", "people-2026"):
            issuer = folder.issuer(label)
            with folder.signer_of(issuer, pin=pin) as signer:
                publisher = ListPublisher(
                    folder.register, issuer=issuer.identifier, facts=issuer.facts,
                    signer=signer,
                )  # fmt: skip
                for _ in publish_lists(
                    publisher, issuer, range(issuer.settings.shard_count), kind=ListKind.FULL,
                    folder=self.path / "desk" / "evidence", next_update=self.at + 7 * DAY,
                    actor="official/1", at=self.at,
                ):  # fmt: skip
                    pass
        folder.register.engine.dispose()

    def lists(self) -> list[Path]:
        """The files of those lists."""
        return sorted((self.path / "desk" / "evidence").rglob("*.crl"))

    def found(self, folder: DeskFolder) -> None:
        with self.by(folder, OFFICERS[0]) as first, self.by(folder, OFFICERS[1]) as second:
            found(folder.desk, folder.settings.name, (first, second), at=self.at)
            for who, role in ((OPERATOR, Role.OPERATOR), (CHECKER, Role.CHECKER)):
                official = Official(
                    person=folder.pseudonyms.person(NUMBERS[who]), roles=frozenset({role}),
                    stations=frozenset({STATION}),
                )  # fmt: skip
                proposal = propose_official(official, first, at=self.at)
                read = Proposal.decode(proposal.encoded)
                appoint(folder.desk, read, second, at=self.at)

    # -- working with it

    @contextmanager
    def by(self, folder: DeskFolder, who: str) -> Iterator[By]:
        store = open_keystore(str(self.path / "officials"))
        key = store.find(who)
        number = certified_number(key.certificates[0])
        assert number == NUMBERS[who]
        with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
            cms = CmsSigner(signer, certificates=key.certificates, at=self.at)
            yield By(
                certificate=key.certificates[0],
                person=folder.pseudonyms.person(number),
                sign=lambda octets: sign_detached(octets, by=cms, content_type=ACT_CONTENT_TYPE),
            )

    def reception(self, folder: DeskFolder) -> Reception:
        def issue(application: str, at: datetime) -> None:
            password = folder.issuer_password
            assert password is not None
            with folder.authority.signer_of(
                folder.issuer, pin=lambda request: Secret(password)
            ) as signer:
                folder.issue(signer, application, at=at)

        return folder.reception(now=self.now, issue=issue)

    def casework(self, folder: DeskFolder) -> Casework:
        return folder.casework(now=self.now)


def certified(
    folder: AuthorityFolder, authority: Authority, name: str, number: str, key: PublicKey,
    *, at: datetime,
) -> Certificate:  # fmt: skip
    """A certificate of an official, from the authority itself."""
    profile = folder.profile("natural-person-signature")
    subject = {
        "country": "KZ", "common_name": f"{name.upper()} ТЕСТ", "surname": name.upper(),
        "serial_number": f"PNOKZ-{number}",
    }  # fmt: skip
    request = IssueRequest(
        request=f"house/{name}",
        profile=profile,
        subject=build_subject(profile, subject),
        public_key=key,
        person=f"person/{name}",
        authority="house",
        operator="official/1",
        evidence=hashlib.sha256(name.encode()).digest(),
    )
    return authority.issue(authority.prepare(request, at=at - DAY), at=at - DAY)
