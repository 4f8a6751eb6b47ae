"""What applicants may ask of a desk, and what the desk then does by itself.

`Reception` is `eds.enroll.applicant.Access` over a desk in this process: the doors (command line,
HTTP) call it and add nothing. What is refused is told discreetly. Between two acts of people it
asks registers, weighs the risk and has decided certificates issued (`go_on`).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ..ca.lifecycle import Act
from ..ca.lifecycle import State as CertificateState
from ..certificates import Certificate
from ..errors import (
    ApplicationOpen,
    AssertionRefused,
    EvidenceUnverified,
    InvalidArgument,
    MalformedAssertion,
    TransitionRefused,
    WrongState,
)
from ..extensions import RevocationReason
from . import centre, issuing, remote, renewal, status
from .applicant import WITH_THE_REGISTER, Session, Standing, Wanted
from .application import Application
from .certified import certificate_status
from .desk import Desk, Envelope, is_token
from .encoding import encode
from .evidence.chips import ChipRead
from .evidence.cscas import CscaStore
from .failures import NOT_ACCEPTED, Code, Failure, Told, shown_reason
from .issuing import CertificateFields, Issuing
from .kinds import EvidenceKind
from .offered import chip_of_person, existing_eds, register_photo
from .policy import EnrolmentPolicy
from .providers import CheckedEvidence
from .risk import risk_of
from .states import TERMINAL, Flow, State

# What would tell an impostor something: is there an application, whose chip was it?
_TELLING: Final = (ApplicationOpen, EvidenceUnverified, AssertionRefused, MalformedAssertion)
_ACTS: Final = {"hold": Act.HOLD, "revoke": Act.REVOKE}
_CHIPS: Final = frozenset({EvidenceKind.PASSPORT_CHIP, EvidenceKind.IDENTITY_CARD_CHIP})
# What became of an act on one certificate, in the applicant's words.
_WORDS: Final = {CertificateState.ON_HOLD: "held", CertificateState.REVOKED: "revoked"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reception:
    """A desk as its applicants meet it.

    `issue` has the authority issue what is decided and confirmed; None where somebody else does.
    `cscas` are the states whose chips are believed; `now` is asked once for each act.
    """

    desk: Desk
    issuing: Issuing
    now: Callable[[], datetime]
    terms_text: bytes
    issuers: tuple[Certificate, ...] = ()
    issue: Callable[[str, datetime], object] | None = None
    cscas: CscaStore = field(default_factory=lambda: CscaStore(()))

    # -- applying

    def terms(self) -> bytes:
        return self.terms_text

    def open(self, wanted: Wanted, *, token: bytes, terms: bytes) -> Standing:
        """Raises TransitionRefused, InvalidArgument, ProviderUnavailable."""
        at = self.now()
        envelope = Envelope(message=wanted.message, at=at, token=token)
        with _discreetly():
            if wanted.flow is Flow.RENEWAL:
                if wanted.certificate is None:
                    raise InvalidArgument(argument="certificate", reason="of what to renew?")
                opened = renewal.open_renewal(
                    self.desk, self.issuing, envelope, certificate=wanted.certificate
                )
            else:
                opened = remote.open_application(
                    self.desk, envelope, flow=wanted.flow, profile=wanted.profile,
                    personal_number=wanted.personal_number, document=wanted.document,
                    organisation=wanted.organisation, mandate=wanted.mandate,
                )  # fmt: skip
            session = Session(application=opened.application, token=token)
            if opened.state is State.DRAFT:
                consent = encode({"consent": "eds.enroll.terms", "terms": terms, "at": at})
                remote.submit(
                    self.desk, opened.application, self._envelope(session), consent=consent,
                    terms=terms,
                )  # fmt: skip
            found = self.go_on(opened.application, station=wanted.station)
        return self._standing(found)

    def standing(self, session: Session) -> Standing:
        """Raises TransitionRefused for another's token, ApplicationNotFound."""
        with _discreetly():
            self._own(session)
            return self._standing(self.go_on(session.application))

    def give_up(self, session: Session) -> Standing:
        """Raises TransitionRefused, WrongState."""
        with _discreetly():
            envelope = self._envelope(session)
            if self._own(session).state is State.ISSUED:
                found = issuing.repudiate(self.desk, self.issuing, session.application, envelope)
            else:
                found = remote.cancel(self.desk, session.application, envelope)
        return self._standing(found)

    # -- proving

    def send_code(self, session: Session) -> Standing:
        """Raises TransitionRefused, ProviderUnavailable."""
        with _discreetly():
            renews = self._own(session).flow is Flow.RENEWAL
            send = renewal.send_factor if renews else remote.send_code
            return self._standing(send(self.desk, session.application, self._envelope(session)))

    def confirm_code(self, session: Session, code: str) -> Standing:
        """Raises TransitionRefused."""
        with _discreetly():
            found = remote.confirm_contact(
                self.desk, session.application, self._envelope(session), code=code
            )
        return self._standing(found)

    def offer_photo(self, session: Session) -> Standing:
        """The picture that the register has of the applicant, for a face to be compared with.

        Raises TransitionRefused, also where there is none.
        """
        with _discreetly():
            return self._offer(session, register_photo(self.desk, self._own(session)))

    def offer_chip(self, session: Session, chip: ChipRead, *, kind: EvidenceKind) -> Standing:
        """What was read from the chip of a passport or an identity card.

        It must answer the eight octets of `chip_challenge`. Raises TransitionRefused.
        """
        if kind not in _CHIPS:
            raise InvalidArgument(argument="kind", reason="a passport's chip, or a card's")
        with _discreetly():
            piece = chip_of_person(
                self.desk, self._own(session), chip, kind=kind, cscas=self.cscas, at=self.now()
            )
            return self._offer(session, piece)

    def offer_eds(self, session: Session, signature: bytes) -> Standing:
        """CMS over the ExistingEdsStatement of the application, with another EDS of the applicant.

        Raises TransitionRefused, SignatureNotPassed.
        """
        with _discreetly():
            piece = existing_eds(
                self.desk, self.issuing, self._own(session), signature, at=self.now()
            )
            return self._offer(session, piece)

    def offer_face(self, session: Session, assertion: bytes) -> Standing:
        """A provider's assertion. Raises TransitionRefused, EvidenceUsed."""
        with _discreetly():
            self._own(session)
            remote.face_check(
                self.desk, session.application, token=assertion, message=_message(),
                at=self.now(),
            )  # fmt: skip
            return self._standing(self.go_on(session.application))

    def prove_living_key(
        self, session: Session, *, signature: bytes, algorithm: str, code: str
    ) -> Standing:
        """Raises TransitionRefused."""
        with _discreetly():
            renewal.prove_living_key(
                self.desk, self.issuing, session.application, self._envelope(session),
                signature=signature, algorithm=algorithm, code=code,
            )  # fmt: skip
            return self._standing(self.go_on(session.application))

    # -- the key, the certificate

    def bind_key(
        self, session: Session, *, request: bytes, possession: bytes, algorithm: str, secret: str
    ) -> Standing:
        """Raises TransitionRefused, MalformedRequest."""
        with _discreetly():
            found = issuing.bind_key(
                self.desk, self.issuing, session.application, self._envelope(session),
                request=request, possession=possession, algorithm=algorithm, secret=secret,
            )  # fmt: skip
        return self._standing(found)

    def fields(self, session: Session) -> CertificateFields:
        """Raises TransitionRefused where nothing is to be confirmed."""
        with _discreetly():
            self._own(session)
            return issuing.fields_to_confirm(self.desk, self.issuing, session.application)

    def confirm(self, session: Session, *, confirmation: bytes, algorithm: str) -> Standing:
        """Raises TransitionRefused, and what the authority refuses."""
        with _discreetly():
            issuing.confirm(
                self.desk, session.application, self._envelope(session),
                confirmation=confirmation, algorithm=algorithm,
            )  # fmt: skip
            return self._standing(self.go_on(session.application))

    def certificates(self, session: Session) -> tuple[Certificate, ...]:
        """Raises TransitionRefused; WrongState before there is one."""
        with _discreetly():
            before = self._own(session)
            kept = self.desk.store.file(session.application, "certificate")
            if kept is None:
                raise WrongState(
                    application=session.application, state=before.state.value, act="collect"
                )
            return (Certificate(kept), *self.issuers)

    def activate(
        self, session: Session, *, acceptance: bytes, algorithm: str, passphrase: str
    ) -> Standing:
        """Raises TransitionRefused, ProviderUnavailable, InvalidArgument."""
        with _discreetly():
            found = issuing.activate(
                self.desk, self.issuing, session.application, self._envelope(session),
                acceptance=acceptance, algorithm=algorithm, passphrase=passphrase,
            )  # fmt: skip
        return self._standing(found)

    # -- a certificate that is in use

    def end_by_passphrase(
        self, certificate: bytes, act: str, *, passphrase: str, reason: str
    ) -> str:
        """Hold or revoke a certificate (its SHA-256): the state after it. Raises
        TransitionRefused, CertificateNotFound.
        """
        chosen = _act(act)
        wish = status.Wish(
            certificate=certificate,
            act=chosen,
            reason=_reason(reason) if chosen is Act.REVOKE else None,
        )
        with _discreetly():
            after = status.by_passphrase(
                self.desk, self.issuing, wish, passphrase=passphrase, at=self.now()
            )
        return _WORDS.get(after.state, after.state.value)

    def end_by_key(self, statement: bytes, *, signature: bytes, algorithm: str, reason: str) -> str:
        """The same by the certificate's own key. Raises TransitionRefused, EvidenceUsed."""
        with _discreetly():
            after = status.by_key(
                self.desk, self.issuing, statement=statement, signature=signature,
                algorithm=algorithm, at=self.now(), reason=_reason(reason),
            )  # fmt: skip
        return _WORDS.get(after.state, after.state.value)

    # -- what the desk does by itself

    def go_on(self, application: str, *, station: str = "") -> Application:
        """Everything that waits for nobody: registers, risk, clearance, issue. The newest version.

        It can be run at any time and again. Raises ProviderUnavailable, TransitionRefused.
        """
        found = self.desk.store.load(application)
        while found.state not in TERMINAL:
            after = self._one_step(found, station, at=self.now())
            if after.version == found.version:
                break
            found = after
        return found

    def _one_step(self, found: Application, station: str, *, at: datetime) -> Application:
        desk, name = self.desk, found.application
        if found.deadline is not None and at >= found.deadline:
            issuing.tick(desk, self.issuing, at=at)
        elif found.state is State.SUBMITTED and found.flow is Flow.CENTRE:
            places = sorted(desk.policy.stations)
            return centre.appoint(desk, name, station=station or places[0], at=at)
        elif found.state in (State.CONFIRMED, State.ISSUING) and self.issue is not None:
            self.issue(name, at)
        else:
            return step_alone(desk, found, at=at)
        return desk.store.load(name)

    # -- inside

    def _envelope(self, session: Session) -> Envelope:
        return Envelope(message=_message(), at=self.now(), token=session.token)

    def _own(self, session: Session) -> Application:
        found = self.desk.store.load(session.application)
        if not is_token(found, session.token):
            raise TransitionRefused(failures=(Failure(code=Code.APPLICANT_NOT_AUTHENTIC),))
        return found

    def _offer(self, session: Session, piece: CheckedEvidence) -> Standing:
        found = remote.offer_evidence(
            self.desk, session.application, pieces=(piece,), message=_message(), at=self.now()
        )
        return self._standing(found)

    def _standing(self, found: Application) -> Standing:
        return Standing(
            application=found.application,
            flow=found.flow,
            state=found.state,
            profile=found.profile,
            deadline=found.deadline,
            challenge=found.challenge,
            nonce=found.nonce,
            renews=found.renews,
            certificate=found.certificate,
            in_person=found.in_person,
            station=found.station,
            tries_left=tries_left(found, self.desk.policy),
            photo=bool(WITH_THE_REGISTER & found.kinds),
            status=certificate_status(self.issuing.register, found.certificate, at=self.now()),
            reason=shown_reason(found.reason),
        )


def step_alone(
    desk: Desk, found: Application, *, at: datetime, risk: Callable[[Application], int] = risk_of
) -> Application:
    """What the desk does next by itself; the application as it was, where it waits for people.

    Raises ProviderUnavailable, TransitionRefused.
    """
    name = found.application
    if found.state is State.SUBMITTED and found.flow is not Flow.CENTRE:
        return remote.resolve(desk, name, at=at)
    if found.state is State.EVIDENCE_VALIDATED:
        return remote.route_if_spent(desk, name, at=at)
    if found.state is State.VERIFIED:
        return remote.assess(desk, name, risk=risk(found), at=at)
    if found.state is State.LIVING_KEY_PROVED:
        return renewal.clear_renewal(desk, name, at=at)
    return found


def tries_left(found: Application, policy: EnrolmentPolicy) -> int | None:
    """Of what the applicant is being asked for now; None where nothing is counted."""
    left = {
        State.RESOLVED: policy.code_tries - found.code_misses,
        State.CONTACT_CONFIRMED: policy.evidence_tries - found.evidence_misses,
        State.EVIDENCE_VALIDATED: policy.face_checks - found.face_checks,
    }
    if found.in_person:
        left[State.CLEARED] = policy.secret_tries - found.secret_misses
    return left.get(found.state)


class _discreetly:  # noqa: N801 - read as a function
    """What is refused inside is told as the applicant may know it."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _TELLING):
            refused = Told(code=NOT_ACCEPTED, shown=NOT_ACCEPTED)
            raise TransitionRefused(failures=(refused,)) from None
        if isinstance(error, TransitionRefused):
            told = (Told(code=each, shown=each) for each in error.shown)
            raise TransitionRefused(failures=tuple(told)) from None


def _message() -> str:
    return secrets.token_hex(16)


def _act(name: str) -> Act:
    if name not in _ACTS:
        raise InvalidArgument(argument="act", reason="hold or revoke")
    return _ACTS[name]


def _reason(name: str) -> RevocationReason:
    try:
        return RevocationReason[name.replace("-", "_").upper()]
    except KeyError:
        raise InvalidArgument(argument="reason", reason="not one of RFC 5280 §5.3.1") from None


def digest_of(terms: bytes) -> bytes:
    """What agreeing to these terms names."""
    return hashlib.sha256(terms).digest()
