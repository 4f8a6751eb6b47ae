"""An authority to practise with, in a folder of its own: what the other examples stand on."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from eds import (
    Certificate,
    Evidence,
    KeyPurpose,
    KeyStore,
    Secret,
    TrustAnchor,
    TrustStore,
    open_keystore,
    signature_algorithm,
)
from eds.ca.acts import carry_out, plan_change
from eds.ca.authority import IssueRequest
from eds.ca.ceremony import carry_out as hold_ceremony
from eds.ca.ceremony_plan import read_ceremony
from eds.ca.folder import AuthoritySettings, make_authority
from eds.ca.issuers import STATUS_RULES, desk_rules
from eds.ca.lifecycle import Change
from eds.ca.lists import ListPublisher
from eds.ca.subjects import build_subject
from eds.keys import KeyRef

P256 = signature_algorithm("ecdsa-p256-sha256")
CEREMONY = """
[ceremony]
name = "practice"
purpose = "An authority to practise with"

[[participant]]
name = "A. Bekova"
role = "ceremony administrator"

[[participant]]
name = "D. Omarov"
role = "witness"

[subject]
country = "KZ"
organization = "Practice"
organization_identifier = "NTRKZ-123456789012"

[[certificate]]
label = "root"
profile = "root"
algorithm = "ecdsa-p256-sha256"
subject.common_name = "Practice Root"
crl_urls = ["http://crl.example.kz/root.crl"]

[[certificate]]
label = "people"
profile = "issuing-ca"
issuer = "root"
algorithm = "ecdsa-p256-sha256"
subject.common_name = "Practice People"
crl_urls = ["http://crl.example.kz/people.crl"]
"""
BORN = {"country": "KZ", "serial_number": "PNOKZ-900101400123"}


def pin(_: object) -> Secret:
    return Secret("practice makes perfect")


def now() -> datetime:
    return datetime.now(UTC)


class Practice:
    """A root, an authority for people below it, and their register."""

    def __init__(self, folder: Path) -> None:
        self.folder, settings = folder, AuthoritySettings(name="practice", node=1)
        self.house = make_authority(
            folder / "house", settings, audit_algorithm=P256, pin=pin, actor="me", at=now()
        )
        plan = read_ceremony(
            CEREMONY.encode(), file="ceremony.toml", profiles=self.house.profiles, key_store="keys"
        )
        hold_ceremony(plan, folder=self.house, pin=pin, actor="me", now=now, told=lambda _: None)
        self.house.forget()
        root = self.house.issuer("root").certificate
        self.trust = TrustStore([TrustAnchor(certificate=root)], name="practice")

    def person(self, label: str, **names: str) -> tuple[KeyStore, KeyRef]:
        """A key in a file, and its certificate beside it."""
        store = open_keystore(str(self.folder / "keys"))
        key = store.generate(label=label, algorithm=P256, purpose=KeyPurpose.SIGNATURE, pin=pin)
        assert key.public_key is not None  # a token may not give it before a PIN; a file does
        issuer, profile = (
            self.house.issuer("people"),
            self.house.profile("natural-person-signature"),
        )
        wanted = IssueRequest(
            request=f"decision/{label}",
            profile=profile,
            subject=build_subject(profile, BORN | names),
            public_key=key.public_key,
            person=label,
            authority="desk",
            operator="me",
            evidence=sha256(b"the record of how they were identified").digest(),
        )
        with self.house.signer_of(issuer, pin=pin) as signer:
            authority = self.house.authority(issuer, signer, policy=desk_rules(issuer))
            made = authority.issue(authority.prepare(wanted, at=now()), at=now())
        return store, store.store_certificates(key, [made, issuer.certificate], pin=pin)

    def change(self, certificate: Certificate, change: Change) -> None:
        """Hold, release or revoke; the next list tells of it."""
        issuer, serial = self.house.issuer("people"), certificate.serial_number_octets
        issued = self.house.register.find(issuer.identifier, serial)
        planned = plan_change(self.house.register, issued, change)
        carry_out(planned, register=self.house.register, policy=STATUS_RULES, actor="me", at=now())

    def lists(self) -> Evidence:
        """What both issuers say of their certificates today."""
        made = []
        for issuer in self.house.issuers:
            with self.house.signer_of(issuer, pin=pin) as signer:
                publisher = ListPublisher(
                    self.house.register,
                    issuer=issuer.identifier,
                    facts=issuer.facts,
                    signer=signer,
                )
                at = now()
                until = at + timedelta(hours=24)
                made.append(publisher.publish(0, next_update=until, actor="me", at=at))
        return Evidence(lists=tuple(made))
