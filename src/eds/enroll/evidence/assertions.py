"""What providers assert, signed and once: face and liveness, register, telephone, document.

A provider is pinned: its key, its algorithm, and what it may speak about. An assertion is for us
(`aud`), for one application, an answer to one nonce of ours, and lives minutes. Whether it was
used before is for the store to say, by `identity`: not by its octets, for an ECDSA signature can
be rewritten without the key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar

from ...algorithms import SignatureAlgorithm
from ...errors import AssertionRefused, InvalidArgument, MalformedAssertion, NaiveDatetime
from ...publickeys import PublicKey
from .jws import PinnedKey, TokenSigner, require_usable, sign_jws, verify_jws
from .strictjson import instant

T = TypeVar("T")
SCORE_LIMIT: Final = 1000
LIFETIME: Final = timedelta(minutes=10)
SKEW: Final = timedelta(seconds=60)
_TEXT_LIMIT: Final = 256


class Topic(Enum):
    """What an assertion is about (`evidence` in the payload)."""

    FACE_MATCH = "face_match"
    REGISTER = "register"
    PHONE = "phone"
    DOCUMENT_STATUS = "document_status"


class FaceReference(Enum):
    """What the face was compared with."""

    PASSPORT_CHIP = "passport_chip"
    IDENTITY_CARD_CHIP = "identity_card_chip"
    REGISTER = "register_photo"


class LivenessMethod(Enum):
    """ACTIVE: the person was asked to do something. PASSIVE alone clears nobody."""

    ACTIVE = "active"
    PASSIVE = "passive"


class Detection(Enum):
    """What a check for fraud found; NOT_CHECKED is never CLEAN."""

    CLEAN = "clean"
    SUSPECT = "suspect"
    NOT_CHECKED = "not_checked"


class DocumentStatus(Enum):
    """What its issuer says of a document; UNKNOWN is never VALID."""

    VALID = "valid"
    EXPIRED = "expired"
    LOST = "lost"
    STOLEN = "stolen"
    WITHDRAWN = "withdrawn"
    UNKNOWN = "unknown"


class LifeStatus(Enum):
    """What a population register says; NOT_FOUND also where there is more than one."""

    LIVING = "living"
    DECEASED = "deceased"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceMatch:
    """Scores are of 1000; `threshold` is the provider's own for its false match rate.

    `presentation` is the detection of presented attacks (ISO/IEC 30107-3, tested to
    `presentation_level`), `injection` that of streams put in place of a camera's.
    """

    reference: FaceReference
    score: int
    threshold: int
    liveness: LivenessMethod
    presentation: Detection
    presentation_level: int
    injection: Detection
    captured_at: datetime
    capture_digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RegisterAnswer:
    """One person as a register has them. Nothing of it shows in a repr."""

    life: LifeStatus
    personal_number: str = ""
    surname: str = ""
    given_name: str = ""
    born: date | None = None
    nationality: str = ""

    def __repr__(self) -> str:
        return f"<RegisterAnswer {self.life.value}>"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PhoneAnswer:
    """The number that the base has for a person; empty where it has none."""

    personal_number: str
    phone: str

    def __repr__(self) -> str:
        return "<PhoneAnswer>"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentAnswer:
    """The status of one document."""

    issuing_state: str
    number: str = field(repr=False)
    status: DocumentStatus


Answer: TypeAlias = FaceMatch | RegisterAnswer | PhoneAnswer | DocumentAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedProvider:
    """A provider whose assertions count, for these topics. A doctor refuses simulators.

    Raises InvalidArgument, AlgorithmKeyMismatch when made with a key outside the profile.
    """

    issuer: str
    public_key: PublicKey
    algorithm: SignatureAlgorithm
    key_id: str
    topics: frozenset[Topic]
    is_simulator: bool = False

    def __post_init__(self) -> None:
        require_usable(self.pinned)

    @property
    def pinned(self) -> PinnedKey:
        """What verifies its tokens."""
        return PinnedKey(self.public_key, self.algorithm, self.key_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What an assertion must be the answer to. `lifetime` bounds what a provider may grant itself,
    `skew` forgives clocks.
    """

    topic: Topic
    audience: str
    application: str
    nonce: str = field(repr=False)
    lifetime: timedelta = LIFETIME
    skew: timedelta = SKEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Assertion:
    """A verified assertion. `identity` is what a store may accept once, ever."""

    provider: str
    transaction: str
    topic: Topic
    application: str
    nonce: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime
    answer: Answer
    digest: bytes
    from_simulator: bool = False

    @property
    def identity(self) -> str:
        """Provider and transaction as one SHA-256, in hexadecimal."""
        return hashlib.sha256(f"{self.provider}\0{self.transaction}".encode()).hexdigest()


def read_assertion(
    token: bytes, *, provider: TrustedProvider, expected: Expectation, at: datetime
) -> Assertion:
    """Verify one assertion (a compact JWS) against the provider's key and what we asked.

    Raises MalformedAssertion, AssertionRefused with the reason, NaiveDatetime.
    """
    found = open_assertion(
        token,
        provider=provider,
        topic=expected.topic,
        audience=expected.audience,
        at=at,
        lifetime=expected.lifetime,
        skew=expected.skew,
    )
    if found.application != expected.application:
        raise AssertionRefused(reason="application")
    if found.nonce != expected.nonce:
        raise AssertionRefused(reason="nonce")
    return found


def open_assertion(
    token: bytes,
    *,
    provider: TrustedProvider,
    topic: Topic,
    audience: str,
    at: datetime,
    lifetime: timedelta = LIFETIME,
    skew: timedelta = SKEW,
) -> Assertion:
    """The same for one who compares application and nonce afterwards, as the desk's guards do.

    Raises MalformedAssertion, AssertionRefused, NaiveDatetime.
    """
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    if topic not in provider.topics:
        raise AssertionRefused(reason="topic")
    verified = verify_jws(token, pinned=provider.pinned)
    try:
        claims = _Members(verified.payload)
        issuer, addressee = claims.text("iss"), claims.text("aud")
        about, application = claims.text("evidence"), claims.text("application")
        nonce, transaction = claims.text("nonce"), claims.text("jti")
        issued_at, expires_at = instant(claims.whole("iat")), instant(claims.whole("exp"))
        result = claims.members("result")
        claims.finish()
    except ValueError as error:
        raise MalformedAssertion(reason=f"payload: {error}") from None
    for holds, reason in (
        (issuer == provider.issuer, "issuer"),
        (addressee == audience, "audience"),
        (about == topic.value, "topic"),
        (timedelta(0) < expires_at - issued_at <= lifetime, "lifetime"),
        (issued_at <= at + skew, "not_yet_valid"),
        (at < expires_at + skew, "expired"),
    ):
        if not holds:
            raise AssertionRefused(reason=reason)
    try:
        answer = _READERS[topic](result)
        result.finish()
    except ValueError as error:
        raise MalformedAssertion(reason=f"result: {error}") from None
    if isinstance(answer, FaceMatch) and not (
        issued_at - lifetime <= answer.captured_at <= issued_at + skew
    ):
        raise AssertionRefused(reason="capture_time")
    return Assertion(
        provider=issuer,
        transaction=transaction,
        topic=topic,
        application=application,
        nonce=nonce,
        issued_at=issued_at,
        expires_at=expires_at,
        answer=answer,
        digest=hashlib.sha256(verified.signing_input).digest(),
        from_simulator=provider.is_simulator,
    )


def write_assertion(
    answer: Answer,
    *,
    expected: Expectation,
    issuer: str,
    transaction: str,
    at: datetime,
    signer: TokenSigner,
    key_id: str,
    lifetime: timedelta = timedelta(minutes=5),
) -> bytes:
    """The token of an answer, for those who play a provider. Raises InvalidArgument."""
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    if not isinstance(answer, _TYPES[expected.topic]):
        raise InvalidArgument(argument="answer", reason="of another topic")
    issued = int(at.timestamp())
    payload: dict[str, object] = {
        "iss": issuer,
        "aud": expected.audience,
        "evidence": expected.topic.value,
        "application": expected.application,
        "nonce": expected.nonce,
        "jti": transaction,
        "iat": issued,
        "exp": issued + int(lifetime.total_seconds()),
        "result": _result(answer),
    }
    return sign_jws(payload, signer=signer, key_id=key_id)


class _Members:
    """The members of an object, taken one by one; what is left at the end refuses it."""

    def __init__(self, members: Mapping[str, object]) -> None:
        self._left = dict(members)

    def _take(self, name: str, kind: type[T]) -> T:
        value = self._left.pop(name, None)
        if type(value) is not kind:
            raise ValueError(f"no {name}")
        return value

    def text(self, name: str) -> str:
        value = self._take(name, str)
        if not value or len(value) > _TEXT_LIMIT:
            raise ValueError(f"{name} is empty or too long")
        return value

    def words(self, name: str) -> str:
        value = self._take(name, str)
        if len(value) > _TEXT_LIMIT:
            raise ValueError(f"{name} is too long")
        return value

    def whole(self, name: str, maximum: int = 2**40) -> int:
        value = self._take(name, int)
        if not 0 <= value <= maximum:
            raise ValueError(f"{name} is out of range")
        return value

    def members(self, name: str) -> _Members:
        return _Members(self._take(name, dict))

    def one_of(self, name: str, kind: Callable[[str], T]) -> T:
        try:
            return kind(self.text(name))
        except ValueError:
            raise ValueError(f"{name} is none of its values") from None

    def finish(self) -> None:
        if self._left:
            raise ValueError("a member that is not known")


def _face_match(members: _Members) -> FaceMatch:
    digest = members.one_of("capture_digest", bytes.fromhex)
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError("capture_digest is no SHA-256")
    return FaceMatch(
        reference=members.one_of("reference", FaceReference),
        score=members.whole("score", SCORE_LIMIT),
        threshold=members.whole("threshold", SCORE_LIMIT),
        liveness=members.one_of("liveness", LivenessMethod),
        presentation=members.one_of("presentation", Detection),
        presentation_level=members.whole("presentation_level", 3),
        injection=members.one_of("injection", Detection),
        captured_at=instant(members.whole("captured_at")),
        capture_digest=digest,
    )


def _register(members: _Members) -> RegisterAnswer:
    life = members.one_of("life", LifeStatus)
    if life is LifeStatus.NOT_FOUND:
        return RegisterAnswer(life=life)
    return RegisterAnswer(
        life=life,
        personal_number=members.text("personal_number"),
        surname=members.text("surname"),
        given_name=members.words("given_name"),
        born=members.one_of("born", date.fromisoformat),
        nationality=members.text("nationality"),
    )


def _phone(members: _Members) -> PhoneAnswer:
    return PhoneAnswer(
        personal_number=members.text("personal_number"), phone=members.words("phone")
    )


def _document(members: _Members) -> DocumentAnswer:
    return DocumentAnswer(
        issuing_state=members.text("issuing_state"),
        number=members.text("number"),
        status=members.one_of("status", DocumentStatus),
    )


_READERS: Final[Mapping[Topic, Callable[[_Members], Answer]]] = MappingProxyType({
    Topic.FACE_MATCH: _face_match,
    Topic.REGISTER: _register,
    Topic.PHONE: _phone,
    Topic.DOCUMENT_STATUS: _document,
})  # fmt: skip
_TYPES: Final[Mapping[Topic, type[Answer]]] = MappingProxyType({
    Topic.FACE_MATCH: FaceMatch,
    Topic.REGISTER: RegisterAnswer,
    Topic.PHONE: PhoneAnswer,
    Topic.DOCUMENT_STATUS: DocumentAnswer,
})  # fmt: skip


def _result(answer: Answer) -> dict[str, Any]:
    names = type(answer).__dataclass_fields__
    found = {name: _plain(getattr(answer, name)) for name in names}
    if isinstance(answer, RegisterAnswer) and answer.life is LifeStatus.NOT_FOUND:
        return {"life": found["life"]}
    return found


def _plain(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return int(value.timestamp())
    return value.isoformat() if isinstance(value, date) else value
