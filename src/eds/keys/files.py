"""A folder of key files as a `KeyStore`: `<label>.pem`, one key each (see `bundle`)."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote

from eds.algorithms import KeyType, SignatureAlgorithm
from eds.certificates import Certificate
from eds.errors import (
    CertificateMismatch,
    InvalidArgument,
    InvalidKey,
    KeyAmbiguous,
    KeyFileExposed,
    KeyNotFound,
    KeyStoreError,
    OperationUnsupported,
    StoreUnavailable,
)
from eds.keys import bundle, durable
from eds.keys.bundle import Bundle
from eds.keys.contract import KeyPurpose, KeyRef, PinKind, PinRequest, PinSource, Signer
from eds.keys.pbe import Scrypt
from eds.keys.privatekeys import (
    PrivateKey,
    default_algorithm,
    generate,
    require_algorithm,
)
from eds.keys.reading import LIMITS, KeyFileLimits, Reading
from eds.keys.signers import SEALED, LocalSigner
from eds.publickeys import PublicKey

SUFFIX: Final = ".pem"
_LONGEST: Final = 200  # octets of a file name without its suffix; file systems stop at 255
_SMALLEST_RSA: Final = 2048


class FileKeyStore:
    """Key files in one folder. The folder is made with the first key, for its owner alone.

    `limits` bounds what a file may cost to open, `cost` is what a new one shall cost.
    """

    def __init__(
        self, folder: Path, *, limits: KeyFileLimits = LIMITS, cost: Scrypt | None = None
    ) -> None:
        self.folder = folder.absolute()
        self.limits = limits
        self.cost = cost or Scrypt()

    @property
    def uri(self) -> str:
        return self.folder.as_uri()

    def __repr__(self) -> str:
        return f"<FileKeyStore {self.uri}>"

    # -- looking

    def keys(self) -> tuple[KeyRef, ...]:
        """All keys by their labels, without a password.

        Raises the error of the first file that is not whole; `survey` shows the others.
        """
        found, errors = self.survey()
        for error in errors:
            raise error
        return found

    def survey(self) -> tuple[tuple[KeyRef, ...], tuple[KeyStoreError, ...]]:
        """The keys that can be listed, and what is wrong with the files that cannot."""
        self._require_private_folder()
        found: list[KeyRef] = []
        errors: list[KeyStoreError] = []
        for name in sorted(path.name for path in self.folder.iterdir()):
            if name.startswith(".") or not name.endswith(SUFFIX):
                continue
            try:
                label = label_of(name)
                found.append(self._ref(label, self._read(label)))
            except KeyNotFound:
                continue  # removed since, or a name that is none of ours
            except KeyStoreError as error:
                errors.append(error)
        return tuple(found), tuple(errors)

    def find(self, name: str) -> KeyRef:
        by_label = None
        with suppress(KeyNotFound, InvalidArgument):
            by_label = self._ref(name, self._read(name))
        identifier = _identifier(name)
        if identifier is None:
            if by_label is None:
                raise KeyNotFound(key=name)
            return by_label
        refs = [ref for ref in self.survey()[0] if ref.identifier == identifier]
        if by_label is not None and by_label not in refs:
            refs.append(by_label)
        if not refs:
            raise KeyNotFound(key=name)
        if len(refs) > 1:
            raise KeyAmbiguous(key=name, count=len(refs))
        return refs[0]

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
        largest = self.limits.rsa_bits
        if algorithm.key_type is KeyType.RSA and not _SMALLEST_RSA <= rsa_bits <= largest:
            raise InvalidArgument(
                argument="rsa_bits", reason=f"new keys have {_SMALLEST_RSA} to {largest} bits"
            )
        with SEALED:
            self._require_free(label, purpose)
            native = generate(algorithm, rsa_bits=rsa_bits)
            key = PrivateKey.of(native)
            public_key = key.public_key_of(native)
            return self._keep(key, public_key, label, purpose, pin, algorithm, ())

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
            self._require_free(label, purpose)
            if private_key.rsa_bits > self.limits.rsa_bits:
                raise OperationUnsupported(
                    operation=f"keep RSA keys of over {self.limits.rsa_bits} bits", store=self.uri
                )
            public_key = private_key.public_key()
            _require_match(certificates, public_key, label)
            if algorithm is None:
                algorithm = default_algorithm(public_key)
            else:
                require_algorithm(algorithm, public_key)
            return self._keep(
                private_key, public_key, label, purpose, pin, algorithm, tuple(certificates)
            )

    def _require_free(self, label: str, purpose: KeyPurpose) -> None:
        """Refuse before anything is asked for or made; `durable.create` refuses again."""
        if not purpose:
            raise InvalidArgument(argument="purpose", reason="a key is kept for something")
        path = self._path(label)
        durable.make_folder(self.folder)
        self._require_private_folder()
        durable.require_free(path)

    def _keep(
        self,
        key: PrivateKey,
        public_key: PublicKey,
        label: str,
        purpose: KeyPurpose,
        pin: PinSource,
        algorithm: SignatureAlgorithm,
        certificates: tuple[Certificate, ...],
    ) -> KeyRef:
        path = self._path(label)
        secret = pin(PinRequest(target=str(path), kind=PinKind.NEW))
        made = Bundle(
            purpose=purpose,
            algorithm=algorithm,
            encrypted=bundle.seal(key, purpose, secret, cost=self.cost),
            public_key=public_key,
            certificates=certificates,
        )
        with self._writing():
            durable.create(path, bundle.write(made))
        return self._ref(label, made)

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
        ref, kept = self._resolve(key)
        ref.require(purpose)
        algorithm = algorithm or kept.algorithm
        require_algorithm(algorithm, kept.public_key)
        reading = self._reading(ref.label)
        private_key = self._unseal(ref, kept, pin, reading)
        try:
            native = private_key.native_unchecked()
        except InvalidKey as error:
            reading.damaged(error.reason)
        if private_key.public_key_of(native) != kept.public_key:
            reading.damaged("the public key is not of this private key")
        return LocalSigner(native, key=ref, public_key=kept.public_key, algorithm=algorithm)

    def export(self, key: KeyRef, *, pin: PinSource) -> PrivateKey:
        with SEALED:
            ref, kept = self._resolve(key)
            return self._unseal(ref, kept, pin, self._reading(ref.label))

    # -- changing

    def store_certificates(
        self, key: KeyRef, certificates: Sequence[Certificate], *, pin: PinSource
    ) -> KeyRef:
        """As the contract says; certificates are public, so the password is not asked for."""
        del pin
        with SEALED, self._writing():
            ref, kept = self._resolve(key)
            _require_match(certificates, kept.public_key, ref.label)
            made = Bundle(
                purpose=kept.purpose,
                algorithm=kept.algorithm,
                encrypted=kept.encrypted,
                public_key=kept.public_key,
                certificates=tuple(certificates),
            )
            durable.replace(self._path(ref.label), bundle.write(made))
            return self._ref(ref.label, made)

    def change_pin(self, key: KeyRef, *, pin: PinSource) -> None:
        with SEALED:
            ref, kept = self._resolve(key)
            private_key = self._unseal(ref, kept, pin, self._reading(ref.label))
            path = self._path(ref.label)
            secret = pin(PinRequest(target=str(path), kind=PinKind.NEW))
            encrypted = bundle.seal(private_key, kept.purpose, secret, cost=self.cost)
            # Nobody waited for us while a person was typing, so the file is looked at again.
            with self._writing():
                _, now = self._resolve(ref)
                if now.encrypted != kept.encrypted:
                    raise StoreUnavailable(store=str(path), reason="the key was changed meanwhile")
                made = Bundle(
                    purpose=now.purpose,
                    algorithm=now.algorithm,
                    encrypted=encrypted,
                    public_key=now.public_key,
                    certificates=now.certificates,
                )
                durable.replace(path, bundle.write(made))

    def delete(self, key: KeyRef, *, pin: PinSource) -> None:
        """As the contract says; who may write the folder needs no password for that."""
        del pin
        with SEALED, self._writing():
            ref, _ = self._resolve(key)
            durable.remove(self._path(ref.label))

    # -- files

    def _path(self, label: str) -> Path:
        return self.folder / file_name(label)

    def _reading(self, label: str) -> Reading:
        return Reading(file=file_name(label), limits=self.limits)

    def _read(self, label: str) -> Bundle:
        data = durable.read(self._path(label), limit=self.limits.size)
        return bundle.read(data, self._reading(label))

    def _ref(self, label: str, kept: Bundle) -> KeyRef:
        return KeyRef(
            uri=self._path(label).as_uri(),
            label=unicodedata.normalize("NFC", label),
            identifier=kept.public_key.key_identifier,
            purpose=kept.purpose,
            algorithm=kept.algorithm,
            public_key=kept.public_key,
            certificates=kept.certificates,
        )

    def _resolve(self, key: KeyRef) -> tuple[KeyRef, Bundle]:
        """The key as it is in its file now; what the caller holds may be old, or forged."""
        self._require_private_folder()
        if key.uri != self._path(key.label).as_uri():
            raise KeyNotFound(key=key.label)
        kept = self._read(key.label)
        ref = self._ref(key.label, kept)
        if key.identifier and key.identifier != ref.identifier:
            raise KeyNotFound(key=key.label)
        return ref, kept

    def _unseal(self, ref: KeyRef, kept: Bundle, pin: PinSource, reading: Reading) -> PrivateKey:
        secret = pin(PinRequest(target=str(self._path(ref.label))))
        return bundle.unseal(kept, secret, reading)

    def _require_private_folder(self) -> None:
        try:
            status = self.folder.stat()
        except OSError as error:
            raise StoreUnavailable(
                store=str(self.folder), reason=error.strerror or "cannot be read"
            ) from None
        if (reason := durable.exposure(status)) is not None:
            raise KeyFileExposed(file=str(self.folder), reason=reason)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._require_private_folder()
        with durable.locked(self.folder):
            durable.clear(self.folder)
            yield


# --- labels and file names ---------------------------------------------------------------------


def file_name(label: str) -> str:
    """The name of a key's file. Letters and digits of any script stay, the rest is %XX.

    Raises InvalidArgument for labels that are empty, too long, or hold control characters.
    """
    label = unicodedata.normalize("NFC", label)
    if not label or label != label.strip():
        raise InvalidArgument(argument="label", reason="empty, or with spaces around it")
    if any(unicodedata.category(character)[0] == "C" for character in label):
        raise InvalidArgument(argument="label", reason="has characters that cannot be seen")
    stem = "".join(one if one.isalnum() or one in "-_ ." else quote(one, safe="") for one in label)
    if stem[0] == ".":  # a hidden file would not be listed
        stem = "%2E" + stem[1:]
    if len(stem.encode()) > _LONGEST:
        raise InvalidArgument(argument="label", reason=f"over {_LONGEST} octets as a file name")
    return stem + SUFFIX


def label_of(name: str) -> str:
    """The label of the key in the file of that name. Raises KeyNotFound when it is none of ours."""
    try:
        label = unquote(name.removesuffix(SUFFIX), errors="strict")
        if name == file_name(label):
            return label
    except (InvalidArgument, UnicodeError):
        pass
    raise KeyNotFound(key=name)


def _identifier(name: str) -> bytes | None:
    """A key identifier in hexadecimal, with or without colons; None if it is not one."""
    try:
        octets = bytes.fromhex(name.replace(":", ""))
    except ValueError:
        return None
    return octets or None


def _require_match(certificates: Sequence[Certificate], public_key: PublicKey, label: str) -> None:
    if certificates and certificates[0].public_key != public_key:
        raise CertificateMismatch(key=label)
