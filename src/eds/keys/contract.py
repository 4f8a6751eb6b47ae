"""The one contract of every key store: who may sign, for what, and how a secret is asked for.

A `KeyStore` keeps private keys with their certificates and purpose; a `Signer` is one of them,
opened. Files and tokens pass the same tests. A PIN or password is asked for by a callback at
the moment it is needed, and never carried in a URI, an argument of a command or a setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum, Flag
from typing import Final, Protocol, runtime_checkable

from ..algorithms import SignatureAlgorithm
from ..certificates import Certificate
from ..errors import KeyPurposeForbidden, PasswordRefused
from ..publickeys import PublicKey
from .privatekeys import PrivateKey


class KeyPurpose(Flag):
    """What a key is for. The store keeps it; `open` enforces it.

    A key without a statement (made by other software, without a certificate) is not limited,
    like a certificate without a key usage extension (RFC 5280 §4.2.1.3).
    """

    SIGNATURE = 1  # documents: contentCommitment
    AUTHENTICATION = 2  # login: digitalSignature
    CERTIFICATION = 4  # certificates and lists: keyCertSign, cRLSign

    @property
    def words(self) -> str:
        """For people: "signature", "signature and authentication" …"""
        return " and ".join((flag.name or "").lower() for flag in self) or "nothing"


UNLIMITED: Final = KeyPurpose.SIGNATURE | KeyPurpose.AUTHENTICATION | KeyPurpose.CERTIFICATION


class Secret:
    """A PIN or password. Its repr, str and format never show it; it does not pickle.

    Python cannot promise that memory is wiped; keys that must never be in this process's
    memory belong in a token.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str | bytes) -> None:
        self._value = value.encode() if isinstance(value, str) else bytes(value)

    def reveal(self) -> bytes:
        """The octets (UTF-8 if text was given). Do not keep them."""
        return self._value

    def reveal_text(self) -> str:
        """The text. Raises PasswordRefused when the octets are not UTF-8."""
        try:
            return self._value.decode()
        except UnicodeDecodeError:
            raise PasswordRefused(reason="the password is not UTF-8 text") from None

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> str:
        raise TypeError("a secret is not pickled")


class PinKind(Enum):
    """Which secret is wanted."""

    CURRENT = "current"  # that opens the key or token now
    NEW = "new"  # that will: ask twice


@dataclass(frozen=True, slots=True, kw_only=True)
class PinRequest:
    """What a PIN is asked for, so that a prompt can say it.

    `target` names the file or token; `few_tries_left` and `final_try` are what the token says
    (PKCS #11 CKF_USER_PIN_COUNT_LOW, CKF_USER_PIN_FINAL_TRY). A final try is asked for, never
    taken by itself: a source that answers accepts the risk of locking the token.
    """

    target: str
    kind: PinKind = PinKind.CURRENT
    few_tries_left: bool = False
    final_try: bool = False


class PinSource(Protocol):
    """Asks a person, a file descriptor or an agent. Called at most once for each try."""

    def __call__(self, request: PinRequest, /) -> Secret:
        """The secret. Raises SecretUnavailable when there is nobody to ask."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRef:
    """A key in a store, as far as it can be known without its PIN.

    `uri` opens it again (`file:` or RFC 7512 `pkcs11:`). `identifier` is CKA_ID in tokens,
    the SHA-1 key identifier of the public key in files. `public_key`, `algorithm` are None
    where the store does not tell them before the PIN (a bare PKCS#12 or PKCS#8).
    """

    uri: str
    label: str
    identifier: bytes = b""
    purpose: KeyPurpose = UNLIMITED
    algorithm: SignatureAlgorithm | None = None
    public_key: PublicKey | None = None
    certificates: tuple[Certificate, ...] = ()

    @property
    def certificate(self) -> Certificate | None:
        """The certificate for this key, if the store has it."""
        return next((c for c in self.certificates if c.public_key == self.public_key), None)

    def require(self, purpose: KeyPurpose) -> None:
        """Raises KeyPurposeForbidden unless the key is kept for all of `purpose`."""
        if purpose not in self.purpose:
            raise KeyPurposeForbidden(
                key=self.label, allowed=self.purpose.words, wanted=purpose.words
            )


@runtime_checkable
class Signer(Protocol):
    """A private key that can sign. Where it lives is its store's business.

    May be used by several threads at once, until its context ends.
    """

    @property
    def key(self) -> KeyRef:
        """The key, with everything its store knows of it."""
        ...

    @property
    def public_key(self) -> PublicKey: ...

    @property
    def algorithm(self) -> SignatureAlgorithm:
        """How `sign` signs: fixed when the key was opened."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Hash and sign `message`. ECDSA values are DER `Ecdsa-Sig-Value` (RFC 3279 §2.2.3)."""
        ...


@runtime_checkable
class KeyStore(Protocol):
    """Private keys with their certificates and purpose."""

    @property
    def uri(self) -> str: ...

    def keys(self) -> tuple[KeyRef, ...]:
        """All keys, without asking for a PIN where the store allows it."""
        ...

    def find(self, name: str) -> KeyRef:
        """The key of that label or hexadecimal identifier. Raises KeyNotFound, KeyAmbiguous."""
        ...

    def generate(
        self,
        *,
        label: str,
        algorithm: SignatureAlgorithm,
        purpose: KeyPurpose,
        pin: PinSource,
        rsa_bits: int = 3072,
    ) -> KeyRef:
        """Make a key in the store. `rsa_bits` is the modulus length, for RSA alone.

        Raises KeyExists, AlgorithmUnavailable, OperationUnsupported, PinIncorrect.
        """
        ...

    def add(
        self,
        private_key: PrivateKey,
        *,
        label: str,
        purpose: KeyPurpose,
        pin: PinSource,
        algorithm: SignatureAlgorithm | None = None,
        certificates: Sequence[Certificate] = (),
    ) -> KeyRef:
        """Keep a private key that was made elsewhere. It is checked here, once.

        Raises KeyExists, InvalidKey, CertificateMismatch, OperationUnsupported.
        """
        ...

    def open(
        self,
        key: KeyRef,
        *,
        purpose: KeyPurpose,
        pin: PinSource,
        algorithm: SignatureAlgorithm | None = None,
    ) -> AbstractContextManager[Signer]:
        """Open `key` for `purpose`, to sign with `algorithm` or what the store keeps for it.

        Raises KeyPurposeForbidden, AlgorithmKeyMismatch, KeyNotFound, PinIncorrect or
        PasswordIncorrect, PinLocked, TokenAbsent.
        """
        ...

    def export(self, key: KeyRef, *, pin: PinSource) -> PrivateKey:
        """The private key itself. Raises OperationUnsupported: tokens do not give it."""
        ...

    def store_certificates(
        self, key: KeyRef, certificates: Sequence[Certificate], *, pin: PinSource
    ) -> KeyRef:
        """Keep `certificates` beside the key in place of those there: its own, then issuers.

        Raises CertificateMismatch when the first is not for this key.
        """
        ...

    def change_pin(self, key: KeyRef, *, pin: PinSource) -> None:
        """Change the secret that protects `key` (in a token: the user PIN of the whole token).

        `pin` is asked twice: for the current and for the new one.
        """
        ...

    def delete(self, key: KeyRef, *, pin: PinSource) -> None:
        """Remove the key, its certificates and what was kept beside it."""
        ...
