"""The folder of one authority: settings, database, keys, profiles, reports.

`authority.toml` says what the authority is called and where its database and keys are; it is
written last, so a folder with it is whole. What issuers state stands in the register.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Final

from .. import pem
from ..algorithms import SignatureAlgorithm
from ..audit.checkpoints import SignedCheckpoint, sign_checkpoint
from ..audit.state import read_state
from ..audit.store import AuditWriter, add_checkpoint, reading
from ..errors import (
    AuthorityNotFound,
    InvalidArgument,
    KeyNotFound,
    MalformedProfile,
    MalformedSettings,
    PersonalDataRefused,
    ProfileNotFound,
)
from ..keys.contract import KeyPurpose, KeyRef, KeyStore, PinSource, Signer
from ..keys.stores import open_keystore
from ..keys.uris import FileUri, parse_key_uri
from ..publickeys import PublicKey
from .authority import Authority, Policy
from .database import open_database
from .files import PRIVATE, PUBLIC, sync_folder, write_file
from .issuers import LABEL, RegisteredIssuer, issuer_key_hashes, load_issuers
from .keycheck import check_key
from .migrations import upgrade
from .profiles import CertificateProfile, read_profile, shipped_profiles
from .register import Register
from .settings import read_toml

SETTINGS_FILE: Final = "authority.toml"
AUDIT_KEY_FILE: Final = "audit.pem"
DATABASE_FILE: Final = "register.db"
# Twelve digits that stand alone: the identity numbers of Kazakhstan, and of its organisations.
PERSONAL_NUMBERS: Final = r"\d{12}"

_PROFILE_LIMIT: Final = 256 * 1024
_POSTGRESQL: Final = ("postgresql://", "postgresql+psycopg://")
_UUID: Final = re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE)
_REFERENCE: Final = re.compile(r"[!-~]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthoritySettings:
    """What `authority.toml` says.

    `node` is the number of this writer, 1 to 127. `database` is a file in the folder or a URL of
    PostgreSQL; `key_store` and `audit_store` are folders relative to the authority's, or URIs.
    `personal_numbers` is the pattern of what no record may hold.
    """

    name: str
    node: int
    database: str = DATABASE_FILE
    key_store: str = "keys"
    audit_store: str = "keys"
    audit_key: str = "audit"
    personal_numbers: str = PERSONAL_NUMBERS

    def __post_init__(self) -> None:
        _require(LABEL.fullmatch(self.name), "name", f"not of the form {LABEL.pattern}")
        _require(1 <= self.node <= 127, "node", "from 1 to 127")
        _require(
            "://" not in self.database or self.database.startswith(_POSTGRESQL),
            "database",
            "the name of a file, or postgresql://HOST/NAME",
        )
        # A password in the settings would be one in a file, in a backup, and in every error.
        _require(
            not re.search(r"://[^/@]*:[^/@]*@|password=", self.database),
            "database",
            "no password here; PostgreSQL takes it from PGPASSFILE",
        )
        try:
            re.compile(self.personal_numbers)
        except re.error:
            raise InvalidArgument(
                argument="personal_numbers", reason="not a regular expression"
            ) from None

    @property
    def writer(self) -> str:
        """The name of this node's chain in the audit log."""
        return f"node-{self.node}"

    @property
    def origin(self) -> str:
        """What the checkpoints of the audit log call it."""
        return f"{self.name}/log"

    @property
    def toml(self) -> bytes:
        """The text of the file."""
        return (
            "# The authority in this folder, as `eds ca` reads it. Unknown keys are refused.\n"
            f"version = 1\n"
            f"name = {_quoted(self.name)}\n"
            f"node = {self.node}\n"
            f"database = {_quoted(self.database)}\n"
            f"key_store = {_quoted(self.key_store)}\n"
            "# What no audit record and no reference may hold.\n"
            f"personal_numbers = {_quoted(self.personal_numbers)}\n"
            "\n[audit]\n"
            f"store = {_quoted(self.audit_store)}\n"
            f"key = {_quoted(self.audit_key)}\n"
        ).encode()


def read_settings(data: bytes, *, file: str = SETTINGS_FILE) -> AuthoritySettings:
    """Read `authority.toml`. Raises MalformedSettings."""
    top = read_toml(data, file=file)
    if top.number("version") != 1:
        top.refuse("version", "1 is the one known here")
    audit = top.table("audit")
    try:
        settings = AuthoritySettings(
            name=top.text("name"),
            node=top.number("node"),
            database=top.text("database", DATABASE_FILE),
            key_store=top.text("key_store", "keys"),
            audit_store=audit.text("store", "keys"),
            audit_key=audit.text("key", "audit"),
            personal_numbers=top.text("personal_numbers", PERSONAL_NUMBERS),
        )
    except InvalidArgument as error:
        top.refuse(error.argument, error.reason)
    audit.finish()
    top.finish()
    return settings


class AuthorityFolder:
    """An authority that was made with `make_authority`.

    Raises AuthorityNotFound, MalformedSettings.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            data = (self.path / SETTINGS_FILE).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise AuthorityNotFound(folder=str(path)) from None
        self.settings = read_settings(data)

    # -- the database

    @property
    def database_url(self) -> str:
        """As SQLAlchemy writes it."""
        return database_url(self.path, self.settings.database)

    @property
    def database_file(self) -> Path | None:
        """The file of SQLite; None with PostgreSQL."""
        name = self.settings.database
        return None if "://" in name else self.path / name

    @cached_property
    def register(self) -> Register:
        """The register, with the audit log of this node. Raises RegisterUnavailable."""
        return _register(self.database_url, self.settings)

    @cached_property
    def issuers(self) -> tuple[RegisteredIssuer, ...]:
        """The issuers of the register, as it was when this was first asked."""
        return load_issuers(self.register)

    def issuer(self, name: str | None) -> RegisteredIssuer:
        """The issuer of that label or identifier; without a name the only one that issues.

        Raises IssuerNotFound, InvalidArgument where several could be meant.
        """
        from ..errors import IssuerNotFound

        if name is None:
            below = [one for one in self.issuers if not one.certificate.is_self_issued]
            if len(below) == 1:
                return below[0]
            raise InvalidArgument(argument="issuer", reason="name one: there is not just one")
        for issuer in self.issuers:
            if name in (issuer.label, issuer.identifier):
                return issuer
        raise IssuerNotFound(issuer=name)

    def forget(self) -> None:
        """Read the issuers anew: one was added."""
        self.__dict__.pop("issuers", None)

    # -- profiles

    @cached_property
    def profiles(self) -> Mapping[str, CertificateProfile]:
        """The shipped profiles, and those of the folder `profiles`. Raises MalformedProfile."""
        found = dict(shipped_profiles())
        folder = self.path / "profiles"
        for file in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            with file.open("rb") as opened:
                profile = read_profile(opened.read(_PROFILE_LIMIT))
            if profile.name in found:
                raise MalformedProfile(
                    profile=profile.name, field="name", reason=f"{file.name}: there is one already"
                )
            found[profile.name] = profile
        return found

    def profile(self, name: str) -> CertificateProfile:
        """The profile of that name. Raises ProfileNotFound."""
        try:
            return self.profiles[name]
        except KeyError:
            raise ProfileNotFound(profile=name) from None

    # -- keys

    def key_store(self, place: str) -> KeyStore:
        """The store at a URI, or in a folder relative to this one."""
        where = parse_key_uri(place)
        if isinstance(where, FileUri) and not where.path.is_absolute():
            where = FileUri(path=self.path / where.path)
        return open_keystore(where)

    def key_of(self, issuer: RegisteredIssuer) -> tuple[KeyStore, KeyRef]:
        """The private key of an issuer. Raises KeyNotFound, also where another key stands there."""
        store = self.key_store(issuer.settings.key_store)
        key = store.find(issuer.settings.key)
        if key.public_key != issuer.certificate.public_key:
            raise KeyNotFound(key=f"{issuer.settings.key} (another key has its name)")
        return store, key

    @contextmanager
    def signer_of(self, issuer: RegisteredIssuer, *, pin: PinSource) -> Iterator[Signer]:
        """The key of an issuer, opened for certificates and lists."""
        store, key = self.key_of(issuer)
        with store.open(
            key, purpose=KeyPurpose.CERTIFICATION, pin=pin, algorithm=issuer.facts.algorithm
        ) as signer:
            yield signer

    def authority(self, issuer: RegisteredIssuer, signer: Signer, *, policy: Policy) -> Authority:
        """The issuer with its key. `policy` decides what may be issued."""
        return Authority(
            issuer=issuer.identifier,
            facts=issuer.facts,
            signer=signer,
            register=self.register,
            policy=policy,
            check_key=partial(check_key, issuer_keys=issuer_key_hashes(self.issuers)),
        )

    # -- the audit log

    @property
    def audit_public_key(self) -> PublicKey:
        """Whom this folder trusts for its own log. Raises MalformedPublicKey, OSError."""
        return PublicKey.load((self.path / AUDIT_KEY_FILE).read_bytes())

    @contextmanager
    def audit_signer(self, *, pin: PinSource) -> Iterator[Signer]:
        """The key that signs checkpoints and reports. It is not a key of an issuer."""
        store = self.key_store(self.settings.audit_store)
        key = store.find(self.settings.audit_key)
        if key.public_key != self.audit_public_key:
            raise KeyNotFound(key=f"{self.settings.audit_key} (another key has its name)")
        with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
            yield signer

    def checkpoint(self, signer: Signer, *, at: datetime) -> SignedCheckpoint:
        """Sign the state of the audit log, and keep the checkpoint.

        Raises CheckpointUntrusted, AuditChainBroken, AuditUnavailable.
        """
        with reading(self.database_url) as log:
            state = read_state(log, keys=[self.audit_public_key])
        signed = sign_checkpoint(
            origin=self.settings.origin,
            at=at,
            heads=state.heads,
            previous=state.previous,
            signer=signer,
        )
        with self.register.writing() as connection:
            add_checkpoint(connection, signed, peaks=state.peaks)
        return signed

    # -- references

    def require_reference(self, argument: str, text: str) -> str:
        """A reference to a person, an official or a decision as the log may hold it.

        Raises InvalidArgument, PersonalDataRefused; neither repeats the text.
        """
        if not _REFERENCE.fullmatch(text):
            raise InvalidArgument(
                argument=argument, reason="1 to 200 printable ASCII characters without spaces"
            )
        if is_personal(self.settings.personal_numbers)(text):
            raise PersonalDataRefused(field=argument)
        return text


class is_personal:  # noqa: N801 - read as a function
    """Whether a text holds what the pattern matches, with no letter or digit beside it."""

    def __init__(self, pattern: str) -> None:
        self._search = re.compile(rf"(?<![0-9A-Za-z])(?:{pattern})(?![0-9A-Za-z])").search

    def __call__(self, text: str) -> bool:
        # One UUID in three hundred ends in twelve digits; it names nobody.
        if "-" in text:
            text = _UUID.sub("", text)
        return self._search(text) is not None


def database_url(folder: Path, database: str) -> str:
    """The URL of a database as the settings name it."""
    if "://" not in database:
        return f"sqlite:///{folder / database}"
    return database.replace("postgresql://", "postgresql+psycopg://", 1)


def make_authority(
    path: Path,
    settings: AuthoritySettings,
    *,
    audit_algorithm: SignatureAlgorithm,
    pin: PinSource,
    actor: str,
    at: datetime,
) -> AuthorityFolder:
    """Make the folder of an authority: the key of its audit log, its database, its settings.

    Raises InvalidArgument where there is one already, KeyExists where the audit key's name is
    taken, RegisterUnavailable, StoreUnavailable.
    """
    path = path.absolute()
    if (path / SETTINGS_FILE).exists():
        raise InvalidArgument(argument="folder", reason="there is an authority already")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in ("profiles", "keys"):  # a root's keys may be in one below, others in a token
        (path / name).mkdir(mode=0o700, exist_ok=True)
    where = parse_key_uri(settings.audit_store)
    if isinstance(where, FileUri) and not where.path.is_absolute():
        where = FileUri(path=path / where.path)
    key = open_keystore(where).generate(
        label=settings.audit_key,
        algorithm=audit_algorithm,
        purpose=KeyPurpose.SIGNATURE,
        pin=pin,
    )
    if key.public_key is None:
        raise KeyNotFound(key=settings.audit_key)
    if "://" not in settings.database:
        (path / settings.database).touch(mode=0o600, exist_ok=True)
    url = database_url(path, settings.database)
    upgrade_database(url)
    register = _register(url, settings)
    register.record(
        act="ca.authority.made",
        actor=actor,
        subject=settings.name,
        details={"node": settings.node, "audit_key": key.public_key.fingerprint.hex()},
        at=at,
    )
    register.engine.dispose()
    write_file(
        path / AUDIT_KEY_FILE, pem.write(pem.PUBLIC_KEY, key.public_key.encoded), mode=PUBLIC
    )
    write_file(path / SETTINGS_FILE, settings.toml, mode=PRIVATE)
    sync_folder(path.parent)
    return AuthorityFolder(path)


def upgrade_database(url: str) -> tuple[str | None, str]:
    """Bring a database to the revision of this code. Returns the revisions before and after.

    Raises RegisterNewer, RegisterUnavailable.
    """
    engine = open_database(url)
    try:
        return upgrade(engine)
    finally:
        engine.dispose()


def _register(url: str, settings: AuthoritySettings) -> Register:
    audit = AuditWriter(writer=settings.writer, is_personal=is_personal(settings.personal_numbers))
    return Register(open_database(url), node=settings.node, audit=audit)


def _require(held: object, argument: str, reason: str) -> None:
    if not held:
        raise InvalidArgument(argument=argument, reason=reason)


def _quoted(text: str) -> str:
    """A literal string of TOML, in which nothing is escaped."""
    if "'" in text or not text.isprintable():
        raise MalformedSettings(file=SETTINGS_FILE, field="", reason="quotes or unseen characters")
    return f"'{text}'"
