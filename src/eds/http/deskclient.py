"""A desk at an address, as its applicants meet it: `Access` over the JSON API.

TLS is verified by the system's authorities; plain HTTP goes to this machine alone. What the desk
refuses comes back as the errors of the library. An act whose answer got lost is asked once more
under the same Idempotency-Key, so it is done once.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import re
import secrets
import ssl
from collections.abc import Mapping
from datetime import datetime
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import urlsplit

from ..certificates import Certificate
from ..enroll.applicant import WITH_THE_REGISTER, Session, Standing, Wanted
from ..enroll.certified import CertificateState, CertificateStatus
from ..enroll.evidence.chips import ChipRead
from ..enroll.failures import NOT_ACCEPTED, Told
from ..enroll.issuing import CertificateFields
from ..enroll.kinds import EvidenceKind
from ..enroll.states import Flow, State
from ..errors import DeskRefused, InvalidArgument, ProviderUnavailable, TransitionRefused
from ..extensions import RevocationReason

_ROOT: Final = "/desk/v1"
_ANSWER_LIMIT: Final = 1 << 20
_SECONDS: Final = 30.0
_TRIES: Final = 2
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
        self, address: str, *, context: ssl.SSLContext | None = None, seconds: float = _SECONDS
    ) -> None:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise InvalidArgument(argument="address", reason="https://HOST, no more")
        if parts.scheme == "http" and not _is_here(parts.hostname):
            raise InvalidArgument(argument="address", reason="http only to this machine: https://")
        try:
            self._host, self._port = parts.hostname, parts.port
        except ValueError:
            raise InvalidArgument(argument="address", reason="no such port") from None
        self._path = parts.path.rstrip("/")
        self._context = None
        if parts.scheme == "https":
            self._context = context or ssl.create_default_context()
        self._seconds = seconds

    def __repr__(self) -> str:
        return f"<HttpDesk {self._host}>"

    # -- applying

    def terms(self) -> bytes:
        return _octets(self._get("/terms").get("text"))

    def open(self, wanted: Wanted, *, token: bytes, terms: bytes) -> Standing:
        if wanted.flow is Flow.RENEWAL:
            if wanted.certificate is None:
                raise InvalidArgument(argument="certificate", reason="of what to renew?")
            body: dict[str, Any] = {"certificate": _base64(wanted.certificate.encoded)}
            opened = self._post("/renewals", body, token=token, message=wanted.message)
        else:
            body = {"flow": wanted.flow.value, "profile": wanted.profile}
            if wanted.personal_number:
                body["personal_number"] = wanted.personal_number
            else:
                country, number = wanted.document
                body["document"] = {"country": country, "number": number}
            opened = self._post("/applications", body, token=token, message=wanted.message)
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
            "security_object": _base64(chip.security_object),
            "data_groups": {
                str(number): _base64(octets) for number, octets in chip.data_groups.items()
            },
        }
        if chip.response is not None:
            read["response"] = _base64(chip.response)
        return self._act(session, "evidence", {"kind": kind.value, "chip": read})

    def offer_eds(self, session: Session, signature: bytes) -> Standing:
        said = {"kind": EvidenceKind.EXISTING_EDS.value, "signature": _base64(signature)}
        return self._act(session, "evidence", said)

    def offer_face(self, session: Session, assertion: bytes) -> Standing:
        return self._act(session, "face", {"token": _base64(assertion)})

    def prove_living_key(
        self, session: Session, *, signature: bytes, algorithm: str, code: str
    ) -> Standing:
        said = {"signature": _base64(signature), "algorithm": algorithm, "code": code}
        return self._act(session, "living-key", said)

    # -- the key, the certificate

    def bind_key(
        self, session: Session, *, request: bytes, possession: bytes, algorithm: str, secret: str
    ) -> Standing:
        said = {
            "request": _base64(request),
            "possession": _base64(possession),
            "algorithm": algorithm,
        }
        return self._act(session, "key", said | ({"secret": secret} if secret else {}))

    def fields(self, session: Session) -> CertificateFields:
        told = self._get(f"/applications/{session.application}/fields", token=session.token)
        try:
            shown = CertificateFields(
                subject={str(name): str(text) for name, text in told["subject"].items()},
                profile=told["profile"],
                profile_hash=bytes.fromhex(told["profile_hash"]),
                key=bytes.fromhex(told["key"]),
                not_after=_instant(told["not_after"]),
                services=tuple(told["services"]),
            )
            same = shown.digest.hex() == told["digest"]
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._strange() from None
        if not same:  # what is shown must be what is signed
            raise self._strange()
        return shown

    def confirm(self, session: Session, *, confirmation: bytes, algorithm: str) -> Standing:
        said = {"confirmation": _base64(confirmation), "algorithm": algorithm}
        found = self._act(session, "confirmation", said)
        return self._issued(session) if found.state in _ISSUING else found

    def certificates(self, session: Session) -> tuple[Certificate, ...]:
        told = self._post(
            f"/applications/{session.application}/certificate", None, token=session.token
        )
        try:
            encoded = [told["certificate"], *told["issuers"]]
        except (KeyError, TypeError):
            raise self._strange() from None
        return tuple(Certificate(_octets(each)) for each in encoded)

    def activate(
        self, session: Session, *, acceptance: bytes, algorithm: str, passphrase: str
    ) -> Standing:
        said = {
            "acceptance": _base64(acceptance), "algorithm": algorithm, "passphrase": passphrase,
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
            "statement": _base64(statement),
            "signature": _base64(signature),
            "algorithm": algorithm,
        }
        return self._ended("/certificates/status", said, reason)

    # -- inside

    def _ended(self, path: str, said: dict[str, str], reason: str) -> str:
        chosen = {} if reason == "unspecified" else {"reason": reason}
        state = str(self._post(path, said | chosen).get("state"))
        return _ENDED.get(state, state)

    def _issued(self, session: Session) -> Standing:
        self.certificates(session)
        return self._look(session)

    def _look(self, session: Session) -> Standing:
        return self._standing(
            self._get(f"/applications/{session.application}", token=session.token)
        )

    def _act(self, session: Session, name: str, body: Any = None) -> Standing:
        path = f"/applications/{session.application}/{name}"
        return self._standing(self._post(path, body, token=session.token))

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
                deadline=None if deadline is None else _instant(deadline),
                challenge=bytes.fromhex(told["challenge"]),
                nonce=bytes.fromhex(told["nonce"]),
                renews=bytes.fromhex(told["renews"]),
                certificate=bytes.fromhex(told["certificate"]),
                in_person=told["in_person"] is True,
                station=str(told["station"]),
                tries_left=None if told["tries_left"] is None else int(told["tries_left"]),
                photo=bool(WITH_THE_REGISTER & set(map(EvidenceKind, told["evidence"]))),
                status=_status(told.get("certificate_status")),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise self._strange() from None

    def _get(self, path: str, *, token: bytes = b"") -> Any:
        return self._ask("GET", path, None, token=token, message="")

    def _post(self, path: str, body: Any, *, token: bytes = b"", message: str = "") -> Any:
        message = message or secrets.token_hex(16)
        return self._ask("POST", path, body, token=token, message=message)

    def _ask(self, method: str, path: str, body: Any, *, token: bytes, message: str) -> Any:
        headers = {"Accept": "application/json"}
        if token:
            spelled = base64.urlsafe_b64encode(token).decode().rstrip("=")
            headers["Authorization"] = f"Bearer {spelled}"
        if message:
            headers["Idempotency-Key"] = message
        octets = b""
        if body is not None:
            octets = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        for left in reversed(range(_TRIES)):
            try:
                return self._told(*self._exchange(method, path, octets, headers))
            except (OSError, http.client.HTTPException) as error:
                if not left:
                    raise self._unavailable(type(error).__name__) from None
        raise self._unavailable("no try is left")

    def _exchange(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, bytes]:
        if self._context is None:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=self._seconds)
        else:
            connection = http.client.HTTPSConnection(
                self._host, self._port, timeout=self._seconds, context=self._context
            )
        try:
            connection.request(method, f"{self._path}{_ROOT}{path}", body, dict(headers))
            reply = connection.getresponse()
            answer = reply.read(_ANSWER_LIMIT + 1)
        finally:
            connection.close()
        if len(answer) > _ANSWER_LIMIT:
            raise self._strange()
        return reply.status, answer

    def _told(self, status: int, answer: bytes) -> Any:
        try:
            told = json.loads(answer)
            if not isinstance(told, dict):
                raise ValueError
        except (ValueError, RecursionError):
            raise self._strange() from None
        if status < 300:
            return told
        code = str(told.get("code", ""))
        if code == "http.authentication_required":
            raise TransitionRefused(failures=(Told(code=NOT_ACCEPTED, shown=NOT_ACCEPTED),))
        if code == TransitionRefused.code:
            said = told.get("reasons")
            reasons = said if isinstance(said, list) and said else [NOT_ACCEPTED]
            failures = tuple(Told(code=str(each), shown=str(each)) for each in reasons)
            raise TransitionRefused(failures=failures)
        if status >= 500:
            raise self._unavailable(code or str(status))
        raise DeskRefused(problem=code or str(status), detail=str(told.get("detail") or ""))

    def _unavailable(self, reason: str) -> ProviderUnavailable:
        return ProviderUnavailable(provider=f"the desk at {self._host}", reason=reason)

    def _strange(self) -> ProviderUnavailable:
        return self._unavailable("it does not answer as a desk does")


def _instant(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.utcoffset() is None:
        raise ValueError
    return found


def _status(told: Any) -> CertificateStatus | None:
    if told is None:
        return None
    reason = told["reason"]
    return CertificateStatus(
        serial=bytes.fromhex(told["serial"]),
        state=CertificateState(told["state"]),
        since=_instant(told["since"]),
        not_after=_instant(told["not_after"]),
        reason=None if reason is None else RevocationReason[reason.upper()],
    )


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _base64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


def _octets(text: Any) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise ProviderUnavailable(
            provider="the desk", reason="it does not answer as a desk does"
        ) from None
