"""What `desk.toml` says: the setting, the authority, the officials' trust, limits, providers.

Read strictly: a key that is not known is refused, and no value is repeated in an error.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from enum import Enum
from types import MappingProxyType
from typing import Any, Final

from ..ca.issuers import LABEL
from ..ca.settings import Fields, read_toml
from ..country import countries
from ..country.contract import Country
from ..errors import InvalidArgument
from .evidence.assurance import Level
from .people import Residency
from .policy import (
    ORGANISATION_PROFILES,
    PROFILES,
    EnrolmentPolicy,
    ProfileRule,
    Represents,
    profiles_of,
)
from .states import Flow

SETTINGS_FILE: Final = "desk.toml"
PROVIDERS: Final = ("population", "phones", "documents", "notifier", "assertions")
# Asked only where organisations' people are certified.
ORGANISATIONS: Final = "organisations"

_POSTGRESQL: Final = ("postgresql://", "postgresql+psycopg://")
_DURATION: Final = re.compile(r"(\d{1,6})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_STATION: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")
_IMPORT_PATH: Final = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", re.ASCII)
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
# Every limit and every time of the policy can be chosen, under its own name.
_LIMITS: Final = tuple(each.name for each in fields(EnrolmentPolicy) if each.type == "int")
_TIMES: Final = tuple(each.name for each in fields(EnrolmentPolicy) if each.type == "timedelta")


class Setting(Enum):
    """What a desk is for. Simulators stand in for providers in a demonstration alone."""

    PRODUCTION = "production"
    DEMONSTRATION = "demonstration"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceProvider:
    """Whose face assertions count: its name, public key (a file), and the name of that key."""

    issuer: str
    public_key: str
    key_id: str
    algorithm: str = "ecdsa-p256-sha256"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskSettings:
    """What `desk.toml` says. Places are relative to the folder of the desk.

    `country` (two letters) gives the rules of personal numbers and of profiles (`eds.country`);
    `profiles` are rules in place of those.
    `database` is empty for that of the authority (one log, one checkpoint over both), a file in
    the folder, or a URL of PostgreSQL. `trust` is a folder of anchors for officials' signatures,
    `evidence` are files and folders of revocation lists and OCSP responses for them. `providers`
    are import paths `module:attribute` by role. `issuer_password` is a file with the password of
    the issuing key, for desks that issue without a person. `cscas` is a folder of the country
    signing certificates whose chips are believed, and of master lists with their signers.
    """

    name: str
    authority: str
    audience: str
    stations: tuple[str, ...]
    setting: Setting = Setting.PRODUCTION
    country: str = ""
    node: int = 1
    issuer: str = ""
    database: str = ""
    terms: str = "terms.txt"
    issuer_password: str = ""
    trust: str = "trust"
    evidence: tuple[str, ...] = ("evidence",)
    accepted_documents: tuple[str, ...] = ()
    cscas: str = ""
    holidays: tuple[date, ...] = ()
    limits: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    times: Mapping[str, timedelta] = field(default_factory=lambda: MappingProxyType({}))
    profiles: Mapping[str, ProfileRule] = field(default_factory=lambda: MappingProxyType({}))
    providers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    faces: FaceProvider | None = None

    def __post_init__(self) -> None:
        _require(LABEL.fullmatch(self.name), "name", f"not of the form {LABEL.pattern}")
        _require(1 <= self.node <= 127, "node", "from 1 to 127")
        _require(self.country in ("", *countries()), "country", "no country known here")
        _require(
            "://" not in self.database or self.database.startswith(_POSTGRESQL),
            "database",
            "the name of a file, or postgresql://HOST/NAME",
        )
        _require(
            not re.search(r"://[^/@]*:[^/@]*@|password=", self.database),
            "database",
            "no password here; PostgreSQL takes it from PGPASSFILE",
        )
        _require(self.stations, "stations", "name at least one place where people are received")
        _require(
            all(_STATION.fullmatch(each) for each in self.stations),
            "stations",
            f"not of the form {_STATION.pattern}",
        )
        _require(
            all(_COUNTRY.fullmatch(each) for each in self.accepted_documents),
            "accepted_documents",
            "two capital letters for each country",
        )
        _require(
            all(_IMPORT_PATH.fullmatch(each) for each in self.providers.values()),
            "providers",
            "an import path is module:attribute",
        )
        _require(
            self.asks_organisations
            or not any(rule.represents is not None for rule in self.profiles.values()),
            "providers",
            "organisations: which register of legal entities is asked?",
        )

    @property
    def land(self) -> Country | None:
        """The country whose rules it follows."""
        return countries()[self.country] if self.country else None

    @property
    def rules(self) -> Mapping[str, ProfileRule]:
        """Who may be given a certificate of which profile, and how."""
        if self.profiles:
            return self.profiles
        of_all = {**PROFILES, **ORGANISATION_PROFILES}
        rules = of_all if self.land is None else profiles_of(self.land)
        if self.asks_organisations:
            return rules
        return {name: rule for name, rule in rules.items() if rule.represents is None}

    @property
    def asks_organisations(self) -> bool:
        """Whether a register of legal entities is asked; simulated in a demonstration."""
        return ORGANISATIONS in self.providers or self.setting is Setting.DEMONSTRATION

    @property
    def writer(self) -> str:
        """The name of this desk's chain in the audit log."""
        return f"desk-{self.node}"

    def policy(self, *, terms: bytes) -> EnrolmentPolicy:
        """The policy of these settings over the terms (their octets). Raises InvalidArgument."""
        chosen: dict[str, Any] = {**self.limits, **self.times}
        return EnrolmentPolicy(
            name=self.name,
            version=hashlib.sha256(self.toml).hexdigest()[:16],
            terms=hashlib.sha256(terms).digest(),
            stations=frozenset(self.stations),
            audience=self.audience,
            profiles=self.rules,
            country=self.land,
            accepted_documents=frozenset(self.accepted_documents),
            holidays=frozenset(self.holidays),
            **chosen,
        )

    @property
    def toml(self) -> bytes:
        """The text of the file."""
        lines = [
            "# The desk in this folder, as `eds centre` reads it. Unknown keys are refused.",
            "version = 1",
            f"name = {_quoted(self.name)}",
            "# production, or demonstration: only there simulators stand in for providers.",
            f"setting = {_quoted(self.setting.value)}",
            *_line("country", self.country),
            f"node = {self.node}",
            f"authority = {_quoted(self.authority)}",
            *_line("issuer", self.issuer),
            "# Left out: the database of the authority, so that one log holds both.",
            *_line("database", self.database),
            f"audience = {_quoted(self.audience)}",
            f"terms = {_quoted(self.terms)}",
            f"stations = {_list(self.stations)}",
            *_line("issuer_password", self.issuer_password),
            f"holidays = {_list(each.isoformat() for each in self.holidays)}",
            "\n[officials]",
            f"trust = {_quoted(self.trust)}",
            f"evidence = {_list(self.evidence)}",
            "\n[documents]",
            "# Countries whose documents are accepted; all where the list is empty.",
            f"accepted = {_list(self.accepted_documents)}",
            *_line("cscas", self.cscas),
        ]
        for title, rows in (
            ("limits", {name: str(number) for name, number in self.limits.items()}),
            ("times", {name: _quoted(_written(each)) for name, each in self.times.items()}),
            ("providers", {name: _quoted(each) for name, each in self.providers.items()}),
            ("faces", _faces(self.faces)),
        ):
            if rows:
                lines += [f"\n[{title}]", *(f"{name} = {each}" for name, each in rows.items())]
        for name, rule in self.profiles.items():
            lines += [
                f"\n[profiles.{name}]",
                f"residency = {_quoted(rule.residency.value)}",
                f"flows = {_list(sorted(flow.value for flow in rule.flows))}",
                f"minimum = {_quoted(rule.minimum.name.lower())}",
                f"services = {_list(sorted(rule.services))}",
                *_line("represents", rule.represents.value if rule.represents else ""),
                *_line("title", rule.title),
            ]
        return ("\n".join(lines) + "\n").encode()


def read_desk_settings(data: bytes, *, file: str = SETTINGS_FILE) -> DeskSettings:
    """Read `desk.toml`. Raises MalformedSettings."""
    top = read_toml(data, file=file)
    if top.number("version") != 1:
        top.refuse("version", "1 is the one known here")
    officials, documents, faces = top.table("officials"), top.table("documents"), None
    providers = top.table("providers")
    if "faces" in top:
        table = top.table("faces")
        faces = FaceProvider(
            issuer=table.text("issuer"),
            public_key=table.text("public_key"),
            key_id=table.text("key_id"),
            algorithm=table.text("algorithm", "ecdsa-p256-sha256"),
        )
        table.finish()
    try:
        settings = DeskSettings(
            name=top.text("name"),
            setting=_one_of(Setting, top, "setting"),
            country=top.text("country", ""),
            node=top.number("node", 1),
            authority=top.text("authority"),
            issuer=top.text("issuer", ""),
            database=top.text("database", ""),
            audience=top.text("audience"),
            terms=top.text("terms", "terms.txt"),
            stations=top.texts("stations"),
            issuer_password=top.text("issuer_password", ""),
            holidays=tuple(_day(top, each) for each in top.texts("holidays")),
            trust=officials.text("trust", "trust"),
            evidence=officials.texts("evidence"),
            accepted_documents=documents.texts("accepted"),
            cscas=documents.text("cscas", ""),
            limits=_limits(top.table("limits")),
            times=_times(top.table("times")),
            profiles=_profiles(top.table("profiles")),
            providers=MappingProxyType(
                {
                    name: providers.text(name)
                    for name in (*PROVIDERS, ORGANISATIONS)
                    if name in providers
                }
            ),
            faces=faces,
        )
    except InvalidArgument as error:
        top.refuse(error.argument, error.reason)
    for each in (officials, documents, providers, top):
        each.finish()
    return settings


# --- inside --------------------------------------------------------------------------------------


def _limits(table: Fields) -> Mapping[str, int]:
    found = {name: table.number(name) for name in _LIMITS if name in table}
    for name, number in found.items():
        if number < 0:
            table.refuse(name, "not below zero")
    table.finish()
    return MappingProxyType(found)


def _times(table: Fields) -> Mapping[str, timedelta]:
    found = {}
    for name in _TIMES:
        if name in table:
            read = _DURATION.fullmatch(table.text(name))
            if read is None:
                table.refuse(name, "a time such as 90s, 15m, 72h or 30d")
            found[name] = timedelta(**{_UNITS[read[2]]: int(read[1])})
    table.finish()
    return MappingProxyType(found)


def _profiles(table: Fields) -> Mapping[str, ProfileRule]:
    found = {}
    for name in table.left:
        rule = table.table(name)
        flows = rule.texts("flows")
        if not flows or not {*flows} <= {flow.value for flow in Flow}:
            rule.refuse("flows", f"one or more of {', '.join(flow.value for flow in Flow)}")
        minimum = rule.text("minimum", "baseline").upper()
        if minimum not in Level.__members__:
            rule.refuse("minimum", "baseline or extended")
        found[name] = ProfileRule(
            residency=_one_of(Residency, rule, "residency"),
            flows=frozenset(map(Flow, flows)),
            minimum=Level[minimum],
            services=frozenset(rule.texts("services")),
            represents=_one_of(Represents, rule, "represents") if "represents" in rule else None,
            title=rule.text("title", ""),
        )
        if found[name].represents is not None and flows != (Flow.REMOTE.value,):
            rule.refuse("flows", "who represents an organisation applies from home: remote")
        rule.finish()
    return MappingProxyType(found)


def _one_of(kind: Any, table: Fields, key: str) -> Any:
    try:
        return kind(table.text(key))
    except ValueError:
        table.refuse(key, f"one of {', '.join(each.value for each in kind)}")


def _day(table: Fields, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        table.refuse("holidays", "days such as 2026-12-16")


def _require(held: object, argument: str, reason: str) -> None:
    if not held:
        raise InvalidArgument(argument=argument, reason=reason)


def _quoted(text: str) -> str:
    """A literal string of TOML, in which nothing is escaped."""
    _require("'" not in text and text.isprintable(), "settings", "quotes or unseen characters")
    return f"'{text}'"


def _list(texts: Any) -> str:
    return f"[{', '.join(map(_quoted, texts))}]"


def _line(name: str, text: str) -> list[str]:
    return [f"{name} = {_quoted(text)}"] if text else []


def _faces(faces: FaceProvider | None) -> dict[str, str]:
    names = ("issuer", "public_key", "key_id", "algorithm")
    return {} if faces is None else {name: _quoted(getattr(faces, name)) for name in names}


def _written(time: timedelta) -> str:
    for unit in ("d", "h", "m"):
        whole = timedelta(**{_UNITS[unit]: 1})
        if time >= whole and time % whole == timedelta(0):
            return f"{time // whole}{unit}"
    return f"{int(time.total_seconds())}s"
