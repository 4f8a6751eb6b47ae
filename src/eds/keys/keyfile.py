"""One key file from elsewhere as a `KeyStore`: PKCS#12, PKCS#8, PEM.

Such a file says little before its password. It is read as it is, strictly and within limits;
what is written back is in the same format with protection of today.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import NoReturn

from eds import der, pem
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
from eds.keys import bundle, durable, pkcs8, pkcs12
from eds.keys.contract import (
    UNLIMITED,
    KeyPurpose,
    KeyRef,
    PinKind,
    PinRequest,
    PinSource,
    Secret,
    Signer,
)
from eds.keys.files import FileKeyStore, label_of
from eds.keys.pbe import LIMITS, KeyFileLimits, Pbkdf2, Reading, Scrypt
from eds.keys.privatekeys import PrivateKey, default_algorithm, require_algorithm
from eds.keys.signers import SEALED, LocalSigner
from eds.publickeys import PublicKey

_KEY_SUFFIXES = frozenset({".p12", ".pfx", ".pem", ".key", ".der", ".p8"})


def file_store(path: Path, *, limits: KeyFileLimits = LIMITS) -> FileKeyStore | SingleFileKeyStore:
    """The store that a path means: a folder of key files, there yet or not, or one key file."""
    if path.is_file() or (path.suffix.lower() in _KEY_SUFFIXES and not path.is_dir()):
        return SingleFileKeyStore(path, limits=limits)
    return FileKeyStore(path, limits=limits)


class _Format(Enum):
    PKCS12 = "PKCS#12"
    DER = "DER"
    PEM = "PEM"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One private key of the file, with the certificates that go with it, its own first."""

    private_key: PrivateKey
    label: str
    local_key_id: bytes
    certificates: tuple[Certificate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    format: _Format
    entries: tuple[_Entry, ...]
    data: bytes = field(repr=False)
    secret: Secret | None = None
    contents: pkcs12.Contents | None = None


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
            if self._is_locked(data):
                return (KeyRef(uri=self.uri, label=self.path.stem),)
            return self._refs(self._load(data, None))

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
        if not private_key.is_native:
            name = private_key.key_type.value
            raise AlgorithmUnavailable(algorithm=name, reason="cannot sign here yet")
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
            self._replace(_written(opened, secret), opened.data)

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

    def _is_locked(self, data: bytes) -> bool:
        if pkcs12.is_pkcs12(data):
            return True
        if data[:1] == b"\x30":
            return pkcs8.is_encrypted(data)
        blocks = bundle.pem_blocks(data, self._reading())
        return any(block.label == pem.ENCRYPTED_PRIVATE_KEY for block in blocks)

    def _unlock(self, pin: PinSource) -> _Opened:
        data = self._read()
        secret = pin(PinRequest(target=str(self.path))) if self._is_locked(data) else None
        return self._load(data, secret)

    def _load(self, data: bytes, secret: Secret | None) -> _Opened:
        reading = self._reading()
        contents = None
        if secret is not None and pkcs12.is_pkcs12(data):
            form = _Format.PKCS12
            contents = pkcs12.read(data, secret, reading)
            entries = _entries(contents, self.path.stem)
        else:
            form = _Format.DER if data[:1] == b"\x30" else _Format.PEM
            certificates: tuple[Certificate, ...] = ()
            try:
                if form is _Format.DER:
                    keys = [_der_key(data, secret, reading)]
                else:
                    keys, certificates = self._pem(data, secret, reading)
                entries = tuple(
                    _Entry(
                        private_key=key,
                        label=self.path.stem,
                        local_key_id=b"",
                        certificates=_chain(_public_key(key), certificates),
                    )
                    for key in keys
                )
            except InvalidKey as error:
                reading.damaged(error.reason)
        if not entries:
            reading.unsupported("a file without a private key")
        return _Opened(format=form, entries=entries, data=data, secret=secret, contents=contents)

    def _pem(
        self, data: bytes, secret: Secret | None, reading: Reading
    ) -> tuple[list[PrivateKey], tuple[Certificate, ...]]:
        keys: list[PrivateKey] = []
        certificates: list[Certificate] = []
        for block in bundle.pem_blocks(data, reading):
            label, encoded = block.label, block.encoded
            if label == pem.PRIVATE_KEY:
                keys.append(PrivateKey(encoded))
            elif label == pem.ENCRYPTED_PRIVATE_KEY and secret is not None:
                keys.append(pkcs8.decrypt(encoded, secret, reading))
            elif label in ("RSA PRIVATE KEY", "EC PRIVATE KEY"):
                keys.append(pkcs8.from_traditional(encoded))
            elif label == pem.CERTIFICATE:
                try:
                    certificates.append(Certificate(encoded))
                except DecodeError as error:
                    reading.damaged(str(error))
            elif label.endswith("PRIVATE KEY"):
                reading.unsupported(f"a PEM {label}")
        return keys, tuple(certificates)

    # -- the keys inside

    def _require_size(self, key: PrivateKey) -> None:
        if key.rsa_bits > self.limits.rsa_bits:
            self._reading().unsupported(f"an RSA key of over {self.limits.rsa_bits} bits")

    def _ref(self, entry: _Entry) -> KeyRef:
        reading = self._reading()
        try:
            stated = pkcs8.purpose_of(entry.private_key)
            kind = entry.private_key.key_type
            self._require_size(entry.private_key)
            public_key = _public_key(entry.private_key)
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

    def _refs(self, opened: _Opened) -> tuple[KeyRef, ...]:
        return tuple(self._ref(entry) for entry in opened.entries)

    def _choose(self, opened: _Opened, key: KeyRef) -> _Entry:
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


def _der_key(data: bytes, secret: Secret | None, reading: Reading) -> PrivateKey:
    if secret is not None:
        return pkcs8.decrypt(data, secret, reading)
    try:
        fields = der.decode(data).fields()
        fields.take(der.INTEGER)
        # PrivateKeyInfo goes on with an AlgorithmIdentifier, the older forms do not.
        modern = fields.next_tag == der.SEQUENCE
    except DecodeError as error:
        reading.damaged(f"not a private key: {error}")
    return PrivateKey(data) if modern else pkcs8.from_traditional(data)


def _public_key(key: PrivateKey) -> PublicKey | None:
    """The public half where it can be computed; the check of the numbers is left to `open`."""
    try:
        if key.is_native:
            return key.public_key_of(key.native_unchecked())
    except UnknownAlgorithm:
        pass
    return None


def _entries(contents: pkcs12.Contents, stem: str) -> tuple[_Entry, ...]:
    certificates = tuple(entry.certificate for entry in contents.certificates)
    found: list[_Entry] = []
    for at, entry in enumerate(contents.keys):
        try:
            public_key = _public_key(entry.private_key)
        except (InvalidKey, AlgorithmUnavailable):
            public_key = None
        own = public_key
        if own is None:
            # Of a GOST key only the identifier says which certificate is its own.
            own = next(
                (
                    one.certificate.public_key
                    for one in contents.certificates
                    if entry.local_key_id and one.local_key_id == entry.local_key_id
                ),
                None,
            )
        found.append(
            _Entry(
                private_key=entry.private_key,
                label=entry.friendly_name or (stem if len(contents.keys) == 1 else f"{stem}-{at}"),
                local_key_id=entry.local_key_id,
                certificates=_chain(own, certificates),
            )
        )
    return tuple(found)


def _chain(
    public_key: PublicKey | None, certificates: Sequence[Certificate]
) -> tuple[Certificate, ...]:
    """The certificate for this key and the issuers after it, by their names; else none."""
    try:
        chain = [one for one in certificates if one.public_key == public_key][:1]
        while chain and not chain[-1].is_self_issued:
            issuer = next(
                (
                    one
                    for one in certificates
                    if one not in chain and one.subject == chain[-1].issuer
                ),
                None,
            )
            if issuer is None:
                break
            chain.append(issuer)
    except DecodeError:
        return ()
    return tuple(chain)


# --- writing -----------------------------------------------------------------------------------


def _written(opened: _Opened, secret: Secret) -> bytes:
    """The file again, in its format, under a new password."""
    if opened.contents is not None:
        return pkcs12.write(opened.contents, secret)
    encrypted = pkcs8.encrypt(opened.entries[0].private_key, secret)
    if opened.format is _Format.DER:
        return encrypted
    blocks = [(pem.ENCRYPTED_PRIVATE_KEY, encrypted)]
    blocks += [(pem.CERTIFICATE, one.encoded) for one in opened.entries[0].certificates]
    return b"".join(pem.write(label, encoded) for label, encoded in blocks)


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
