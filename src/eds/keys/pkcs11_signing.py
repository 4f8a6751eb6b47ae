"""How a token signs: the mechanism for an algorithm, and a key of the token as a `Signer`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NoReturn

import pkcs11
from pkcs11 import Attribute, Mechanism, ObjectClass
from pkcs11.mechanisms import MGF

from eds import der
from eds.algorithms import KeyType, Padding, SignatureAlgorithm
from eds.errors import AlgorithmUnavailable, KeyAmbiguous, OperationUnsupported, TokenFailed
from eds.keys.contract import KeyRef, PinSource
from eds.keys.pkcs11_objects import find, value
from eds.keys.pkcs11_sessions import KeyGone, Seat, TokenSessions
from eds.keys.signers import SEALED
from eds.publickeys import PublicKey

# A signature that is longer than this costs one more allocation.
_BUFFER: Final = 1024
_KEY_TYPES: Final = (KeyType.RSA, KeyType.EC, KeyType.ED25519)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenMechanism:
    """How the token is asked: the mechanism, its parameter, and what it is fed and answers."""

    mechanism: Mechanism
    parameter: Any = None
    feed: Callable[[bytes], bytes]
    answer: Callable[[bytes], bytes]


def mechanism_names(token: pkcs11.Token) -> frozenset[str]:
    """The CKM names of what the token can do; what has none is not used here."""
    known: Iterable[object] = token.slot.get_mechanisms()
    return frozenset(f"CKM_{one.name}" for one in known if isinstance(one, Mechanism))


def choose_mechanism(
    algorithm: SignatureAlgorithm, available: Container[str], *, token: str
) -> TokenMechanism:
    """The mechanism for whole messages if the token has it, else the one for digests.

    Raises AlgorithmUnavailable for keys that are not used in tokens here, OperationUnsupported
    where this token has no mechanism for the algorithm.
    """
    if algorithm.key_type not in _KEY_TYPES:
        raise AlgorithmUnavailable(
            algorithm=algorithm.name, reason="such keys are not kept in tokens here"
        )
    whole, raw = algorithm.pkcs11_mechanism or "", algorithm.pkcs11_raw_mechanism or ""
    answer = _ecdsa_value(algorithm, token) if algorithm.curve is not None else _same
    parameter = _pss_parameter(algorithm)
    # The digest of ECDSA is made here where it can be: tokens are slow at it.
    if whole in available and not (algorithm.curve is not None and raw in available):
        return TokenMechanism(
            mechanism=Mechanism[whole.removeprefix("CKM_")],
            parameter=parameter,
            feed=_same,
            answer=answer,
        )
    if raw in available and algorithm.digest is not None:
        return TokenMechanism(
            mechanism=Mechanism[raw.removeprefix("CKM_")],
            parameter=parameter,
            feed=_digester(algorithm),
            answer=answer,
        )
    raise OperationUnsupported(operation=f"sign with {algorithm.name}", store=f"token {token!r}")


def _same(value: bytes) -> bytes:
    return value


def _pss_parameter(algorithm: SignatureAlgorithm) -> tuple[Mechanism, MGF, int] | None:
    digest, mask, salt_length = algorithm.digest, algorithm.mgf_digest, algorithm.salt_length
    if algorithm.padding is not Padding.PSS or not digest or not mask or salt_length is None:
        return None
    return Mechanism[digest.name.upper()], MGF[mask.name.upper()], salt_length


def _digester(algorithm: SignatureAlgorithm) -> Callable[[bytes], bytes]:
    """The digest of a message, in a DigestInfo where CKM_RSA_PKCS wants one (RFC 8017 §9.2)."""
    digest = algorithm.digest
    if digest is None:
        return _same
    # The constructor by its name: `hashlib.new` takes three times as long.
    make = getattr(hashlib, digest.name, None) or partial(hashlib.new, digest.name)
    if algorithm.padding is not Padding.PKCS1V15:
        return lambda message: make(message).digest()
    head = der.sequence(der.object_identifier(digest.oid), der.null())
    prefix = der.sequence(head, der.octet_string(bytes(digest.size)))[: -digest.size]
    return lambda message: prefix + make(message).digest()


def _ecdsa_value(algorithm: SignatureAlgorithm, token: str) -> Callable[[bytes], bytes]:
    """R and s side by side (PKCS #11 §6.3.1) as Ecdsa-Sig-Value (RFC 3279 §2.2.3)."""
    longest = 2 * ((algorithm.curve.bits + 7) // 8) if algorithm.curve is not None else 0

    def encode(raw: bytes) -> bytes:
        size = len(raw)
        if not 0 < size <= longest or size % 2:
            raise TokenFailed(token=token, reason=f"an ECDSA signature of {size} octets")
        half = size // 2
        return der.sequence(_integer(raw[:half]), _integer(raw[half:]))

    return encode


def _integer(unsigned: bytes) -> bytes:
    """INTEGER of an unsigned number below 2^1000, at a third of what the way over int costs."""
    shortest = unsigned.lstrip(b"\0") or b"\0"
    if shortest[0] > 127:
        return b"\x02%c\0%b" % (len(shortest) + 1, shortest)
    return b"\x02%c%b" % (len(shortest), shortest)


class TokenSigner:
    """A key of a token, opened: a `Signer`. Each signature takes a session of its own."""

    def __init__(
        self,
        sessions: TokenSessions,
        *,
        key: KeyRef,
        public_key: PublicKey,
        algorithm: SignatureAlgorithm,
        mechanism: TokenMechanism,
        pin: PinSource,
    ) -> None:
        self.key = key
        self.public_key = public_key
        self.algorithm = algorithm
        self._sessions = sessions
        self._mechanism = mechanism
        self._call = sessions.module.signing_call(mechanism.mechanism, mechanism.parameter)
        self._pin = pin
        self._place = (key.identifier, key.label)
        self._asks_each_time = False
        self._process = os.getpid()
        self._open = True

    def prepare(self) -> None:
        """Find the private key now, so that its absence is known before it is needed.

        Raises KeyNotFound, KeyAmbiguous, TokenAbsent, OperationUnsupported.
        """
        self._asks_each_time = self._sessions.call(self._wants_pin, self._pin)
        if self._asks_each_time and self._sessions.has_key_pad():
            raise OperationUnsupported(
                operation="ask on its key pad for each signature", store=repr(self)
            )

    def sign(self, message: bytes) -> bytes:
        """Hash and sign `message`; ECDSA values are DER. Asks the PIN where the key wants it.

        Raises OperationUnsupported once closed and after a fork, TokenAbsent, TokenFailed;
        PinIncorrect and PinLocked where a PIN had to be asked for.
        """
        if not self._open or self._process != os.getpid():
            self._refuse()
        way = self._mechanism
        data = way.feed(message)
        if self._asks_each_time:
            with SEALED:
                signature = self._sign_with_pin(data)
        else:
            signature = self._sessions.call(self._work(data), self._pin)
        return way.answer(signature)

    def _sign_with_pin(self, data: bytes) -> bytes:
        pin = self._sessions.ask(self._pin).decode()
        return self._sessions.call(lambda seat: self._slowly(seat, data, pin=pin), self._pin)

    def _work(self, data: bytes) -> Callable[[Seat], bytes]:
        call, place = self._call, self._place
        if call is None:
            return lambda seat: self._slowly(seat, data)

        def work(seat: Seat) -> bytes:
            handle = seat.keys.get(place)
            if handle is None:
                handle = seat.keys[place] = self._private_key(seat).handle
            return call(seat.handle, handle, data, seat.room)

        return work

    def _slowly(self, seat: Seat, data: bytes, **options: Any) -> bytes:
        """By python-pkcs11, which can give a PIN between C_SignInit and C_Sign."""
        way = self._mechanism
        return self._private_key(seat).sign(  # type: ignore[no-any-return]
            data,
            mechanism=way.mechanism,
            mechanism_param=way.parameter,
            buffer_size=_BUFFER,
            **options,
        )

    def _wants_pin(self, seat: Seat) -> bool:
        return bool(value(self._private_key(seat), Attribute.ALWAYS_AUTHENTICATE))

    def _private_key(self, seat: Seat) -> Any:
        identifier, label = self._place
        wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
        found = find(seat.session, {**wanted, Attribute.ID: identifier}) if identifier else []
        if len(found) != 1:
            # Keys of other software may share an identifier, or have none.
            named = {**wanted, Attribute.ID: identifier, Attribute.LABEL: label}
            again = find(seat.session, named)
            if not again and not found:
                raise KeyGone(label)
            found = again or found
        if len(found) > 1:
            raise KeyAmbiguous(key=label, count=len(found))
        return found[0]

    def _refuse(self) -> NoReturn:
        when = "after its context has ended" if not self._open else "in a process it was forked to"
        raise OperationUnsupported(
            operation=f"sign {when}", store=f"the signer of {self.key.label!r}"
        )

    def close(self) -> None:
        """Sign nothing more."""
        self._open = False

    def __repr__(self) -> str:
        return f"<signer {self.key.label!r} {self.algorithm.name}>"

    def __reduce__(self) -> str:
        raise TypeError("a signer is not pickled")
