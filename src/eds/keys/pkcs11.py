"""PKCS #11 tokens as a `KeyStore`: the key never leaves, everything beside it is public.

A key is its private and public key objects, its certificates, and a data object that says
what it is for, all under one CKA_ID: the SHA-1 key identifier of the public key. Listing needs
no PIN. Private keys are made sensitive, not extractable, and able to sign and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

import pkcs11
from pkcs11 import Attribute, ObjectClass, TokenFlag

from eds.algorithms import KeyType, SignatureAlgorithm
from eds.certificates import Certificate
from eds.errors import (
    CertificateMismatch,
    InvalidArgument,
    KeyAmbiguous,
    KeyExists,
    KeyNotFound,
    MalformedPublicKey,
    OperationUnsupported,
    TokenAbsent,
    UnknownAlgorithm,
)
from eds.keys import pkcs11_objects as objects
from eds.keys.contract import KeyPurpose, KeyRef, PinSource, Signer
from eds.keys.pkcs11_errors import translated
from eds.keys.pkcs11_module import Module
from eds.keys.pkcs11_paths import ENVIRONMENT, module_path
from eds.keys.pkcs11_sessions import TokenSessions
from eds.keys.pkcs11_signing import TokenMechanism, TokenSigner, choose_mechanism, mechanism_names
from eds.keys.privatekeys import PrivateKey, default_algorithm, require_algorithm
from eds.keys.signers import SEALED
from eds.keys.uris import TokenUri
from eds.publickeys import PublicKey

__all__ = ["ENVIRONMENT", "TokenInfo", "TokenKeyStore", "tokens"]

_SMALLEST_RSA: Final = 2048
_LARGEST_RSA: Final = 16384


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
    found = _answering(loaded, uri)
    with translated(loaded.path), loaded.alone():
        return tuple(_info(uri, token) for token in found)


def _module(uri: TokenUri, module: str | None, environment: str | None) -> Module:
    path, name = (module, None) if module else (uri.module_path, uri.module_name)
    return Module.get(module_path(path=path, name=name, environment=environment))


def _answering(module: Module, uri: TokenUri) -> list[pkcs11.Token]:
    """The tokens that have every attribute of the URI (RFC 7512 §2.4)."""
    if uri.vendor:
        return []  # an attribute that nobody here knows, no token is known to have
    described = module.describe()
    library = (
        (uri.library_manufacturer, described.manufacturer),
        (uri.library_description, described.description),
        (uri.library_version, described.version),
    )
    if any(wanted is not None and wanted != found for wanted, found in library):
        return []
    return module.tokens_that(lambda token: _answers(token, uri))


def _answers(token: pkcs11.Token, uri: TokenUri) -> bool:
    wanted = (
        (uri.token, token.label),
        (uri.serial, objects.text(token.serial)),
        (uri.manufacturer, token.manufacturer_id),
        (uri.model, token.model),
        (uri.slot_id, token.slot.slot_id),
        (uri.slot_manufacturer, token.slot.manufacturer_id),
        (uri.slot_description, token.slot.slot_description),
    )
    return all(value is None or value == found for value, found in wanted)


def _place(uri: TokenUri, token: pkcs11.Token) -> TokenUri:
    """The URI that means this token and no other."""
    return TokenUri(
        token=token.label,
        serial=objects.text(token.serial),
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
        serial=objects.text(token.serial),
        manufacturer=token.manufacturer_id,
        model=token.model,
        login_required=bool(flags & TokenFlag.LOGIN_REQUIRED),
        pin_pad=bool(flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH),
        few_tries_left=bool(flags & TokenFlag.USER_PIN_COUNT_LOW),
        final_try=bool(flags & TokenFlag.USER_PIN_FINAL_TRY),
        locked=bool(flags & TokenFlag.USER_PIN_LOCKED),
        mechanisms=tuple(sorted(mechanism_names(token))),
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
        found = _answering(loaded, uri)
        if not found:
            raise TokenAbsent(token=uri.token or str(uri))
        if len(found) > 1:
            serials = ", ".join(sorted(objects.text(token.serial) for token in found))
            raise KeyAmbiguous(key=f"{uri} (tokens with serial {serials})", count=len(found))
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
        token = self._sessions.token_now()
        with translated(self._sessions.name), self._sessions.module.alone():
            return _info(self._uri, token)

    # -- looking

    def keys(self) -> tuple[KeyRef, ...]:
        with self._sessions.reading() as session:
            stated = objects.statements(session)
            certificates = objects.certificates(session)
            public_keys = objects.public_keys(session)
        pairs = dict.fromkeys(
            (
                item[Attribute.ID] or b"",
                item[Attribute.LABEL] or "",
                objects.public_key_of(item),
            )
            for item in public_keys
        )
        seen = {identifier for identifier, _, _ in pairs}
        for identifier, certificate in certificates:
            # Cards of other makers keep no public key object, but a certificate.
            if identifier not in seen:
                seen.add(identifier)
                pairs[identifier, identifier.hex(), certificate.public_key] = None
        return tuple(
            self._ref(
                identifier,
                label,
                public_key,
                stated.get(identifier),
                tuple(c for i, c in certificates if i == identifier),
            )
            for identifier, label, public_key in pairs
            if self._wanted.object in (None, label) and self._wanted.id in (None, identifier)
        )

    def find(self, name: str) -> KeyRef:
        wanted = name.lower()
        found = [ref for ref in self.keys() if ref.label == name or ref.identifier.hex() == wanted]
        if not found or not name:
            raise KeyNotFound(key=name)
        if len(found) > 1:
            raise KeyAmbiguous(key=name, count=len(found))
        return found[0]

    def _ref(
        self,
        identifier: bytes,
        label: str,
        public_key: PublicKey | None,
        stated: objects.Statement | None,
        certificates: tuple[Certificate, ...],
    ) -> KeyRef:
        own = tuple(sorted(certificates, key=lambda c: c.public_key != public_key))
        algorithm = stated.algorithm if stated else None
        if algorithm is None and public_key is not None:
            try:
                algorithm = default_algorithm(public_key)
            except (UnknownAlgorithm, MalformedPublicKey):
                algorithm = None
        return KeyRef(
            uri=str(replace(self._uri, object=label, id=identifier, type="private")),
            label=label,
            identifier=identifier,
            purpose=stated.purpose if stated else objects.purpose_of(own, public_key),
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
        self._mechanism(algorithm)
        if algorithm.key_type is KeyType.RSA and not _SMALLEST_RSA <= rsa_bits <= _LARGEST_RSA:
            raise InvalidArgument(
                argument="rsa_bits", reason=f"new keys have at least {_SMALLEST_RSA} bits"
            )
        self._require_free(label, purpose)
        with self._sessions.writing(pin) as session:
            made = list(
                objects.generate(session, algorithm=algorithm, rsa_bits=rsa_bits, label=label)
            )
            try:
                public_key = objects.public_key_of(objects.values(made[0], objects.PUBLIC_KEY))
                if public_key is None:
                    raise OperationUnsupported(
                        operation="show the public key it made", store=self._name
                    )
                identifier = public_key.key_identifier
                for item in made:
                    item[Attribute.ID] = identifier
                made.append(
                    objects.create_statement(session, identifier, label, purpose, algorithm)
                )
            except BaseException:
                objects.discard(made)
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
        with SEALED:
            return self._add(private_key, label, purpose, pin, algorithm, certificates)

    def _add(
        self,
        private_key: PrivateKey,
        label: str,
        purpose: KeyPurpose,
        pin: PinSource,
        algorithm: SignatureAlgorithm | None,
        certificates: Sequence[Certificate],
    ) -> KeyRef:
        public_key = private_key.public_key()
        algorithm = algorithm or default_algorithm(public_key)
        require_algorithm(algorithm, public_key)
        _require_match(certificates, public_key, label)
        self._mechanism(algorithm)
        templates = objects.import_templates(private_key, store=self._name)
        self._require_free(label, purpose)
        identifier = public_key.key_identifier
        named = {Attribute.ID: identifier, Attribute.LABEL: label}
        with self._sessions.writing(pin) as session:
            if objects.find(session, {**_PRIVATE_KEY, Attribute.ID: identifier}):
                raise KeyExists(key=label)
            made: list[object] = []
            try:
                # One by one: what was made when the next one fails is to be removed.
                for template in templates:
                    made += [session.create_object({**template, **named})]
                made += [objects.create_statement(session, identifier, label, purpose, algorithm)]
                objects.create_certificates(session, identifier, label, certificates)
            except BaseException:
                objects.discard(made)
                raise
        return self._again(identifier, label)

    def _require_free(self, label: str, purpose: KeyPurpose) -> None:
        if not purpose:
            raise InvalidArgument(argument="purpose", reason="a key is kept for something")
        if not label or not label.isprintable() or len(label.encode()) > 200:
            raise InvalidArgument(argument="label", reason="1 to 200 octets of printable text")
        with self._sessions.reading() as session:
            for template in (_PUBLIC_KEY, _STATEMENT):
                if objects.find(session, {**template, Attribute.LABEL: label}):
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
            signer = TokenSigner(
                self._sessions,
                key=ref,
                public_key=ref.public_key,
                algorithm=algorithm,
                mechanism=mechanism,
                pin=pin,
            )
            try:
                signer.prepare()
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
        with self._sessions.writing(pin) as session:
            # The new ones first: a token taken out meanwhile has them twice, not never.
            old = objects.find(session, {**_CERTIFICATE, Attribute.ID: ref.identifier})
            objects.create_certificates(session, ref.identifier, ref.label, certificates)
            objects.destroy(old)
        return self._again(ref.identifier, ref.label)

    def change_pin(self, key: KeyRef, *, pin: PinSource) -> None:
        self._resolve(key)
        self._sessions.change_pin(pin)

    def delete(self, key: KeyRef, *, pin: PinSource) -> None:
        ref = self._resolve(key)
        with self._sessions.writing(pin) as session:
            # The private key first: what remains of an interrupted removal can sign nothing.
            for template in (_PRIVATE_KEY, _CERTIFICATE, _PUBLIC_KEY):
                objects.destroy(objects.find(session, {**template, Attribute.ID: ref.identifier}))
            objects.destroy(objects.find(session, {**_STATEMENT, Attribute.LABEL: ref.label}))

    # -- inside

    @property
    def _name(self) -> str:
        return f"token {self._sessions.name!r}"

    def _resolve(self, key: KeyRef) -> KeyRef:
        """The key as the token has it now; what the caller holds may be old."""
        return self._again(key.identifier, key.label)

    def _mechanism(self, algorithm: SignatureAlgorithm) -> TokenMechanism:
        token = self._sessions.token()
        with translated(self._sessions.name), self._sessions.module.alone():
            available = mechanism_names(token)
        return choose_mechanism(algorithm, available, token=self._sessions.name)


def _require_match(
    certificates: Sequence[Certificate], public_key: PublicKey | None, label: str
) -> None:
    if certificates and certificates[0].public_key != public_key:
        raise CertificateMismatch(key=label)


_PUBLIC_KEY: Final[Mapping[Attribute, object]] = {Attribute.CLASS: ObjectClass.PUBLIC_KEY}
_PRIVATE_KEY: Final[Mapping[Attribute, object]] = {Attribute.CLASS: ObjectClass.PRIVATE_KEY}
_CERTIFICATE: Final[Mapping[Attribute, object]] = {Attribute.CLASS: ObjectClass.CERTIFICATE}
_STATEMENT: Final[Mapping[Attribute, object]] = {
    Attribute.CLASS: ObjectClass.DATA,
    Attribute.APPLICATION: objects.APPLICATION,
}
