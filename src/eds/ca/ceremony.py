"""A ceremony carried out: keys, certificates, register entries, and the report of it all.

Whatever is killed is continued by the next run with the same description: what stands is used,
what was half done is finished or given up and said so, and no role ever gets a second key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, NoReturn

from ..certificates import Certificate
from ..errors import (
    CeremonyRefused,
    IssuerNotFound,
    KeyNotFound,
    StoreUnavailable,
)
from ..keys.contract import KeyRef, KeyStore, PinSource, Signer
from .authority import IssueRequest, give_up_request, new_serial_number
from .ceremony_journal import INTENDED, Journal
from .ceremony_plan import (
    Ceremony,
    PlannedCertificate,
    Role,
    Standing,
    plan,
    root_facts,
    root_tbs,
)
from .ceremony_report import Report, ReportedCertificate, write_report
from .files import PUBLIC, write_file
from .folder import AuthorityFolder
from .issuers import CEREMONY_KINDS, IssuerRules, RegisteredIssuer, issuer_identifier, load_issuer
from .keycheck import check_key
from .lifecycle import State
from .lint import require_clean
from .monitor import GuardedKey, permit_certificate
from .tbs import IssuerFacts, assemble

FOLDER: Final = "ceremonies"

Told = Callable[[str], None]
"""Told each step in words before it is taken; tests end the process there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CeremonyOutcome:
    """The files of the report, and what it says. `was_finished`: an earlier run had done it all."""

    report: Report
    report_file: Path
    signature_file: Path
    was_finished: bool


def survey(ceremony: Ceremony, folder: AuthorityFolder) -> dict[str, Standing]:
    """What stands already of each role, by its label. Raises CeremonyRefused for contradictions."""
    journal = Journal.read(folder.path / FOLDER, ceremony)
    found: dict[str, Standing] = {}
    for role in ceremony.roles:
        _, key = _look(role, folder)
        noted = journal.key(role.label) if journal else None
        _compare(ceremony, role, key, noted)
        public_key = key.public_key if key else None
        certificate = None
        if key is not None and public_key is not None:
            certificate = _standing_certificate(role, key, folder)
        found[role.label] = Standing(public_key=public_key, certificate=certificate)
    return found


def plan_ceremony(
    ceremony: Ceremony, folder: AuthorityFolder, *, at: datetime
) -> tuple[PlannedCertificate, ...]:
    """The plan over what stands in the folder, its stores and its register."""
    known = {issuer.label: issuer.facts for issuer in folder.issuers}
    return plan(ceremony, at=at, standing=survey(ceremony, folder), issuers=known)


def carry_out(
    ceremony: Ceremony,
    *,
    folder: AuthorityFolder,
    pin: PinSource,
    actor: str,
    now: Callable[[], datetime],
    told: Told,
) -> CeremonyOutcome:
    """Make what is not there yet, and the signed report.

    `now` is the clock: people type PINs between the steps. Raises CeremonyRefused where what
    stands contradicts the description or the plan has problems, and whatever keys, register and
    log raise; then the next run goes on.
    """
    folder.require_reference("actor", actor)
    for item in plan_ceremony(ceremony, folder, at=now()):
        if item.problems:
            raise CeremonyRefused(
                ceremony=ceremony.name, reason=f"{item.role.label}: {item.problems[0]}"
            )
    started = now().isoformat()
    with (
        Journal.opened(folder.path / FOLDER, ceremony, started_at=started) as journal,
        ExitStack() as opened,
    ):
        act = _Act(ceremony, folder, journal, pin, actor, now, told, opened)
        if journal.finished is not None:
            return act.finished_report()
        return act.run()


class _Act:
    """One run: the steps share what they need."""

    def __init__(
        self,
        ceremony: Ceremony,
        folder: AuthorityFolder,
        journal: Journal,
        pin: PinSource,
        actor: str,
        now: Callable[[], datetime],
        told: Told,
        opened: ExitStack,
    ) -> None:
        self.ceremony = ceremony
        self.folder = folder
        self.journal = journal
        self.pin = pin
        self.actor = actor
        self.now = now
        self.told = told
        self._opened = opened
        self._signers: dict[str, Signer] = {}

    def run(self) -> CeremonyOutcome:
        self._record("ca.ceremony.started", description=self.ceremony.digest.hex())
        made = [self._make(role) for role in self.ceremony.roles]
        self.told("signing the report")
        with self.folder.audit_signer(pin=self.pin) as signer:
            report, encoded, signature = write_report(
                self.ceremony,
                made,
                authority=self.folder.settings.name,
                actor=self.actor,
                started_at=self.journal.started_at,
                finished_at=self.now(),
                remarks=self.journal.remarks,
                signer=signer,
            )
            report_file, signature_file = self._files()
            # The signature first: a report without one is a report that is not finished.
            write_file(signature_file, signature, mode=PUBLIC)
            write_file(report_file, encoded, mode=PUBLIC)
            self._record("ca.ceremony.finished", report=report.digest.hex())
            self.told("signing a checkpoint of the audit log")
            self.folder.checkpoint(signer, at=self.now())
        self.journal.finish(report.digest.hex())
        return CeremonyOutcome(
            report=report,
            report_file=report_file,
            signature_file=signature_file,
            was_finished=False,
        )

    def finished_report(self) -> CeremonyOutcome:
        """What an earlier run wrote. Raises CeremonyRefused where it is gone or another."""
        report_file, signature_file = self._files()
        try:
            report = Report.decode(report_file.read_bytes())
        except FileNotFoundError:
            self._refuse("it was finished, and its report is gone")
        if report.digest.hex() != self.journal.finished:
            self._refuse("it was finished, and its report is another now")
        return CeremonyOutcome(
            report=report,
            report_file=report_file,
            signature_file=signature_file,
            was_finished=True,
        )

    # -- one role

    def _make(self, role: Role) -> ReportedCertificate:
        store, key = self._key(role)
        certificate = (
            self._root(role, store, key) if role.is_root else self._issued(role, store, key)
        )
        if role.settings is not None:
            self._register(role, certificate, key)
        chain = (certificate, *self._above(role))
        if key.certificates[:1] != (certificate,):
            self.told(f"{role.label}: keeping the certificate beside its key")
            store.store_certificates(key, chain, pin=self.pin)
        return ReportedCertificate.of(role, certificate, key_uri=self._shown_uri(role, key))

    def _key(self, role: Role) -> tuple[KeyStore, KeyRef]:
        """The key of the role: made now, or by an earlier run."""
        store, key = _look(role, self.folder)
        noted = self.journal.key(role.label)
        _compare(self.ceremony, role, key, noted)
        if key is None:
            self.told(f"{role.label}: making the key")
            self.journal.note_key(role.label, INTENDED)
            key = store.generate(
                label=role.label,
                algorithm=role.algorithm,
                purpose=role.purpose,
                pin=self.pin,
                rsa_bits=role.rsa_bits or 3072,
            )
        elif noted == INTENDED:
            self.journal.remark(f"{role.label}: its key was made by a run that was interrupted")
        public_key = key.public_key
        if public_key is None:
            self._refuse(f"{role.label}: the store does not show the public key")
        if self.journal.key(role.label) == INTENDED:
            check_key(public_key, minimum_rsa_bits=3072)
            self._record(
                "ca.key.made",
                subject=f"ceremony/{self.ceremony.name}/{role.label}",
                key=public_key.fingerprint.hex(),
                identifier=key.identifier.hex(),
            )
            self.told(f"{role.label}: noting the key")
            self.journal.note_key(role.label, public_key.fingerprint.hex())
        return store, key

    def _root(self, role: Role, store: KeyStore, key: KeyRef) -> Certificate:
        there = _standing_certificate(role, key, self.folder)
        if there is not None:
            return there
        facts, tbs = self._root_bytes(role, key)
        encoded = self.journal.root(role.label, "certificate")
        if encoded is None:
            self.told(f"{role.label}: signing the root certificate")
            signer = self._signer(role.label, role, store, key)
            permit_certificate(tbs, issuer_kind=GuardedKey.ROOT)
            signature = signer.sign(tbs)
            encoded = assemble(tbs, algorithm=facts.algorithm, signature=signature)
            self.journal.note_root(role.label, "certificate", encoded)
        certificate = Certificate(encoded)
        if certificate.tbs_encoded != tbs or not facts.public_key.verify(
            certificate.signature, tbs, algorithm=facts.algorithm
        ):
            self._refuse(f"{role.label}: the journal holds another certificate")
        return certificate

    def _root_bytes(self, role: Role, key: KeyRef) -> tuple[IssuerFacts, bytes]:
        """The bytes to be signed, linted: those of an earlier run where it noted them."""
        if key.public_key is None:
            self._refuse(f"{role.label}: the store does not show the public key")
        tbs = self.journal.root(role.label, "tbs")
        if tbs is None:
            facts = root_facts(role, key.public_key, self.now().replace(microsecond=0))
            number = int.from_bytes(
                new_serial_number(role.profile, key.public_key, node=self.folder.settings.node),
                "big",
            )
            tbs = root_tbs(role, facts, serial_number=number)
            begins = facts.not_before
        else:
            # Not signed as far as anybody knows, and the same bytes if it was.
            begins = Certificate(
                assemble(tbs, algorithm=role.algorithm, signature=bytes(64))
            ).not_before
            facts = root_facts(role, key.public_key, begins)
        require_clean(tbs, profile=role.profile, issuer=facts, at=begins)
        self.journal.note_root(role.label, "tbs", tbs)
        return facts, tbs

    def _issued(self, role: Role, store: KeyStore, key: KeyRef) -> Certificate:
        del store
        there = _standing_certificate(role, key, self.folder)
        if there is not None:
            return there
        issuer = self.folder.issuer(role.issuer)
        request = f"ceremony/{self.ceremony.name}/{role.label}"
        for intent in give_up_request(
            request, register=self.folder.register, actor=self.actor, at=self.now()
        ):
            self.journal.remark(
                f"{role.label}: serial number {intent.serial.hex()} of an interrupted run "
                "was given up and is listed as revoked"
            )
        if key.public_key is None:
            self._refuse(f"{role.label}: the store does not show the public key")
        self.told(f"{role.label}: signing its certificate with the key of {issuer.label}")
        authority = self.folder.authority(
            issuer,
            self._issuer_signer(issuer),
            policy=IssuerRules(kinds=CEREMONY_KINDS),
        )
        at = self.now()
        prepared = authority.prepare(
            IssueRequest(
                request=request,
                profile=role.profile,
                subject=role.subject,
                public_key=key.public_key,
                person=role.person,
                authority="ceremony",
                operator=self.actor,
                evidence=self.ceremony.digest,
                not_after=min(at + role.validity, issuer.facts.not_after),
            ),
            at=at,
        )
        return authority.issue(prepared, at=at)

    def _register(self, role: Role, certificate: Certificate, key: KeyRef) -> None:
        register = self.folder.register
        identifier = issuer_identifier(certificate.subject, certificate.public_key)
        try:
            there = load_issuer(register, role.label)
        except IssuerNotFound:
            self.told(f"{role.label}: entering the issuer into the register")
            if role.settings is not None:
                register.add_issuer(
                    identifier,
                    label=role.label,
                    certificate=certificate,
                    key_uri=key.uri,
                    settings=role.settings.encoded,
                    actor=self.actor,
                    at=self.now(),
                )
            self.folder.forget()
        else:
            if there.identifier != identifier:
                self._refuse(f"{role.label}: the register has another issuer of that name")

    # -- inside

    def _above(self, role: Role) -> Iterator[Certificate]:
        """The certificates above, up to the root."""
        if role.is_root:
            return
        issuer = self.folder.issuer(role.issuer)
        while True:
            yield issuer.certificate
            if issuer.certificate.is_self_issued:
                return
            above = [
                one
                for one in self.folder.issuers
                if one.certificate.subject == issuer.certificate.issuer
            ]
            if not above:
                return
            issuer = above[0]

    def _signer(self, label: str, role: Role, store: KeyStore, key: KeyRef) -> Signer:
        if label not in self._signers:
            self._signers[label] = self._opened.enter_context(
                store.open(key, purpose=role.purpose, pin=self.pin, algorithm=role.algorithm)
            )
        return self._signers[label]

    def _issuer_signer(self, issuer: RegisteredIssuer) -> Signer:
        if issuer.label not in self._signers:
            self._signers[issuer.label] = self._opened.enter_context(
                self.folder.signer_of(issuer, pin=self.pin)
            )
        return self._signers[issuer.label]

    def _shown_uri(self, role: Role, key: KeyRef) -> str:
        """Where the key is: a token with its serial number, or the folder as the file names it."""
        return key.uri if key.uri.startswith("pkcs11:") else f"{role.key_store}/{role.label}"

    def _files(self) -> tuple[Path, Path]:
        place = self.folder.path / FOLDER
        return place / f"{self.ceremony.name}.json", place / f"{self.ceremony.name}.json.sig"

    def _record(self, act: str, *, subject: str | None = None, **details: object) -> None:
        self.folder.register.record(
            act=act,
            actor=self.actor,
            subject=subject or f"ceremony/{self.ceremony.name}",
            details=details,
            at=self.now(),
        )

    def _refuse(self, reason: str) -> NoReturn:
        raise CeremonyRefused(ceremony=self.ceremony.name, reason=reason)


# --- what stands ----------------------------------------------------------------------------------


def _look(role: Role, folder: AuthorityFolder) -> tuple[KeyStore, KeyRef | None]:
    """The store of a role, and the key of its label there."""
    store = folder.key_store(role.key_store)
    try:
        return store, store.find(role.label)
    except (KeyNotFound, StoreUnavailable):  # a folder that is made with its first key
        return store, None


def _compare(ceremony: Ceremony, role: Role, key: KeyRef | None, noted: str | None) -> None:
    """Whether the key in the store is the one of this ceremony. Raises CeremonyRefused."""

    def refuse(reason: str) -> NoReturn:
        raise CeremonyRefused(ceremony=ceremony.name, reason=f"{role.label}: {reason}")

    if key is None:
        if noted not in (None, INTENDED):
            refuse("its key was made and is gone")
        return
    if noted is None:
        refuse("a key of that name stands already, and is not of this ceremony")
    found = key.public_key.fingerprint.hex() if key.public_key else None
    if noted not in (INTENDED, found):
        refuse("another key has its name now")
    if key.algorithm is not None and key.algorithm.key_type is not role.algorithm.key_type:
        refuse("the key that stands is of another kind")
    if role.purpose not in key.purpose:
        refuse(f"the key that stands is kept for {key.purpose.words}")


def _standing_certificate(role: Role, key: KeyRef, folder: AuthorityFolder) -> Certificate | None:
    """The certificate of the role in the register, where one stands."""
    public_key = key.public_key
    if public_key is None:
        return None
    issuers = {one.label: one for one in folder.issuers}
    if role.is_root:
        there = issuers.get(role.label)
        if there is None or there.certificate.public_key != public_key:
            return None
        return there.certificate
    above = issuers.get(role.issuer)
    for issued in folder.register.find_by(key_hash=public_key.fingerprint):
        if (
            above is not None
            and issued.issuer == above.identifier
            and issued.profile == f"{role.profile.name}/{role.profile.version}"
            and issued.certificate.subject == role.subject
            and issued.status.state is State.VALID
        ):
            return issued.certificate
    return None
