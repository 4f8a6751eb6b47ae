"""What a key file from elsewhere holds: PKCS#12, PKCS#8 or PEM, told apart by content."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePath

from eds import der, pem
from eds.certificates import Certificate
from eds.errors import AlgorithmUnavailable, DecodeError, InvalidKey, UnknownAlgorithm
from eds.keys import bundle, pkcs8, pkcs12
from eds.keys.contract import Secret
from eds.keys.privatekeys import PrivateKey
from eds.keys.reading import Reading
from eds.publickeys import PublicKey


class Format(Enum):
    """How the file is written."""

    PKCS12 = "PKCS#12"
    DER = "DER"
    PEM = "PEM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One private key of the file, with the certificates that go with it, its own first."""

    private_key: PrivateKey
    label: str
    local_key_id: bytes
    certificates: tuple[Certificate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file that was read: all that is needed to write it again."""

    format: Format
    entries: tuple[Entry, ...]
    data: bytes = field(repr=False)
    secret: Secret | None = None
    contents: pkcs12.Contents | None = None


def is_locked(data: bytes, reading: Reading) -> bool:
    """Whether a password is wanted for this file. Raises DamagedKeyFile, UnsupportedKeyFile."""
    if pkcs12.is_pkcs12(data):
        return True
    if data[:1] == b"\x30":
        return pkcs8.is_encrypted(data)
    blocks = bundle.pem_blocks(data, reading)
    return any(block.label == pem.ENCRYPTED_PRIVATE_KEY for block in blocks)


def load(data: bytes, secret: Secret | None, reading: Reading) -> Opened:
    """The keys in a file, with the password if one is wanted.

    Raises PasswordIncorrect, DamagedKeyFile, UnsupportedKeyFile, WorkFactorExceeded.
    """
    stem = PurePath(reading.file).stem
    contents = None
    if secret is not None and pkcs12.is_pkcs12(data):
        form = Format.PKCS12
        contents = pkcs12.read(data, secret, reading)
        entries = _entries(contents, stem)
    else:
        form = Format.DER if data[:1] == b"\x30" else Format.PEM
        certificates: tuple[Certificate, ...] = ()
        try:
            if form is Format.DER:
                keys = [_der_key(data, secret, reading)]
            else:
                keys, certificates = _pem(data, secret, reading)
            entries = tuple(
                Entry(
                    private_key=key,
                    label=stem,
                    local_key_id=b"",
                    certificates=_chain(public_key_of(key), certificates),
                )
                for key in keys
            )
        except InvalidKey as error:
            reading.damaged(error.reason)
        except AlgorithmUnavailable as error:
            reading.unsupported(f"such a key of the kind {error.algorithm}")
    if not entries:
        reading.unsupported("a file without a private key")
    return Opened(format=form, entries=entries, data=data, secret=secret, contents=contents)


def _pem(
    data: bytes, secret: Secret | None, reading: Reading
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


def public_key_of(key: PrivateKey) -> PublicKey | None:
    """The public half where it can be computed; the check of the numbers is left to `open`."""
    try:
        return key.public_key_of(key.native_unchecked())
    except UnknownAlgorithm:
        return None


def _entries(contents: pkcs12.Contents, stem: str) -> tuple[Entry, ...]:
    certificates = tuple(entry.certificate for entry in contents.certificates)
    found: list[Entry] = []
    for at, entry in enumerate(contents.keys):
        try:
            public_key = public_key_of(entry.private_key)
        except (InvalidKey, AlgorithmUnavailable):
            public_key = None
        own = public_key
        if own is None:
            # Of a key that cannot be used here only the identifier says which one is its own.
            own = next(
                (
                    one.certificate.public_key
                    for one in contents.certificates
                    if entry.local_key_id and one.local_key_id == entry.local_key_id
                ),
                None,
            )
        found.append(
            Entry(
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


def written(opened: Opened, secret: Secret) -> bytes:
    """The file again, in its format, under a new password."""
    if opened.contents is not None:
        return pkcs12.write(opened.contents, secret)
    encrypted = pkcs8.encrypt(opened.entries[0].private_key, secret)
    if opened.format is Format.DER:
        return encrypted
    blocks = [(pem.ENCRYPTED_PRIVATE_KEY, encrypted)]
    blocks += [(pem.CERTIFICATE, one.encoded) for one in opened.entries[0].certificates]
    return b"".join(pem.write(label, encoded) for label, encoded in blocks)
