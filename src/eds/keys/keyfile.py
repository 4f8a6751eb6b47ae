"""One key file from elsewhere as a `KeyStore`: PKCS#12, PKCS#8, PEM.

Such a file says little before its password. It is read as it is, strictly and within limits;
what is written back is in the same format with protection of today.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from eds import pem
from eds.algorithms import SIGNATURE_ALGORITHMS, SignatureAlgorithm
from eds.certificates import Certificate
from eds.errors import (
    AlgorithmUnavailable,
    CertificateMismatch,
    DecodeError,
    InvalidArgument,
    InvalidKey,
    KeyAmbiguous,
    KeyFileExposed,
    KeyNotFound,
    OperationUnsupported,
    StoreUnavailable,
    UnknownAlgorithm,
)
from eds.keys import bundle, durable, keyformats, pkcs8, pkcs12
from eds.keys.contract import (
    UNLIMITED,
    KeyPurpose,
    KeyRef,
    PinKind,
    PinRequest,
    PinSource,
    Signer,
)
from eds.keys.files import FileKeyStore, label_of
from eds.keys.keyformats import Entry, Opened
from eds.keys.pbe import Pbkdf2, Scrypt
from eds.keys.privatekeys import PrivateKey, default_algorithm, require_algorithm
from eds.keys.reading import LIMITS, KeyFileLimits, Reading
from eds.keys.signers import SEALED, LocalSigner

_KEY_SUFFIXES = frozenset({".p12", ".pfx", ".pem", ".key", ".der", ".p8"})


def file_store(path: Path, *, limits: KeyFileLimits = LIMITS) -> FileKeyStore | SingleFileKeyStore:
    """The store that a path means: a folder of key files, there yet or not, or one key file."""
    if path.is_file() or (path.suffix.lower() in _KEY_SUFFIXES and not path.is_dir()):
        return SingleFileKeyStore(path, limits=limits)
    return FileKeyStore(path, limits=limits)


class SingleFileKeyStore:
    """The keys of one file. They can be used, exported and protected by another password.

    Before the password a PKCS#12 or an encrypted PKCS#8 shows one key, named like the file;
    `unlocked` shows all. `exposure` says who else can read the file, if anybody: a file on a
    USB stick is open to everyone by nature, so that is told, not refused.
    """

    def __init__(self, path: Path, *, limits: KeyFileLimits = LIMITS) -> None:
        self.path = path.absolute()
        self.limits = limits

    @property
    def uri(self) -> str:
        return self.path.as_uri()

    def __repr__(self) -> str:
        return f"<SingleFileKeyStore {self.uri}>"

    @property
    def exposure(self) -> str | None:
        """Who else can get at the file; None if nobody can. Raises KeyNotFound."""
        return durable.read_any(self.path, limit=self.limits.size)[1]

    # -- looking

    def keys(self) -> tuple[KeyRef, ...]:
        with SEALED:
            if (folder := self._bundle_folder()) is not None:
                return (folder.find_label(label_of(self.path.name)),)
            data = self._read()
            if keyformats.is_locked(data, self._reading()):
                return (KeyRef(uri=self.uri, label=self.path.stem),)
            return self._refs(keyformats.load(data, None, self._reading()))

    def unlocked(self, *, pin: PinSource) -> tuple[KeyRef, ...]:
        """All keys with everything known of them; the password is asked for if there is one."""
        with SEALED:
            if self._bundle_folder() is not None:
                return self.keys()
            return self._refs(self._unlock(pin))

    def find(self, name: str) -> KeyRef:
        refs = self.keys()
        if len(refs) == 1 and name in (self.path.name, self.path.stem):
            return refs[0]
        try:
            identifier = bytes.fromhex(name.replace(":", ""))
        except ValueError:
            identifier = b""
        found = [
            ref
            for ref in refs
            if name == ref.label or (identifier and identifier == ref.identifier)
        ]
        if len(found) > 1:
            raise KeyAmbiguous(key=name, count=len(found))
        if found:
            return found[0]
        raise KeyNotFound(key=name)

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
        with SEALED:
            folder = self._bundle_folder()
        if folder is not None:
            with folder.open(key, purpose=purpose, pin=pin, algorithm=algorithm) as opened:
                yield opened
            return
        with SEALED:
            signer = self._open(key, purpose, pin, algorithm)
        try:
            yield signer
        finally:
            signer.close()

    def _open(
        self,
        key: KeyRef,
        purpose: KeyPurpose,
        pin: PinSource,
        algorithm: SignatureAlgorithm | None,
    ) -> LocalSigner:
        if not purpose:
            raise InvalidArgument(argument="purpose", reason="a key is opened for something")
        entry = self._choose(self._unlock(pin), key)
        reading = self._reading()
        ref = self._ref(entry)
        ref.require(purpose)
        private_key = entry.private_key
        self._require_size(private_key)
        try:
            native = private_key.native()
        except InvalidKey as error:
            reading.damaged(error.reason)
        public_key = private_key.public_key_of(native)
        algorithm = algorithm or default_algorithm(public_key)
        require_algorithm(algorithm, public_key)
        return LocalSigner(
            native,
            key=replace(ref, algorithm=algorithm, public_key=public_key),
            public_key=public_key,
            algorithm=algorithm,
        )

    def export(self, key: KeyRef, *, pin: PinSource) -> PrivateKey:
        with SEALED:
            if (folder := self._bundle_folder()) is not None:
                return folder.export(key, pin=pin)
            return self._choose(self._unlock(pin), key).private_key

    # -- changing

    def generate(
        self,
        *,
        label: str,
        algorithm: SignatureAlgorithm,
        purpose: KeyPurpose,
        pin: PinSource,
        rsa_bits: int = 3072,
    ) -> KeyRef:
        del label, algorithm, purpose, pin, rsa_bits
        self._unsupported("make keys")

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
        del private_key, label, purpose, pin, algorithm, certificates
        self._unsupported("take further keys")

    def _unsupported(self, operation: str) -> NoReturn:
        raise OperationUnsupported(operation=operation, store=self.uri)

    def store_certificates(
        self, key: KeyRef, certificates: Sequence[Certificate], *, pin: PinSource
    ) -> KeyRef:
        """As the contract says, for PKCS#12; other files have no place for certificates."""
        with SEALED:
            if (folder := self._bundle_folder()) is not None:
                return folder.store_certificates(key, certificates, pin=pin)
            if not pkcs12.is_pkcs12(self._read()):
                self._unsupported("hold certificates")
            opened = self._unlock(pin)
            entry = self._choose(opened, key)
            public_key = self._ref(entry).public_key
            if certificates and public_key and certificates[0].public_key != public_key:
                raise CertificateMismatch(key=entry.label)
            if opened.contents is None or opened.secret is None:
                self._unsupported("hold certificates")
            others = [
                one
                for one in opened.contents.certificates
                if one.certificate not in (*entry.certificates, *certificates)
            ]
            added = [
                pkcs12.CertificateEntry(
                    certificate=one, local_key_id=b"" if at else entry.local_key_id
                )
                for at, one in enumerate(certificates)
            ]
            made = replace(opened.contents, certificates=(*added, *others))
            self._replace(pkcs12.write(made, opened.secret), opened.data)
            return self._ref(replace(entry, certificates=tuple(certificates)))

    def change_pin(self, key: KeyRef, *, pin: PinSource) -> None:
        """The whole file gets the new password, in its own format with protection of today.

        A file without a password gets one: then only the new one is asked for.
        """
        with SEALED:
            if (folder := self._bundle_folder()) is not None:
                folder.change_pin(key, pin=pin)
                return
            opened = self._unlock(pin)
            self._choose(opened, key)
            if opened.contents is None and len(opened.entries) > 1:
                self._unsupported("encrypt several keys of one PEM file")
            secret = pin(PinRequest(target=str(self.path), kind=PinKind.NEW))
            self._replace(keyformats.written(opened, secret), opened.data)

    def delete(self, key: KeyRef, *, pin: PinSource) -> None:
        """Remove the file, if it holds this key alone."""
        del pin
        with SEALED:
            if len(self.keys()) > 1:
                self._unsupported("give up one key of several")
            if key.uri != self.uri:
                raise KeyNotFound(key=key.label)
            durable.remove(self.path)

    def _replace(self, data: bytes, seen: bytes) -> None:
        if self.path.is_symlink():
            raise KeyFileExposed(file=self.path.name, reason="is a symbolic link")
        with durable.locked(self.path.parent):
            if self._read() != seen:
                raise StoreUnavailable(store=str(self.path), reason="the file changed meanwhile")
            durable.replace(self.path, data)

    # -- reading

    def _read(self) -> bytes:
        return durable.read_any(self.path, limit=self.limits.size)[0]

    def _reading(self) -> Reading:
        return Reading(file=self.path.name, limits=self.limits)

    def _bundle_folder(self) -> _OneBundle | None:
        """The store of our own key file, if this is one: stricter than a foreign file's."""
        if not self._read().startswith(bundle.MAGIC):
            return None
        return _OneBundle(self.path.parent, limits=self.limits)

    def _unlock(self, pin: PinSource) -> Opened:
        data = self._read()
        secret = (
            pin(PinRequest(target=str(self.path)))
            if keyformats.is_locked(data, self._reading())
            else None
        )
        return keyformats.load(data, secret, self._reading())

    # -- the keys inside

    def _require_size(self, key: PrivateKey) -> None:
        if key.rsa_bits > self.limits.rsa_bits:
            self._reading().unsupported(f"an RSA key of over {self.limits.rsa_bits} bits")

    def _ref(self, entry: Entry) -> KeyRef:
        reading = self._reading()
        try:
            stated = pkcs8.purpose_of(entry.private_key)
            kind = entry.private_key.key_type
            self._require_size(entry.private_key)
            public_key = keyformats.public_key_of(entry.private_key)
            if public_key is None and entry.certificates:
                public_key = entry.certificates[0].public_key
            algorithm = (
                default_algorithm(public_key)
                if public_key is not None
                else next(row for row in SIGNATURE_ALGORITHMS if row.key_type is kind)
            )
            usage = entry.certificates[0].key_usage if entry.certificates else None
        except (InvalidKey, DecodeError) as error:
            reading.damaged(str(error))
        except UnknownAlgorithm as error:
            reading.unsupported(f"a key of the kind {error.identifier}")
        except AlgorithmUnavailable as error:
            reading.unsupported(f"such a key of the kind {error.algorithm}")
        if stated is None and usage is not None:
            stated = pkcs8.purpose_of_bits(frozenset(bit.value for bit in usage))
        return KeyRef(
            uri=self.uri,
            label=entry.label,
            identifier=public_key.key_identifier if public_key else entry.local_key_id,
            purpose=UNLIMITED if stated is None else stated,
            algorithm=algorithm,
            public_key=public_key,
            certificates=entry.certificates,
        )

    def _refs(self, opened: Opened) -> tuple[KeyRef, ...]:
        return tuple(self._ref(entry) for entry in opened.entries)

    def _choose(self, opened: Opened, key: KeyRef) -> Entry:
        if key.uri != self.uri:
            raise KeyNotFound(key=key.label)
        entries = opened.entries
        if key.identifier:
            entries = tuple(
                one
                for one in entries
                if key.identifier in (self._ref(one).identifier, one.local_key_id)
            )
        elif key.label != self.path.stem:
            entries = tuple(one for one in entries if one.label == key.label)
        if not entries:
            raise KeyNotFound(key=key.label)
        if len(entries) > 1:
            raise KeyAmbiguous(key=key.label, count=len(entries))
        return entries[0]


class _OneBundle(FileKeyStore):
    """The folder of one of our own key files, looked at through that file."""

    def find_label(self, label: str) -> KeyRef:
        """The key of that label and no other. Raises KeyNotFound, DamagedKeyFile."""
        return self._ref(label, self._read(label))


# --- writing -----------------------------------------------------------------------------------


def write_pkcs12(
    path: Path,
    private_key: PrivateKey,
    *,
    label: str,
    certificates: Sequence[Certificate] = (),
    pin: PinSource,
    cost: Pbkdf2 | None = None,
) -> None:
    """A new PKCS#12 file with one key; `certificates` are its own, then issuers.

    Raises KeyExists, PasswordRefused, StoreUnavailable.
    """
    with SEALED:
        durable.require_free(path)
        secret = pin(PinRequest(target=str(path), kind=PinKind.NEW))
        identifier = certificates[0].public_key.key_identifier if certificates else b"\1"
        contents = pkcs12.Contents(
            keys=(
                pkcs12.KeyEntry(
                    private_key=private_key, friendly_name=label, local_key_id=identifier
                ),
            ),
            certificates=tuple(
                pkcs12.CertificateEntry(
                    certificate=one,
                    friendly_name="" if at else label,
                    local_key_id=b"" if at else identifier,
                )
                for at, one in enumerate(certificates)
            ),
        )
        durable.create(path, pkcs12.write(contents, secret, cost=cost))


def write_nca_pkcs12(
    path: Path, private_key: PrivateKey, *, certificate: Certificate, pin: PinSource
) -> None:
    """A new PKCS#12 file in the layout of the NCA RK, for software that takes no other.

    Its protection is that of 1999: `pkcs12.write_nca`. What a store keeps beside the key, its
    purpose, is left out. Raises KeyExists, CertificateMismatch, InvalidKey, PasswordRefused,
    StoreUnavailable.
    """
    with SEALED:
        durable.require_free(path)
        native = private_key.native_unchecked()
        if private_key.public_key_of(native) != certificate.public_key:
            raise CertificateMismatch(key=path.name)
        secret = pin(PinRequest(target=str(path), kind=PinKind.NEW))
        bare = PrivateKey.of(native)
        durable.create(path, pkcs12.write_nca(bare, certificate, secret))


def write_pkcs8(
    path: Path, private_key: PrivateKey, *, pin: PinSource, cost: Scrypt | None = None
) -> None:
    """A new PEM file with one encrypted PKCS#8 key.

    Raises KeyExists, PasswordRefused, StoreUnavailable.
    """
    with SEALED:
        durable.require_free(path)
        secret = pin(PinRequest(target=str(path), kind=PinKind.NEW))
        encrypted = pkcs8.encrypt(private_key, secret, cost=cost)
        durable.create(path, pem.write(pem.ENCRYPTED_PRIVATE_KEY, encrypted))
