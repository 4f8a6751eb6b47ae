"""PKCS #11 tokens as a `KeyStore`: the key never leaves, everything beside it is public.

A key is its private and public key objects, its certificates, and a data object that says
what it is for, all under one CKA_ID: the SHA-1 key identifier of the public key. Listing needs
no PIN. Private keys are made sensitive, not extractable, and able to sign and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Final

import pkcs11
from pkcs11 import Attribute, Mechanism, ObjectClass, TokenFlag
from pkcs11 import KeyType as TokenKeyType
from pkcs11.constants import CertificateType, MechanismFlag
from pkcs11.mechanisms import MGF

from eds import der
from eds.algorithms import (
    EC_PUBLIC_KEY,
    ED25519,
    RSA_ENCRYPTION,
    KeyType,
    Padding,
    SignatureAlgorithm,
    signature_algorithm,
)
from eds.certificates import Certificate
from eds.errors import (
    CertificateMismatch,
    DecodeError,
    EdsError,
    InvalidArgument,
    KeyAmbiguous,
    KeyExists,
    KeyNotFound,
    MalformedPublicKey,
    OperationUnsupported,
    TokenAbsent,
    UnknownAlgorithm,
)
from eds.extensions import KeyUsage
from eds.keys.contract import (
    UNLIMITED,
    KeyPurpose,
    KeyRef,
    PinKind,
    PinRequest,
    PinSource,
    Signer,
)
from eds.keys.pkcs11_module import ENVIRONMENT, Module, module_path, translated
from eds.keys.pkcs11_sessions import Seat, TokenSessions, require_pin
from eds.keys.privatekeys import PrivateKey, default_algorithm, require_algorithm
from eds.keys.uris import TokenUri
from eds.publickeys import PublicKey

__all__ = ["ENVIRONMENT", "TokenInfo", "TokenKeyStore", "tokens"]

_APPLICATION: Final = "eds key"  # CKA_APPLICATION of the data object beside a key
_SMALLEST_RSA: Final = 2048
_ED25519_PARAMETERS: Final = (
    der.printable_string("edwards25519"),
    der.object_identifier(ED25519.oid),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenInfo:
    """A token as it describes itself. `mechanisms` are CKM names; the flags speak of the PIN."""

    uri: str
    label: str
    serial: str
    manufacturer: str
    model: str
    login_required: bool
    pin_pad: bool
    few_tries_left: bool
    final_try: bool
    locked: bool
    mechanisms: tuple[str, ...]


def tokens(uri: TokenUri, *, module: str | None, environment: str | None) -> tuple[TokenInfo, ...]:
    """The tokens that answer to `uri` now. Raises ModuleUnavailable."""
    loaded = _module(uri, module, environment)
    return tuple(_info(uri, token) for token in loaded.tokens() if _answers(token, uri))


def _module(uri: TokenUri, module: str | None, environment: str | None) -> Module:
    path, name = (module, None) if module else (uri.module_path, uri.module_name)
    return Module.get(module_path(path=path, name=name, environment=environment))


def _answers(token: pkcs11.Token, uri: TokenUri) -> bool:
    wanted = (
        (uri.token, token.label),
        (uri.serial, _text(token.serial)),
        (uri.manufacturer, token.manufacturer_id),
        (uri.model, token.model),
        (uri.slot_id, token.slot.slot_id),
        (uri.slot_manufacturer, token.slot.manufacturer_id),
        (uri.slot_description, token.slot.slot_description),
    )
    return all(value is None or value == found for value, found in wanted)


def _text(value: bytes | str) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return text.rstrip(" \0")


def _place(uri: TokenUri, token: pkcs11.Token) -> TokenUri:
    """The URI that means this token and no other."""
    return TokenUri(
        token=token.label,
        serial=_text(token.serial),
        manufacturer=token.manufacturer_id,
        model=token.model,
        module_path=uri.module_path,
        module_name=uri.module_name,
    )


def _info(uri: TokenUri, token: pkcs11.Token) -> TokenInfo:
    flags = token.flags
    return TokenInfo(
        uri=str(_place(uri, token)),
        label=token.label,
        serial=_text(token.serial),
        manufacturer=token.manufacturer_id,
        model=token.model,
        login_required=bool(flags & TokenFlag.LOGIN_REQUIRED),
        pin_pad=bool(flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH),
        few_tries_left=bool(flags & TokenFlag.USER_PIN_COUNT_LOW),
        final_try=bool(flags & TokenFlag.USER_PIN_FINAL_TRY),
        locked=bool(flags & TokenFlag.USER_PIN_LOCKED),
        mechanisms=tuple(
            sorted(f"CKM_{m.name}" for m in token.slot.get_mechanisms() if isinstance(m, Mechanism))
        ),
    )


class TokenKeyStore:
    """The keys of one token. Threads may share it; after a fork keys are opened anew.

    The PIN is asked for when a key is opened, unless a signer of this process has the same
    token open: a token knows one login for a process.
    """

    def __init__(self, sessions: TokenSessions, uri: TokenUri) -> None:
        self._sessions = sessions
        self._uri = uri
        self._wanted = TokenUri(object=uri.object, id=uri.id)

    @classmethod
    def at(
        cls, uri: TokenUri, *, module: str | None = None, environment: str | None = None
    ) -> TokenKeyStore:
        """The store in the one token that answers to `uri`. `object` and `id` limit its keys.

        Raises ModuleUnavailable, TokenAbsent, KeyAmbiguous when several tokens answer.
        """
        if module is not None:
            uri = replace(
                uri,
                module_path=module if module.startswith("/") else None,
                module_name=None if module.startswith("/") else module,
            )
        loaded = _module(uri, None, environment)
        found = [token for token in loaded.tokens() if _answers(token, uri)]
        if not found:
            raise TokenAbsent(token=uri.token or str(uri))
        if len(found) > 1:
            raise KeyAmbiguous(key=str(uri), count=len(found))
        store = cls(TokenSessions.of(loaded, found[0]), _place(uri, found[0]))
        store._wanted = TokenUri(object=uri.object, id=uri.id)
        return store

    @property
    def uri(self) -> str:
        return str(self._uri)

    def __repr__(self) -> str:
        return f"<TokenKeyStore {self._sessions.name!r}>"

    def info(self) -> TokenInfo:
        """What the token says of itself and of its PIN, as it is now. Raises TokenAbsent."""
        with translated(self._sessions.name), self._sessions.module.turn():
            return _info(self._uri, self._sessions.token.slot.get_token())

    # -- looking

    def keys(self) -> tuple[KeyRef, ...]:
        with self._reading() as session:
            return tuple(self._refs(session))

    def find(self, name: str) -> KeyRef:
        refs = self.keys()
        found = [ref for ref in refs if ref.label == name]
        if not found:
            found = [ref for ref in refs if ref.identifier.hex() == name.lower()]
        if not found:
            raise KeyNotFound(key=name)
        if len(found) > 1:
            raise KeyAmbiguous(key=name, count=len(found))
        return found[0]

    def _refs(self, session: pkcs11.Session) -> Iterator[KeyRef]:
        kept = [_kept(item) for item in _objects(session, ObjectClass.DATA, _DATA)]
        certificates = [
            _certificate(item)
            for item in _objects(session, ObjectClass.CERTIFICATE, (Attribute.ID, Attribute.VALUE))
        ]
        seen: set[bytes] = set()
        for values in _objects(session, ObjectClass.PUBLIC_KEY, _PUBLIC):
            identifier, label = values.get(Attribute.ID) or b"", values.get(Attribute.LABEL) or ""
            seen.add(identifier)
            yield from self._ref(identifier, label, _public_key(values), kept, certificates)
        for identifier, certificate in certificates:
            # Cards of other makers keep no public key object, but a certificate.
            if identifier and identifier not in seen and certificate is not None:
                own = [c for i, c in certificates if i == identifier and c is not None]
                leaf = own[0]
                seen.add(identifier)
                label = identifier.hex()
                yield from self._ref(identifier, label, leaf.public_key, kept, certificates)

    def _ref(
        self,
        identifier: bytes,
        label: str,
        public_key: PublicKey | None,
        kept: list[_Kept],
        certificates: list[tuple[bytes, Certificate | None]],
    ) -> Iterator[KeyRef]:
        if self._wanted.object not in (None, label) or self._wanted.id not in (None, identifier):
            return
        own = tuple(c for i, c in certificates if i == identifier and c is not None)
        own = tuple(sorted(own, key=lambda c: c.public_key != public_key))
        stated = next((item for item in kept if item.identifier == identifier), None)
        algorithm = stated.algorithm if stated else None
        if algorithm is None and public_key is not None:
            try:
                algorithm = default_algorithm(public_key)
            except (UnknownAlgorithm, MalformedPublicKey):
                algorithm = None
        yield KeyRef(
            uri=str(replace(self._uri, object=label, id=identifier, type="private")),
            label=label,
            identifier=identifier,
            purpose=stated.purpose if stated else _purpose_of(own, public_key),
            algorithm=algorithm,
            public_key=public_key,
            certificates=own,
        )

    # -- making

    def generate(
        self,
        *,
        label: str,
        algorithm: SignatureAlgorithm,
        purpose: KeyPurpose,
        pin: PinSource,
        rsa_bits: int = 3072,
    ) -> KeyRef:
        self._require_free(label, purpose)
        if algorithm.key_type is KeyType.RSA and not _SMALLEST_RSA <= rsa_bits <= 16384:
            raise InvalidArgument(
                argument="rsa_bits", reason=f"new keys have at least {_SMALLEST_RSA} bits"
            )
        self._mechanism(algorithm)
        with self._sessions.writing(pin) as session, self._sessions.module.turn():
            public, private = _generate(session, algorithm, rsa_bits, label, self._sessions.name)
            try:
                public_key = _public_key(_values(public, _PUBLIC))
                if public_key is None:
                    raise OperationUnsupported(
                        operation="show the public key it made", store=self._name
                    )
                identifier = public_key.key_identifier
                public[Attribute.ID] = identifier
                private[Attribute.ID] = identifier
                _create_kept(session, identifier, label, purpose, algorithm)
            except BaseException:
                _destroy((private, public))
                raise
        return self._again(identifier, label)

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
        self._require_free(label, purpose)
        public_key = private_key.public_key()
        algorithm = algorithm or default_algorithm(public_key)
        require_algorithm(algorithm, public_key)
        _require_match(certificates, public_key, label)
        self._mechanism(algorithm)
        templates = _import_templates(private_key, label, self._name)
        identifier = public_key.key_identifier
        with self._sessions.writing(pin) as session, self._sessions.module.turn():
            if any(
                session.get_objects(
                    {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: identifier}
                )
            ):
                raise KeyExists(key=label)
            made: list[Any] = []
            try:
                for template in templates:
                    made.append(session.create_object({**template, Attribute.ID: identifier}))
                made.append(_create_kept(session, identifier, label, purpose, algorithm))
                made += _create_certificates(session, identifier, label, certificates)
            except BaseException:
                _destroy(made)
                raise
        return self._again(identifier, label)

    def _require_free(self, label: str, purpose: KeyPurpose) -> None:
        if not purpose:
            raise InvalidArgument(argument="purpose", reason="a key is kept for something")
        if not label or not label.isprintable() or len(label.encode()) > 200:
            raise InvalidArgument(argument="label", reason="1 to 200 octets of printable text")
        with self._reading() as session:
            for kind in (ObjectClass.PUBLIC_KEY, ObjectClass.DATA):
                if any(session.get_objects({Attribute.CLASS: kind, Attribute.LABEL: label})):
                    raise KeyExists(key=label)

    def _again(self, identifier: bytes, label: str) -> KeyRef:
        for ref in self.keys():
            if ref.identifier == identifier and ref.label == label:
                return ref
        raise KeyNotFound(key=label)

    # -- using

    @contextmanager
    def open(
        self,
        key: KeyRef,
        *,
        purpose: KeyPurpose,
        pin: PinSource,
        algorithm: SignatureAlgorithm | None = None,
    ) -> Iterator[Signer]:
        if not purpose:
            raise InvalidArgument(argument="purpose", reason="a key is opened for something")
        ref = self._resolve(key)
        ref.require(purpose)
        algorithm = algorithm or ref.algorithm
        if ref.public_key is None or algorithm is None:
            raise OperationUnsupported(operation="sign with a key of this kind", store=self._name)
        require_algorithm(algorithm, ref.public_key)
        mechanism = self._mechanism(algorithm)
        with self._sessions.logged_in(pin):
            signer = _TokenSigner(self._sessions, ref, ref.public_key, algorithm, mechanism, pin)
            signer.prepare()
            try:
                yield signer
            finally:
                signer.close()

    def export(self, key: KeyRef, *, pin: PinSource) -> PrivateKey:
        """Never: raises OperationUnsupported."""
        del key, pin
        raise OperationUnsupported(operation="give a private key away", store=self._name)

    # -- changing

    def store_certificates(
        self, key: KeyRef, certificates: Sequence[Certificate], *, pin: PinSource
    ) -> KeyRef:
        ref = self._resolve(key)
        _require_match(certificates, ref.public_key, ref.label)
        with self._sessions.writing(pin) as session, self._sessions.module.turn():
            # The new ones first: a token taken out meanwhile has them twice, not never.
            old = list(
                session.get_objects(
                    {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.ID: ref.identifier}
                )
            )
            _create_certificates(session, ref.identifier, ref.label, certificates)
            _destroy(old)
        return self._again(ref.identifier, ref.label)

    def change_pin(self, key: KeyRef, *, pin: PinSource) -> None:
        self._resolve(key)
        sessions = self._sessions
        old = sessions.ask(pin)
        new = require_pin(pin(PinRequest(target=f"token {sessions.name}", kind=PinKind.NEW)))
        with translated(sessions.name), sessions.module.turn():
            session = sessions.token.open(rw=True)
            try:
                session.set_pin(old.decode(), new.decode())
            finally:
                session.close()

    def delete(self, key: KeyRef, *, pin: PinSource) -> None:
        ref = self._resolve(key)
        with self._sessions.writing(pin) as session, self._sessions.module.turn():
            # The private key first: what remains of an interrupted removal can sign nothing.
            for kind in (ObjectClass.PRIVATE_KEY, ObjectClass.CERTIFICATE, ObjectClass.PUBLIC_KEY):
                _destroy(session.get_objects({Attribute.CLASS: kind, Attribute.ID: ref.identifier}))
            _destroy(
                session.get_objects(
                    {
                        Attribute.CLASS: ObjectClass.DATA,
                        Attribute.APPLICATION: _APPLICATION,
                        Attribute.LABEL: ref.label,
                    }
                )
            )

    # -- inside

    @property
    def _name(self) -> str:
        return f"token {self._sessions.name!r}"

    @contextmanager
    def _reading(self) -> Iterator[pkcs11.Session]:
        self._sessions.refresh()
        with self._sessions.reading() as session, self._sessions.module.turn():
            yield session

    def _resolve(self, key: KeyRef) -> KeyRef:
        """The key as the token has it now; what the caller holds may be old."""
        for ref in self.keys():
            if ref.identifier == key.identifier and ref.label == key.label:
                return ref
        raise KeyNotFound(key=key.label)

    def _mechanism(self, algorithm: SignatureAlgorithm) -> _Mechanism:
        with translated(self._sessions.name), self._sessions.module.turn():
            available = self._sessions.token.slot.get_mechanisms()
        return _choose(algorithm, available, self._name)


# --- signing --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mechanism:
    """How the token is asked: the mechanism, its parameter, and what it is fed and answers."""

    mechanism: Mechanism
    parameter: Any
    feed: Callable[[bytes], bytes]
    answer: Callable[[bytes], bytes]


def _same(value: bytes) -> bytes:
    return value


def _choose(algorithm: SignatureAlgorithm, available: Iterable[object], store: str) -> _Mechanism:
    """The mechanism that hashes by itself if the token has it, else the one for digests."""
    names = {m.name for m in available if isinstance(m, Mechanism)}
    digest = algorithm.digest
    whole = (algorithm.pkcs11_mechanism or "").removeprefix("CKM_")
    raw = (algorithm.pkcs11_raw_mechanism or "").removeprefix("CKM_")
    answer = _ecdsa_value if algorithm.key_type is KeyType.EC else _same
    parameter: Any = None
    if algorithm.padding is Padding.PSS and algorithm.mgf_digest and digest:
        parameter = (
            Mechanism[digest.name.upper()],
            MGF[algorithm.mgf_digest.name.upper()],
            algorithm.salt_length,
        )
    if algorithm.key_type is KeyType.EC:
        whole, raw = (whole, raw) if raw not in names else ("", raw)  # the digest is made here
    if whole in names:
        return _Mechanism(
            mechanism=Mechanism[whole], parameter=parameter, feed=_same, answer=answer
        )
    if raw in names and digest is not None:
        name = digest.name
        prefix = b""
        if algorithm.padding is Padding.PKCS1V15:
            head = der.sequence(der.object_identifier(digest.oid), der.null())
            prefix = der.sequence(head, der.octet_string(bytes(digest.size)))[: -digest.size]

        def feed(message: bytes) -> bytes:
            return prefix + hashlib.new(name, message).digest()

        return _Mechanism(mechanism=Mechanism[raw], parameter=parameter, feed=feed, answer=answer)
    raise OperationUnsupported(operation=f"sign with {algorithm.name}", store=store)


def _ecdsa_value(raw: bytes) -> bytes:
    """R and s side by side as Ecdsa-Sig-Value (RFC 3279 §2.2.3)."""
    half = len(raw) // 2
    r, s = int.from_bytes(raw[:half], "big"), int.from_bytes(raw[half:], "big")
    return der.sequence(der.integer(r), der.integer(s))


class _TokenSigner:
    """A key of a token, opened. Each signature takes a session of its own."""

    def __init__(
        self,
        sessions: TokenSessions,
        key: KeyRef,
        public_key: PublicKey,
        algorithm: SignatureAlgorithm,
        mechanism: _Mechanism,
        pin: PinSource,
    ) -> None:
        self.key = key
        self.public_key = public_key
        self.algorithm = algorithm
        self._sessions = sessions
        self._mechanism = mechanism
        self._pin = pin
        self._asks_each_time = False
        self._open = True

    def prepare(self) -> None:
        """Find the private key now, so that its absence is known before it is needed."""
        self._sessions.call(self._private_key)

    def sign(self, message: bytes) -> bytes:
        """Hash and sign `message`; ECDSA values are DER. Asks the PIN where the key wants it."""
        if not self._open:
            raise OperationUnsupported(
                operation="sign after its context has ended",
                store=f"the signer of {self.key.label!r}",
            )
        way = self._mechanism
        data = way.feed(message)
        pin = self._sessions.ask(self._pin).decode() if self._asks_each_time else None

        def work(seat: Seat) -> bytes:
            key = seat.keys.get(self.key.identifier) or self._private_key(seat)
            if pin is not None:
                return key.sign(  # type: ignore[no-any-return]
                    data, mechanism=way.mechanism, mechanism_param=way.parameter, pin=pin
                )
            return key.sign(  # type: ignore[no-any-return]
                data, mechanism=way.mechanism, mechanism_param=way.parameter
            )

        return way.answer(self._sessions.call(work))

    def _private_key(self, seat: Seat) -> Any:
        found = list(
            seat.session.get_objects(
                {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: self.key.identifier}
            )
        )
        if not found:
            raise TokenAbsent(token=f"{self._sessions.name} with the key {self.key.label}")
        key = found[0]
        self._asks_each_time = bool(_value(key, Attribute.ALWAYS_AUTHENTICATE))
        seat.keys[self.key.identifier] = key
        return key

    def close(self) -> None:
        """Sign nothing more."""
        self._open = False

    def __repr__(self) -> str:
        return f"<signer {self.key.label!r} {self.algorithm.name}>"

    def __reduce__(self) -> str:
        raise TypeError("a signer is not pickled")


# --- objects of the token -------------------------------------------------------------------------

_PUBLIC: Final = (
    Attribute.ID,
    Attribute.LABEL,
    Attribute.KEY_TYPE,
    Attribute.MODULUS,
    Attribute.PUBLIC_EXPONENT,
    Attribute.EC_PARAMS,
    Attribute.EC_POINT,
)
_DATA: Final = (Attribute.APPLICATION, Attribute.LABEL, Attribute.VALUE)


def _value(item: Any, attribute: Attribute) -> Any:
    """An attribute; None where the object has none, or does not tell."""
    try:
        return item[attribute]
    except (pkcs11.AttributeTypeInvalid, pkcs11.AttributeSensitive, AttributeError, KeyError):
        return None


def _values(item: Any, attributes: tuple[Attribute, ...]) -> dict[Attribute, Any]:
    return {attribute: _value(item, attribute) for attribute in attributes}


def _objects(
    session: pkcs11.Session, kind: ObjectClass, attributes: tuple[Attribute, ...]
) -> list[dict[Attribute, Any]]:
    found = list(session.get_objects({Attribute.CLASS: kind}))
    return [_values(item, attributes) for item in found]


def _public_key(values: dict[Attribute, Any]) -> PublicKey | None:
    """The SubjectPublicKeyInfo of a public key object; None for kinds not known here."""
    kind = values.get(Attribute.KEY_TYPE)
    try:
        if kind == TokenKeyType.RSA:
            modulus = int.from_bytes(values[Attribute.MODULUS], "big")
            exponent = int.from_bytes(values[Attribute.PUBLIC_EXPONENT], "big")
            key = der.sequence(der.integer(modulus), der.integer(exponent))
            algorithm = der.sequence(der.object_identifier(RSA_ENCRYPTION), der.null())
        elif kind == TokenKeyType.EC:
            key = _point(values[Attribute.EC_POINT])
            parameters = values[Attribute.EC_PARAMS]
            algorithm = der.sequence(der.object_identifier(EC_PUBLIC_KEY), parameters)
        elif kind == TokenKeyType.EC_EDWARDS:
            if values[Attribute.EC_PARAMS] not in _ED25519_PARAMETERS:
                return None
            key = _point(values[Attribute.EC_POINT])
            algorithm = der.sequence(der.object_identifier(ED25519.oid))
        else:
            return None
        return PublicKey(der.sequence(algorithm, der.bit_string(key)))
    except (TypeError, DecodeError):
        return None


def _point(value: bytes) -> bytes:
    """CKA_EC_POINT: an OCTET STRING by the standard, the bare point by some makers."""
    try:
        return der.decode(value).expect(der.OCTET_STRING).octets
    except DecodeError:
        return value


def _certificate(values: dict[Attribute, Any]) -> tuple[bytes, Certificate | None]:
    try:
        return values[Attribute.ID] or b"", Certificate(bytes(values[Attribute.VALUE] or b""))
    except EdsError:
        return b"", None  # not X.509, or damaged: it is nobody's certificate here


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What is kept beside a key: its purpose and how it signs by default."""

    identifier: bytes
    purpose: KeyPurpose
    algorithm: SignatureAlgorithm | None


_NOTHING: Final = _Kept(identifier=b"", purpose=UNLIMITED, algorithm=None)


def _kept(values: dict[Attribute, Any]) -> _Kept:
    if _text(values.get(Attribute.APPLICATION) or "") != _APPLICATION:
        return _NOTHING
    try:
        fields = der.decode(bytes(values[Attribute.VALUE] or b"")).fields()
        identifier = fields.take(der.OCTET_STRING).octets
        purpose = KeyPurpose(fields.take(der.INTEGER).small(UNLIMITED.value))
        algorithm = signature_algorithm(fields.take(der.UTF8_STRING).text())
    except (EdsError, ValueError):
        return _NOTHING
    return _Kept(identifier=identifier, purpose=purpose, algorithm=algorithm)


def _create_kept(
    session: pkcs11.Session,
    identifier: bytes,
    label: str,
    purpose: KeyPurpose,
    algorithm: SignatureAlgorithm,
) -> Any:
    return session.create_object(
        {
            Attribute.CLASS: ObjectClass.DATA,
            Attribute.TOKEN: True,
            Attribute.PRIVATE: False,  # listing needs no PIN
            Attribute.APPLICATION: _APPLICATION,
            Attribute.LABEL: label,
            Attribute.VALUE: der.sequence(
                der.octet_string(identifier),
                der.integer(purpose.value),
                der.utf8_string(algorithm.name),
            ),
        }
    )


def _create_certificates(
    session: pkcs11.Session, identifier: bytes, label: str, certificates: Sequence[Certificate]
) -> list[Any]:
    return [
        session.create_object(
            {
                Attribute.CLASS: ObjectClass.CERTIFICATE,
                Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
                Attribute.TOKEN: True,
                Attribute.PRIVATE: False,
                Attribute.LABEL: label,
                Attribute.ID: identifier,
                Attribute.SUBJECT: certificate.subject.encoded,
                Attribute.ISSUER: certificate.issuer.encoded,
                Attribute.SERIAL_NUMBER: der.value(der.INTEGER, certificate.serial_number_octets),
                Attribute.VALUE: certificate.encoded,
            }
        )
        for certificate in certificates
    ]


def _destroy(objects: Iterable[Any]) -> None:
    for item in list(objects):
        item.destroy()


def _purpose_of(certificates: tuple[Certificate, ...], public_key: PublicKey | None) -> KeyPurpose:
    """What the key's own certificate says it is for; everything where nothing says."""
    for certificate in certificates:
        if certificate.public_key != public_key:
            continue
        usage = certificate.key_usage
        if usage is None:
            return UNLIMITED
        purpose = KeyPurpose(0)
        if KeyUsage.NON_REPUDIATION in usage:
            purpose |= KeyPurpose.SIGNATURE
        if KeyUsage.DIGITAL_SIGNATURE in usage:
            purpose |= KeyPurpose.AUTHENTICATION
        if usage & {KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN}:
            purpose |= KeyPurpose.CERTIFICATION
        return purpose
    return UNLIMITED


def _require_match(
    certificates: Sequence[Certificate], public_key: PublicKey | None, label: str
) -> None:
    if certificates and certificates[0].public_key != public_key:
        raise CertificateMismatch(key=label)


_SIGNING_ONLY: Final = {
    Attribute.TOKEN: True,
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.SIGN: True,
    Attribute.DECRYPT: False,
    Attribute.UNWRAP: False,
}
_VERIFYING_ONLY: Final = {
    Attribute.TOKEN: True,
    Attribute.PRIVATE: False,
    Attribute.VERIFY: True,
    Attribute.ENCRYPT: False,
    Attribute.WRAP: False,
}


def _generate(
    session: pkcs11.Session, algorithm: SignatureAlgorithm, rsa_bits: int, label: str, token: str
) -> tuple[Any, Any]:
    options = {
        "label": label,
        "store": True,
        "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
        "public_template": _VERIFYING_ONLY,
        "private_template": _SIGNING_ONLY,
    }
    if algorithm.key_type is KeyType.RSA:
        return session.generate_keypair(TokenKeyType.RSA, rsa_bits, **options)
    if algorithm.key_type is KeyType.EC and algorithm.curve is not None:
        kind, parameters = TokenKeyType.EC, der.object_identifier(algorithm.curve.oid)
    elif algorithm.key_type is KeyType.ED25519:
        kind, parameters = TokenKeyType.EC_EDWARDS, _ED25519_PARAMETERS[0]
    else:
        raise OperationUnsupported(
            operation=f"make {algorithm.key_type.value} keys", store=f"token {token!r}"
        )
    domain = session.create_domain_parameters(kind, {Attribute.EC_PARAMS: parameters}, local=True)
    return domain.generate_keypair(**options)


def _import_templates(
    private_key: PrivateKey, label: str, store: str
) -> tuple[dict[Attribute, Any], dict[Attribute, Any]]:
    """The templates of the public and the private key object of a key made elsewhere."""
    from cryptography.hazmat.primitives import serialization
    from pkcs11.util.ec import decode_ec_private_key, decode_ec_public_key
    from pkcs11.util.rsa import decode_rsa_private_key, decode_rsa_public_key

    native = private_key.native()
    if private_key.key_type is KeyType.RSA:
        form = serialization.PrivateFormat.TraditionalOpenSSL
        secret = native.private_bytes(
            serialization.Encoding.DER, form, serialization.NoEncryption()
        )
        private = decode_rsa_private_key(secret)
        public = decode_rsa_public_key(private_key.public_key().key_octets)
    elif private_key.key_type is KeyType.EC:
        secret = native.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        private = decode_ec_private_key(secret)
        public = decode_ec_public_key(private_key.public_key().encoded)
    else:
        raise OperationUnsupported(
            operation=f"take in {private_key.key_type.value} keys", store=store
        )
    drop = (Attribute.SIGN, Attribute.DECRYPT, Attribute.UNWRAP, Attribute.DERIVE)
    for attribute in drop:
        private.pop(attribute, None)
    for attribute in (Attribute.VERIFY, Attribute.ENCRYPT, Attribute.WRAP, Attribute.DERIVE):
        public.pop(attribute, None)
    named = {Attribute.LABEL: label}
    return {**public, **_VERIFYING_ONLY, **named}, {**private, **_SIGNING_ONLY, **named}
