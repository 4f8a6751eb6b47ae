"""Trust: which keys a relying party believes, for what, and under which name of the whole set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import cached_property
from typing import Final, Self, TypeVar

from ..certificatelists import CertificateList
from ..certificates import Certificate
from ..errors import DecodeError, EnvironmentsMixed, InvalidArgument, NaiveDatetime
from ..names import Name
from .memo import Memo
from .path_proofs import Proofs

T = TypeVar("T")


class Purpose(Enum):
    """What a path is proven for."""

    SIGNATURE = "signature"  # documents
    AUTHENTICATION = "authentication"
    TIME_STAMPING = "time-stamping"
    OCSP_SIGNING = "ocsp-signing"
    LIST_SIGNING = "list-signing"
    ANY = "any"  # only the path as such (RFC 5280 §6)

    __hash__ = object.__hash__  # each member is one object; that of Enum is a call


class Environment(Enum):
    """Production and test sets are never mixed."""

    PRODUCTION = "production"
    TEST = "test"


_OCTETS_OF_LISTS: Final = 128 * 1024 * 1024

EVERY_PURPOSE: Final = frozenset(Purpose)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustAnchor:
    """One key that is believed without further proof (RFC 5280 §6.1.1 d).

    `certificate` carries its name and key. `purposes` is what paths to it may be proven for;
    `until` and `since` bound the time at which it is believed, as trusted lists do. `source`
    tells people why it is here.
    """

    certificate: Certificate
    purposes: frozenset[Purpose] = EVERY_PURPOSE
    since: datetime | None = None
    until: datetime | None = None
    source: str = ""

    def __post_init__(self) -> None:
        if self.since is not None and self.since.utcoffset() is None:
            raise NaiveDatetime(argument="since")
        if self.until is not None and self.until.utcoffset() is None:
            raise NaiveDatetime(argument="until")

    def is_believed(self, *, at: datetime) -> bool:
        """Whether `at` lies between `since` and `until`, both included."""
        return (self.since is None or self.since <= at) and (self.until is None or at <= self.until)


class TrustStore:
    """An explicit, versioned set of anchors and known intermediates; nothing is downloaded.

    `name` and `environment` say which set it is. `certificates` are intermediates known
    beforehand: they help to build paths and are proven like any other. Two stores are equal
    when their content is; `digest` names that content, 32 octets.

    `verified_lists` holds revocation lists whose signature was verified, by fingerprint and key,
    so that a large one is verified and indexed once; it is no part of the content.

    Raises InvalidArgument for an empty name.
    """

    def __init__(
        self,
        anchors: Iterable[TrustAnchor],
        *,
        certificates: Iterable[Certificate] = (),
        name: str = "custom",
        environment: Environment = Environment.PRODUCTION,
    ) -> None:
        if not name:
            raise InvalidArgument(argument="name", reason="a set of anchors has a name")
        self.name: Final = name
        self.environment: Final = environment
        self.anchors: Final = _once(anchors)
        self.certificates: Final = _once(certificates)
        self.verified_lists: Final[Memo[CertificateList]] = Memo(
            entries=4096, weight=_OCTETS_OF_LISTS
        )
        self.proofs: Final = Proofs()
        """What was proven with it: kept here and nowhere else, and never part of its content."""
        # By their octets: to ask a certificate for its hash costs more than all else.
        known: dict[bytes, Certificate] = {}
        by_octets: dict[bytes, list[TrustAnchor]] = {}
        for anchor in self.anchors:
            certificate = anchor.certificate
            by_octets.setdefault(certificate.encoded, []).append(anchor)
            known[certificate.encoded] = certificate
        for certificate in self.certificates:
            known.setdefault(certificate.encoded, certificate)
        named: dict[Hashable, list[Certificate]] = {}
        spelt: dict[bytes, Hashable] = {}
        for certificate in known.values():
            try:
                key: Hashable = certificate.subject.prepared
            except DecodeError:
                continue  # a subject that cannot be read is nobody's issuer
            spelt[certificate.subject_encoded] = key
            named.setdefault(key, []).append(certificate)
        self._anchors: Final = by_octets
        self._known: Final = known
        self._spelt: Final = spelt
        self._named: Final = {key: tuple(found) for key, found in named.items()}

    @cached_property
    def digest(self) -> bytes:
        """What names its content, 32 octets."""
        return _digest(self)

    @classmethod
    def from_pem(
        cls,
        data: bytes,
        *,
        name: str,
        environment: Environment,
        purposes: frozenset[Purpose] = EVERY_PURPOSE,
        certificates: bytes = b"",
    ) -> Self:
        """The store whose anchors are all certificates in `data`, PEM or DER.

        `certificates` holds intermediates, likewise. Raises MalformedCertificate, MalformedPem,
        InvalidArgument where `data` holds none.
        """
        anchors = Certificate.certificates(data)
        if not anchors:
            raise InvalidArgument(argument="data", reason="no certificate in it")
        return cls(
            [TrustAnchor(certificate=one, purposes=purposes) for one in anchors],
            certificates=Certificate.certificates(certificates) if certificates else (),
            name=name,
            environment=environment,
        )

    @classmethod
    def join(cls, *stores: TrustStore, name: str) -> Self:
        """The store that believes all that `stores` do, of one environment.

        Raises EnvironmentsMixed, and InvalidArgument for no store at all.
        """
        environments = {store.environment for store in stores}
        if not environments:
            raise InvalidArgument(argument="stores", reason="there is none")
        if len(environments) > 1:
            raise EnvironmentsMixed(names=tuple(store.name for store in stores))
        return cls(
            (anchor for store in stores for anchor in store.anchors),
            certificates=(one for store in stores for one in store.certificates),
            name=name,
            environment=environments.pop(),
        )

    def anchor(
        self, certificate: Certificate, purpose: Purpose, *, at: datetime
    ) -> TrustAnchor | None:
        """The anchor that this certificate is for that purpose, if need be at another time."""
        found = None
        for anchor in self._anchors.get(certificate.encoded, ()):
            if purpose in anchor.purposes:
                if anchor.is_believed(at=at):
                    return anchor
                found = found or anchor
        return found

    def is_anchor(self, certificate: Certificate) -> bool:
        """Whether it is an anchor for any purpose."""
        return certificate.encoded in self._anchors

    def named(self, subject: Name) -> tuple[Certificate, ...]:
        """The certificates of the store, anchors first, with that subject (RFC 5280 §7.1).

        Raises MalformedName.
        """
        return self._named.get(self.prepared(subject), ())

    def prepared(self, name: Name) -> Hashable:
        """What `name` is compared by (`Name.prepared`), at hand for subjects of the store.

        Raises MalformedName.
        """
        spelt = self._spelt.get(name.encoded)
        return name.prepared if spelt is None else spelt

    def __contains__(self, certificate: Certificate) -> bool:
        return certificate.encoded in self._known

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TrustStore) and self.digest == other.digest

    def __reduce__(self) -> tuple[Callable[..., TrustStore], tuple[object, ...]]:
        # To another process goes what is believed; what was proven stays here.
        return _restored, (self.anchors, self.certificates, self.name, self.environment)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        return f"<TrustStore {self.name!r} {len(self.anchors)} anchors {self.digest.hex()[:16]}>"


def _restored(
    anchors: tuple[TrustAnchor, ...],
    certificates: tuple[Certificate, ...],
    name: str,
    environment: Environment,
) -> TrustStore:
    return TrustStore(anchors, certificates=certificates, name=name, environment=environment)


def _once(items: Iterable[T]) -> tuple[T, ...]:
    """The items in their order, each once."""
    found = tuple(items)
    return found if len(found) < 2 else tuple(dict.fromkeys(found))


def _digest(store: TrustStore) -> bytes:
    """SHA-256 over what the store believes, in an order of its own: the same set, the same name."""
    lines = [f"{store.name}\0{store.environment.value}"]
    lines += sorted(
        "\0".join(
            (
                anchor.certificate.fingerprint.hex(),
                *sorted(purpose.value for purpose in anchor.purposes),
                "" if anchor.since is None else anchor.since.isoformat(),
                "" if anchor.until is None else anchor.until.isoformat(),
            )
        )
        for anchor in store.anchors
    )
    lines += sorted(one.fingerprint.hex() for one in store.certificates)
    return hashlib.sha256("\n".join(lines).encode()).digest()
