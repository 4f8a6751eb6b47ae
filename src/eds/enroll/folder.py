"""The folder of one desk: settings, terms, keys of its own, trust for officials, its providers.

`desk.toml` is written last, so a folder with it is whole. Keys that issue and keys that sign for
officials are opened elsewhere and handed in: this room holds none.
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Final, NoReturn

from ..algorithms import signature_algorithm
from ..audit.store import AuditWriter
from ..ca.authority import Authority
from ..ca.database import open_database
from ..ca.files import PRIVATE, PUBLIC, sync_folder, write_file
from ..ca.folder import AuthorityFolder, database_url, is_personal
from ..ca.issuers import RegisteredIssuer, desk_rules, issuer_key_hashes
from ..ca.keycheck import check_key
from ..certificatelists import CertificateList
from ..certificates import Certificate
from ..errors import (
    AlgorithmError,
    DeskNotFound,
    InvalidArgument,
    KeyFileExposed,
    LimitExceeded,
    MalformedSettings,
)
from ..ocsp import OcspResponse
from ..publickeys import PublicKey
from ..verify.evidence import Evidence
from ..verify.trustfolder import load_trust_store
from .casework import Casework
from .demonstration import Demonstration, make_demonstration
from .desk import Desk
from .desksettings import (
    ORGANISATIONS,
    PROVIDERS,
    SETTINGS_FILE,
    DeskSettings,
    Setting,
    read_desk_settings,
)
from .evidence.assertions import Topic, TrustedProvider
from .evidence.cscas import CscaAnchor, CscaStore, read_master_list
from .evidence.vault import AesMasterKey
from .issuing import DecidedOnly, Issuing, issue
from .migrations import upgrade
from .officials import ActValidator, Office, certified_number
from .people import Pseudonyms
from .policy import EnrolmentPolicy
from .providers import require_real
from .readers import JwsAssertionReader
from .reception import Reception
from .simulators import demo_people
from .store import ApplicationStore, has_traces

PSEUDONYM_KEY_FILE: Final = "pseudonym.key"
VAULT_KEY_FILE: Final = "vault.key"
SIMULATORS: Final = "simulators"

_KEY_OCTETS: Final = 32
_TERMS_LIMIT: Final = 1 << 20
_EVIDENCE_LIMIT: Final = 64 << 20  # octets of one file
_EVIDENCE_FILES: Final = 4096

LoadProvider = Callable[[str], Callable[[Path], Any]]
"""What finds `module:attribute`: the maker of a provider, which is given the desk's folder."""


def no_providers(path: str) -> NoReturn:
    """For whoever opens folders whose settings name no providers."""
    raise MalformedSettings(
        file=SETTINGS_FILE, field="providers", reason=f"nothing here can load {path}"
    )


class DeskFolder:
    """A desk that was made with `make_desk`. `load` finds the providers that its settings name.

    Raises DeskNotFound, MalformedSettings.
    """

    def __init__(self, path: Path, *, load: LoadProvider = no_providers) -> None:
        self.path = path.absolute()
        self._load = load
        self._kept_evidence: tuple[object, Evidence] | None = None
        try:
            data = (self.path / SETTINGS_FILE).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            raise DeskNotFound(folder=str(path)) from None
        self.settings = read_desk_settings(data)

    # -- what it stands on

    @cached_property
    def authority(self) -> AuthorityFolder:
        """The authority that issues. Raises AuthorityNotFound, MalformedSettings."""
        return AuthorityFolder(self.path / self.settings.authority)

    @property
    def issuer(self) -> RegisteredIssuer:
        """The issuer of its certificates. Raises IssuerNotFound, InvalidArgument."""
        return self.authority.issuer(self.settings.issuer or None)

    @cached_property
    def terms(self) -> bytes:
        """What applicants agree to. Raises OSError, LimitExceeded."""
        return _read(self.path / self.settings.terms, limit=_TERMS_LIMIT)

    @cached_property
    def policy(self) -> EnrolmentPolicy:
        """The limits of this desk. Raises MalformedSettings."""
        try:
            return self.settings.policy(terms=self.terms)
        except InvalidArgument as error:
            raise MalformedSettings(
                file=SETTINGS_FILE, field=error.argument, reason=error.reason
            ) from None

    @cached_property
    def pseudonyms(self) -> Pseudonyms:
        """Keyed names of people. Raises KeyFileExposed, MalformedSettings."""
        return Pseudonyms(self._secret(PSEUDONYM_KEY_FILE))

    @property
    def database_url(self) -> str:
        """As SQLAlchemy writes it."""
        if not self.settings.database:
            return self.authority.database_url
        return database_url(self.path, self.settings.database)

    @cached_property
    def store(self) -> ApplicationStore:
        """Applications, with the audit log of this desk. Raises RegisterUnavailable."""
        shared = not self.settings.database
        engine = self.authority.register.engine if shared else open_database(self.database_url)
        personal = is_personal(self.authority.settings.personal_numbers)
        return ApplicationStore(
            engine,
            audit=AuditWriter(writer=self.settings.writer, is_personal=personal),
            master=AesMasterKey(self._secret(VAULT_KEY_FILE), key_id="1"),
        )

    def cscas(self, *, at: datetime) -> CscaStore:
        """The states whose chips are believed: certificates, and master lists `NAME.ml` with the
        certificate of their signer in `NAME.ml.cer`.

        Raises OSError, MalformedMasterList, MasterListUntrusted.
        """
        anchors: list[CscaAnchor] = []
        place = self.path / self.settings.cscas
        for file in _files([place]) if self.settings.cscas else ():
            data = _read(file, limit=_EVIDENCE_LIMIT)
            if file.suffix == ".ml":
                signer = Certificate.load(_read(Path(f"{file}.cer"), limit=_TERMS_LIMIT))
                anchors += read_master_list(data, name=file.name, signer=signer, at=at).anchors
            elif not file.name.endswith(".ml.cer"):
                for one in Certificate.load_all(data):
                    anchors.append(CscaAnchor.of(one, provenance=file.name))
        return CscaStore(anchors)

    # -- officials

    @cached_property
    def _anchors(self) -> Any:
        return load_trust_store(self.path / self.settings.trust)

    def evidence(self, at: datetime) -> Evidence:
        """Status information for officials' certificates, as the files are now.

        Raises OSError, LimitExceeded.
        """
        del at  # what is stale is found so by the validator
        files = tuple(_files([self.path / each for each in self.settings.evidence]))
        stamp = tuple((file, file.stat().st_mtime_ns, file.stat().st_size) for file in files)
        if self._kept_evidence is None or self._kept_evidence[0] != stamp:
            data = [_read(file, limit=_EVIDENCE_LIMIT) for file in files]
            issuers = tuple(issuer.certificate for issuer in self.authority.issuers)
            found = Evidence(
                certificates=issuers,
                lists=tuple(one for each in data for one in CertificateList.load_all(each)),
                ocsp_responses=tuple(one for each in data for one in OcspResponse.load_all(each)),
            )
            self._kept_evidence = (stamp, found)
        return self._kept_evidence[1]

    @property
    def office(self) -> Office:
        """How acts of officials are verified."""
        return Office(
            checker=ActValidator(trust=self._anchors, evidence=self.evidence),
            personal_number=certified_number,
            pseudonyms=self.pseudonyms,
            official=self.store.official,
        )

    # -- the desk

    @cached_property
    def demonstration(self) -> Demonstration:
        """The simulators. Raises InvalidArgument in production."""
        if self.settings.setting is not Setting.DEMONSTRATION:
            raise InvalidArgument(argument="setting", reason="this desk is in production")
        return Demonstration(
            self.path / SIMULATORS, audience=self.settings.audience, country=self.settings.land
        )

    @cached_property
    def unguarded(self) -> Desk:
        """The desk, whatever its providers are: for the doctor."""
        roles = {role: self._provider(role) for role in PROVIDERS}
        if self.settings.asks_organisations:
            roles[ORGANISATIONS] = self._provider(ORGANISATIONS)
        return Desk(
            store=self.store,
            policy=self.policy,
            pseudonyms=self.pseudonyms,
            office=self.office,
            **roles,
        )

    @property
    def desk(self) -> Desk:
        """The desk. Raises SimulatorRefused in production, MalformedSettings without providers."""
        if self.settings.setting is Setting.PRODUCTION:
            require_real(self.unguarded.providers)
        return self.unguarded

    @cached_property
    def issuing(self) -> Issuing:
        """What it issues with: register, profiles, what refuses weak keys."""
        return Issuing(
            register=self.authority.register,
            profiles=self.authority.profiles,
            check_key=partial(check_key, issuer_keys=issuer_key_hashes(self.authority.issuers)),
        )

    def issuing_authority(self, signer: Any) -> Authority:
        """The authority with its opened key, which signs what this desk has decided and nothing
        else.
        """
        issuer = self.issuer
        rules = DecidedOnly(desk=self.desk, issuing=self.issuing, inner=desk_rules(issuer))
        return self.authority.authority(issuer, signer, policy=rules)

    def issue(self, signer: Any, application: str, *, at: datetime) -> Certificate:
        """Have one application's certificate issued by the opened key of the issuer."""
        authority = self.issuing_authority(signer)
        return issue(self.desk, self.issuing, authority, application, at=at)

    def reception(
        self, *, now: Callable[[], datetime], issue: Callable[[str, datetime], object] | None
    ) -> Reception:
        """The desk as applicants meet it. `issue` has a decided certificate issued; None where
        another process does.
        """
        return Reception(
            desk=self.desk,
            issuing=self.issuing,
            now=now,
            terms_text=self.terms,
            issuers=self.issuers,
            issue=issue,
            cscas=self.cscas(at=now()),
        )

    def casework(self, *, now: Callable[[], datetime]) -> Casework:
        """The desk as its officials work at it."""
        return Casework(desk=self.desk, now=now, cscas=self.cscas(at=now()))

    @property
    def issuers(self) -> tuple[Certificate, ...]:
        """The certificates above those it has issued, from the issuer up to the root."""
        found = [self.issuer.certificate]
        while not found[-1].is_self_issued:
            above = [
                each.certificate
                for each in self.authority.issuers
                if each.certificate.subject == found[-1].issuer and each.certificate not in found
            ]
            if not above:
                break
            found.append(above[0])
        return tuple(found)

    @property
    def issuer_password(self) -> bytes | None:
        """The password of the issuing key, for a desk that issues without a person; else None.

        Raises KeyFileExposed, OSError.
        """
        name = self.settings.issuer_password
        return read_private(self.path / name).rstrip(b"\r\n") if name else None

    def close(self) -> None:
        """Let go of the databases."""
        self.store.engine.dispose()
        self.authority.register.engine.dispose()

    def __repr__(self) -> str:
        return f"<DeskFolder {self.settings.name}>"

    # -- inside

    def _provider(self, role: str) -> Any:
        named = self.settings.providers.get(role)
        if named is not None:
            return self._load(named)(self.path)
        if role == "assertions" and self.settings.faces is not None:
            return JwsAssertionReader(self._faces(), audience=self.policy.audience)
        if self.settings.setting is Setting.PRODUCTION:
            raise MalformedSettings(file=SETTINGS_FILE, field=f"providers.{role}", reason="missing")
        state = self.demonstration.state
        return state.faces if role == "assertions" else getattr(state, role)

    def _faces(self) -> TrustedProvider:
        faces = self.settings.faces
        if faces is None:
            raise MalformedSettings(file=SETTINGS_FILE, field="faces", reason="missing")
        try:
            algorithm = signature_algorithm(faces.algorithm)
            key = PublicKey.load(_read(self.path / faces.public_key, limit=_TERMS_LIMIT))
            return TrustedProvider(
                issuer=faces.issuer,
                public_key=key,
                algorithm=algorithm,
                key_id=faces.key_id,
                topics=frozenset({Topic.FACE_MATCH}),
            )
        except (AlgorithmError, InvalidArgument) as error:
            raise MalformedSettings(file=SETTINGS_FILE, field="faces", reason=str(error)) from error

    def _secret(self, name: str) -> bytes:
        text = read_private(self.path / name).strip()
        try:
            octets = bytes.fromhex(text.decode())
        except ValueError:
            octets = b""
        if len(octets) != _KEY_OCTETS:
            raise MalformedSettings(file=name, field="", reason="32 octets in hexadecimal")
        return octets


def make_desk(path: Path, settings: DeskSettings, *, terms: bytes, at: datetime) -> DeskFolder:
    """Make the folder of a desk: its keys, its terms, its tables, its settings.

    Raises InvalidArgument where there is one already, also in the database without its keys here,
    AuthorityNotFound, RegisterUnavailable.
    """
    path = path.absolute()
    if (path / SETTINGS_FILE).exists():
        raise InvalidArgument(argument="folder", reason="there is a desk already")
    if not terms or len(terms) > _TERMS_LIMIT:
        raise InvalidArgument(argument="terms", reason="a text of at most 1 MiB is wanted")
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = AuthorityFolder(path / settings.authority)
    for name in settings.evidence:
        (path / name).mkdir(mode=0o700, exist_ok=True)
    url = database_url(path, settings.database) if settings.database else authority.database_url
    if settings.database and "://" not in settings.database:
        (path / settings.database).touch(mode=0o600, exist_ok=True)
    upgrade_desk(url)
    # Keys that are there already are those that names and sealed files were made with; with others
    # nobody in the tables could be told again.
    missing = [name for name in (PSEUDONYM_KEY_FILE, VAULT_KEY_FILE) if not (path / name).exists()]
    if missing and _is_inhabited(url):
        raise InvalidArgument(
            argument="database",
            reason="it has a desk: bring the keys of that desk, or take another database",
        )
    for name in missing:
        octets = secrets.token_bytes(_KEY_OCTETS).hex().encode() + b"\n"
        write_file(path / name, octets, mode=PRIVATE)
    write_file(path / settings.terms, terms, mode=PUBLIC)
    if settings.setting is Setting.DEMONSTRATION and not (path / SIMULATORS).exists():
        make_demonstration(
            path / SIMULATORS, () if settings.land is None else demo_people(settings.land, at=at)
        )
    write_file(path / SETTINGS_FILE, settings.toml, mode=PRIVATE)
    sync_folder(path.parent)
    folder = DeskFolder(path)
    folder.store.record(
        act="enroll.desk.made",
        actor="ceremony",
        subject=settings.name,
        details={"setting": settings.setting.value, "policy": folder.policy.version},
        at=at,
    )
    return folder


def _is_inhabited(url: str) -> bool:
    """Whether a desk has left anything in the database."""
    engine = open_database(url)
    try:
        return has_traces(engine)
    finally:
        engine.dispose()


def upgrade_desk(url: str) -> tuple[str | None, str]:
    """Bring the tables of a desk to the revision of this code: revisions before and after.

    Raises RegisterNewer, RegisterUnavailable.
    """
    engine = open_database(url)
    try:
        return upgrade(engine)
    finally:
        engine.dispose()


def read_private(path: Path) -> bytes:
    """A file that only its owner may read, at most 1 MiB. Raises KeyFileExposed, OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        mode = stat.S_IMODE(status.st_mode)
        if status.st_uid not in (0, os.geteuid()):
            raise KeyFileExposed(file=path.name, reason="belongs to another user")
        if mode & 0o077:
            raise KeyFileExposed(file=path.name, reason=f"open to others (mode {mode:04o})")
        return file.read(_TERMS_LIMIT)


# --- inside --------------------------------------------------------------------------------------


def _files(places: list[Path]) -> Iterator[Path]:
    count = 0
    for place in places:
        inside = sorted(place.rglob("*")) if place.is_dir() else [place]
        for file in inside:
            if file.is_file() and not file.name.startswith("."):
                count += 1
                if count > _EVIDENCE_FILES:
                    raise LimitExceeded(
                        limit="files of evidence", allowed=_EVIDENCE_FILES, found=count
                    )
                yield file


def _read(path: Path, *, limit: int) -> bytes:
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise LimitExceeded(limit=f"octets of {path.name}", allowed=limit, found=len(data))
    return data
