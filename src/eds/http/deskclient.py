"""A desk at an address, as its applicants meet it: `Access` over the JSON API."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from typing import Any, Final

from ..certificates import Certificate
from ..enroll.applicant import WITH_THE_REGISTER, Session, Standing, Wanted
from ..enroll.certified import CertificateState, CertificateStatus
from ..enroll.evidence.chips import ChipRead
from ..enroll.issuing import CertificateFields
from ..enroll.kinds import EvidenceKind
from ..enroll.states import Flow, State
from ..errors import InvalidArgument
from ..extensions import RevocationReason
from .deskconnection import SECONDS, DeskConnection, base64_of, instant, octets_of

_NAME: Final = re.compile("[0-9a-f]{32}")
_ISSUING: Final = frozenset({State.CONFIRMED, State.ISSUING})
# Where the desk goes on by itself, unless something kept it from that.
_WAITING: Final = frozenset({State.SUBMITTED, State.VERIFIED, State.LIVING_KEY_PROVED})
# The states of a certificate, in the words of `Access`.
_ENDED: Final = {"on_hold": "held"}


class HttpDesk:
    """The desk at `https://HOST[:PORT][/PATH]`. `context` verifies the server.

    Each call raises ProviderUnavailable where the desk does not answer, TransitionRefused and
    DeskRefused where it does not do what was asked. Raises InvalidArgument for another address.
    """

    def __init__(
        self, address: str, *, context: ssl.SSLContext | None = None, seconds: float = SECONDS
    ) -> None:
        self._desk = DeskConnection(address, context=context, seconds=seconds)

    def __repr__(self) -> str:
        return f"<HttpDesk {self._desk.host}>"

    # -- applying

    def terms(self) -> bytes:
        return octets_of(self._desk.get("/terms").get("text"))

    def open(self, wanted: Wanted, *, token: bytes, terms: bytes) -> Standing:
        if wanted.flow is Flow.RENEWAL:
            if wanted.certificate is None:
                raise InvalidArgument(argument="certificate", reason="of what to renew?")
            body: dict[str, Any] = {"certificate": base64_of(wanted.certificate.encoded)}
            opened = self._desk.post("/renewals", body, token=token, message=wanted.message)
        else:
            body = {"flow": wanted.flow.value, "profile": wanted.profile}
            if wanted.personal_number:
                body["personal_number"] = wanted.personal_number
            else:
                country, number = wanted.document
                body["document"] = {"country": country, "number": number}
            if wanted.organisation:
                body["organisation"] = wanted.organisation
            if wanted.mandate is not None:
                body["mandate"] = {
                    "statement": base64_of(wanted.mandate.statement),
                    "signature": base64_of(wanted.mandate.signature),
                }
            opened = self._desk.post("/applications", body, token=token, message=wanted.message)
        session = Session(application=self._standing(opened).application, token=token)
        found = self._look(session)
        if found.state is State.DRAFT:
            consent = {"consent": "I have read the terms and agree.", "terms": terms.hex()}
            found = self._act(session, "submit", consent)
        if found.state is State.SUBMITTED and found.flow is Flow.CENTRE:
            place = {"station": wanted.station} if wanted.station else {}
            found = self._act(session, "appointment", place)
        return found

    def standing(self, session: Session) -> Standing:
        found = self._look(session)
        if found.state in _WAITING:
            found = self._act(session, "continuation")
        return self._issued(session) if found.state in _ISSUING else found

    def give_up(self, session: Session) -> Standing:
        issued = self._look(session).state is State.ISSUED
        return self._act(session, "repudiation" if issued else "cancellation")

    # -- proving

    def send_code(self, session: Session) -> Standing:
        return self._act(session, "code")

    def confirm_code(self, session: Session, code: str) -> Standing:
        return self._act(session, "contact", {"code": code})

    def offer_photo(self, session: Session) -> Standing:
        return self._act(session, "evidence", {"kind": EvidenceKind.REGISTER_PHOTO.value})

    def offer_chip(self, session: Session, chip: ChipRead, *, kind: EvidenceKind) -> Standing:
        read: dict[str, Any] = {
            "security_object": base64_of(chip.security_object),
            "data_groups": {
                str(number): base64_of(octets) for number, octets in chip.data_groups.items()
            },
        }
        if chip.response is not None:
            read["response"] = base64_of(chip.response)
        return self._act(session, "evidence", {"kind": kind.value, "chip": read})

    def offer_eds(self, session: Session, signature: bytes) -> Standing:
        said = {"kind": EvidenceKind.EXISTING_EDS.value, "signature": base64_of(signature)}
        return self._act(session, "evidence", said)

    def offer_face(self, session: Session, assertion: bytes) -> Standing:
        return self._act(session, "face", {"token": base64_of(assertion)})

    def prove_living_key(
        self, session: Session, *, signature: bytes, algorithm: str, code: str
    ) -> Standing:
        said = {"signature": base64_of(signature), "algorithm": algorithm, "code": code}
        return self._act(session, "living-key", said)

    # -- the key, the certificate

    def bind_key(
        self, session: Session, *, request: bytes, possession: bytes, algorithm: str, secret: str
    ) -> Standing:
        said = {
            "request": base64_of(request),
            "possession": base64_of(possession),
            "algorithm": algorithm,
        }
        return self._act(session, "key", said | ({"secret": secret} if secret else {}))

    def fields(self, session: Session) -> CertificateFields:
        told = self._desk.get(f"/applications/{session.application}/fields", token=session.token)
        try:
            shown = CertificateFields(
                subject={str(name): str(text) for name, text in told["subject"].items()},
                profile=told["profile"],
                profile_hash=bytes.fromhex(told["profile_hash"]),
                key=bytes.fromhex(told["key"]),
                not_after=instant(told["not_after"]),
                services=tuple(told["services"]),
            )
            same = shown.digest.hex() == told["digest"]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._desk.strange() from None
        if not same:  # what is shown must be what is signed
            raise self._desk.strange()
        return shown

    def confirm(self, session: Session, *, confirmation: bytes, algorithm: str) -> Standing:
        said = {"confirmation": base64_of(confirmation), "algorithm": algorithm}
        found = self._act(session, "confirmation", said)
        return self._issued(session) if found.state in _ISSUING else found

    def certificates(self, session: Session) -> tuple[Certificate, ...]:
        told = self._desk.post(
            f"/applications/{session.application}/certificate", None, token=session.token
        )
        try:
            encoded = [told["certificate"], *told["issuers"]]
        except (KeyError, TypeError):
            raise self._desk.strange() from None
        return tuple(Certificate(octets_of(each)) for each in encoded)

    def activate(
        self, session: Session, *, acceptance: bytes, algorithm: str, passphrase: str
    ) -> Standing:
        said = {
            "acceptance": base64_of(acceptance), "algorithm": algorithm, "passphrase": passphrase,
        }  # fmt: skip
        return self._act(session, "activation", said)

    # -- a certificate that is in use

    def end_by_passphrase(
        self, certificate: bytes, act: str, *, passphrase: str, reason: str
    ) -> str:
        said = {"certificate": certificate.hex(), "passphrase": passphrase, "act": act}
        return self._ended("/certificates/passphrase", said, reason)

    def end_by_key(self, statement: bytes, *, signature: bytes, algorithm: str, reason: str) -> str:
        said = {
            "statement": base64_of(statement),
            "signature": base64_of(signature),
            "algorithm": algorithm,
        }
        return self._ended("/certificates/status", said, reason)

    # -- inside

    def _ended(self, path: str, said: dict[str, str], reason: str) -> str:
        chosen = {} if reason == "unspecified" else {"reason": reason}
        state = str(self._desk.post(path, said | chosen).get("state"))
        return _ENDED.get(state, state)

    def _issued(self, session: Session) -> Standing:
        self.certificates(session)
        return self._look(session)

    def _look(self, session: Session) -> Standing:
        return self._standing(
            self._desk.get(f"/applications/{session.application}", token=session.token)
        )

    def _act(self, session: Session, name: str, body: Any = None) -> Standing:
        path = f"/applications/{session.application}/{name}"
        return self._standing(self._desk.post(path, body, token=session.token))

    def _standing(self, told: Mapping[str, Any]) -> Standing:
        try:
            # The name becomes a part of paths, here and in addresses.
            if not _NAME.fullmatch(told["application"]):
                raise ValueError
            deadline = told["deadline"]
            return Standing(
                application=told["application"],
                flow=Flow(told["flow"]),
                state=State(told["state"]),
                profile=str(told["profile"]),
                deadline=None if deadline is None else instant(deadline),
                challenge=bytes.fromhex(told["challenge"]),
                nonce=bytes.fromhex(told["nonce"]),
                renews=bytes.fromhex(told["renews"]),
                certificate=bytes.fromhex(told["certificate"]),
                in_person=told["in_person"] is True,
                station=str(told["station"]),
                tries_left=None if told["tries_left"] is None else int(told["tries_left"]),
                photo=bool(WITH_THE_REGISTER & set(map(EvidenceKind, told["evidence"]))),
                status=status_of(told.get("certificate_status")),
                reason=str(told["reason"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._desk.strange() from None


def status_of(told: Any) -> CertificateStatus | None:
    """The state of a certificate. Raises KeyError, TypeError, ValueError for what is none."""
    if told is None:
        return None
    reason = told["reason"]
    return CertificateStatus(
        serial=bytes.fromhex(told["serial"]),
        state=CertificateState(told["state"]),
        since=instant(told["since"]),
        not_after=instant(told["not_after"]),
        reason=None if reason is None else RevocationReason[reason.upper()],
    )
