"""What `eds serve` is told: one TOML file, read strictly, every key with its type.

A door is open where its table stands in the file. Secrets never stand there: keys are opened with
PINs that come from the terminal, a descriptor or a variable.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from ..ca.settings import Fields, read_toml
from .journal import Told

_LISTEN: Final = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([0-9A-Za-z.-]+)):(\d{1,5})")
_PATH: Final = re.compile(r"/[A-Za-z0-9._~/-]{0,200}")
_OID: Final = re.compile(r"[0-2](?:\.(?:0|[1-9]\d{0,9})){1,20}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The process: where it listens, and what connections may take.

    `workers` are processes; `connections` and `requests_per_minute` (of one address, 0: any
    number) count in each of them. `header_octets` limits all before the body. `proxies` are the
    addresses whose X-Forwarded-For is believed. Where `tls_client_anchors` is a file of
    certificates, the server's own TLS asks clients for one below them. Files are relative to that
    of the settings.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 2
    proxies: tuple[str, ...] = ()
    connections: int = 2000
    header_octets: int = 16 * 1024
    header_seconds: int = 10
    body_seconds: int = 10
    answer_seconds: int = 60
    idle_seconds: int = 15
    drain_seconds: int = 20
    requests_per_minute: int = 0
    burst: int = 100
    told: Told = Told.REFUSED
    tls_certificate: str | None = None
    tls_key: str | None = None
    tls_client_anchors: str | None = None

    def below(self, base: Path) -> ServerSettings:
        """The same, its files as seen from anywhere: `base` is the folder of the settings."""
        names = ("tls_certificate", "tls_key", "tls_client_anchors")
        files = {name: getattr(self, name) for name in names}
        placed: dict[str, Any] = {name: str(base / file) for name, file in files.items() if file}
        return replace(self, **placed)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSettings:
    """How the register's changes reach memory.

    They are looked for every `interval_milliseconds`. Once nothing was heard for `stale_seconds`,
    nothing kept in memory is relied on. `statuses` bounds what is kept.
    """

    interval_milliseconds: int = 200
    stale_seconds: int = 5
    statuses: int = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ListSettings:
    """The doors of revocation lists; `memory_octets` of them are kept in memory."""

    memory_octets: int = 128 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class OcspSettings:
    """The OCSP door: its path, and how long an answer holds (nextUpdate).

    `cache_seconds` is how long HTTP caches between here and who asks may keep one: that long they
    go on to say what was true before.
    """

    path: str = "/ocsp"
    validity_hours: int = 12
    cache_seconds: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeStampSettings:
    """The time-stamping door: the key of the unit, as a store and a label, and its promises.

    `uncertainty_milliseconds` is what the operator vouches for of the system's clock, as kept by
    NTP or PTP; it must not exceed `accuracy_milliseconds`. `node` begins the serial numbers of
    this server's tokens, 1 to 127.
    """

    policy: str
    key_store: str
    key: str
    node: int
    path: str = "/tsa"
    other_policies: tuple[str, ...] = ()
    accuracy_milliseconds: int = 1000
    uncertainty_milliseconds: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifySettings:
    """The validation door: whose certificates count, what is demanded, what one may take.

    Documents of up to `here_octets` are judged in the worker itself, greater ones in a process
    apart, with `seconds` and `memory_octets` to do it in.
    """

    trust: tuple[str, ...]
    policy: str = "basic"
    path: str = "/verify"
    document_octets: int = 16 * 1024 * 1024
    here_octets: int = 64 * 1024
    processes: int = 1
    waiting: int = 16
    seconds: int = 30
    memory_octets: int = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskDoorSettings:
    """The doors of a desk: its folder, relative to the file.

    `certificate_proxies` are the addresses and networks of proxies that pass client certificates
    on (Client-Cert, RFC 9440) and remove what clients send under that name. None is trusted if not
    named.
    """

    folder: str
    certificate_proxies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """All of the file. `authority` is the folder of an authority; None where no door wants one.

    Tables that are absent are None: their doors stay shut.
    """

    authority: str | None = None
    server: ServerSettings = ServerSettings()
    feed: FeedSettings = FeedSettings()
    ocsp: OcspSettings | None = None
    lists: ListSettings | None = None
    timestamps: TimeStampSettings | None = None
    verify: VerifySettings | None = None
    desk: DeskDoorSettings | None = None


def read_http_settings(data: bytes, *, file: str) -> HttpSettings:
    """Read the file of `eds serve`. Raises MalformedSettings."""
    top = read_toml(data, file=file)
    if top.number("version") != 1:
        top.refuse("version", "1 is the one known here")
    settings = HttpSettings(
        authority=top.text("authority", "") or None,
        server=_server(top.table("server")),
        feed=_feed(top.table("feed")),
        ocsp=_ocsp(top.table("ocsp")) if "ocsp" in top else None,
        lists=_lists(top.table("lists")) if "lists" in top else None,
        timestamps=_timestamps(top.table("timestamps")) if "timestamps" in top else None,
        verify=_verify(top.table("verify")) if "verify" in top else None,
        desk=_desk(top.table("desk")) if "desk" in top else None,
    )
    top.finish()
    if settings.authority is None and (settings.ocsp or settings.lists):
        top.refuse("authority", "missing: OCSP and lists want one")
    return settings


def _server(fields: Fields) -> ServerSettings:
    host, port = _listen(fields)
    settings = ServerSettings(
        host=host,
        port=port,
        workers=_number(fields, "workers", 2, 1, 256),
        proxies=_places(fields, "proxies"),
        connections=_number(fields, "connections", 2000, 1, 100_000),
        header_octets=_number(fields, "header_octets", 16 * 1024, 1024, 64 * 1024),
        header_seconds=_number(fields, "header_seconds", 10, 1, 300),
        body_seconds=_number(fields, "body_seconds", 10, 1, 600),
        answer_seconds=_number(fields, "answer_seconds", 60, 1, 3600),
        idle_seconds=_number(fields, "idle_seconds", 15, 1, 3600),
        drain_seconds=_number(fields, "drain_seconds", 20, 1, 3600),
        requests_per_minute=_number(fields, "requests_per_minute", 0, 0, 10_000_000),
        burst=_number(fields, "burst", 100, 1, 1_000_000),
        told=_told(fields),
        tls_certificate=fields.text("tls_certificate", "") or None,
        tls_key=fields.text("tls_key", "") or None,
        tls_client_anchors=fields.text("tls_client_anchors", "") or None,
    )
    if (settings.tls_certificate is None) is not (settings.tls_key is None):
        fields.refuse("tls_key", "certificate and key go together")
    if settings.tls_client_anchors is not None and settings.tls_key is None:
        fields.refuse("tls_client_anchors", "nobody shows a certificate without TLS")
    fields.finish()
    return settings


def _listen(fields: Fields) -> tuple[str, int]:
    found = _LISTEN.fullmatch(fields.text("listen", "127.0.0.1:8080"))
    if not found or int(found[3]) > 65_535:
        fields.refuse("listen", "HOST:PORT is wanted")
    return found[1] or found[2], int(found[3])


def _told(fields: Fields) -> Told:
    text = fields.text("log", Told.REFUSED.value)
    try:
        return Told(text)
    except ValueError:
        fields.refuse("log", f"one of {', '.join(told.value for told in Told)}")


def _feed(fields: Fields) -> FeedSettings:
    settings = FeedSettings(
        interval_milliseconds=_number(fields, "interval_milliseconds", 200, 10, 1000),
        stale_seconds=_number(fields, "stale_seconds", 5, 1, 60),
        statuses=_number(fields, "statuses", 200_000, 1000, 100_000_000),
    )
    fields.finish()
    return settings


def _ocsp(fields: Fields) -> OcspSettings:
    settings = OcspSettings(
        path=_path(fields, "/ocsp"),
        validity_hours=_number(fields, "validity_hours", 12, 1, 240),
        cache_seconds=_number(fields, "cache_seconds", 60, 0, 864_000),
    )
    fields.finish()
    return settings


def _lists(fields: Fields) -> ListSettings:
    settings = ListSettings(
        memory_octets=_number(fields, "memory_octets", 128 * 1024 * 1024, 0, 1 << 40)
    )
    fields.finish()
    return settings


def _timestamps(fields: Fields) -> TimeStampSettings:
    settings = TimeStampSettings(
        policy=_oid(fields, "policy"),
        key_store=fields.text("key_store"),
        key=fields.text("key"),
        node=_number(fields, "node", 1, 1, 127),
        path=_path(fields, "/tsa"),
        other_policies=fields.texts("other_policies"),
        accuracy_milliseconds=_number(fields, "accuracy_milliseconds", 1000, 1, 60_000),
        uncertainty_milliseconds=_number(fields, "uncertainty_milliseconds", 500, 0, 60_000),
    )
    if not all(_OID.fullmatch(policy) for policy in settings.other_policies):
        fields.refuse("other_policies", "object identifiers are wanted")
    if settings.uncertainty_milliseconds > settings.accuracy_milliseconds:
        fields.refuse("uncertainty_milliseconds", "more than the accuracy that is promised")
    fields.finish()
    return settings


def _verify(fields: Fields) -> VerifySettings:
    settings = VerifySettings(
        trust=fields.texts("trust"),
        policy=fields.text("policy", "basic"),
        path=_path(fields, "/verify"),
        document_octets=_number(fields, "document_octets", 16 * 1024 * 1024, 1024, 1 << 30),
        here_octets=_number(fields, "here_octets", 64 * 1024, 0, 1024 * 1024),
        processes=_number(fields, "processes", 1, 1, 64),
        waiting=_number(fields, "waiting", 16, 0, 10_000),
        seconds=_number(fields, "seconds", 30, 1, 600),
        memory_octets=_number(fields, "memory_octets", 1024 * 1024 * 1024, 1 << 27, 1 << 40),
    )
    if not settings.trust:
        fields.refuse("trust", "no folder of trust anchors")
    fields.finish()
    return settings


def _desk(fields: Fields) -> DeskDoorSettings:
    settings = DeskDoorSettings(
        folder=fields.text("folder"),
        certificate_proxies=_places(fields, "certificate_proxies"),
    )
    fields.finish()
    return settings


def _places(fields: Fields, key: str) -> tuple[str, ...]:
    """Addresses and networks; no name, which would be nobody's, and nothing for all of them."""
    places = fields.texts(key)
    for place in places:
        try:
            ip_network(place)
        except ValueError:
            fields.refuse(key, "addresses and networks are wanted")
    return places


def _number(fields: Fields, key: str, default: int, least: int, most: int) -> int:
    value = fields.number(key, default)
    if not least <= value <= most:
        fields.refuse(key, f"from {least} to {most}")
    return value


def _path(fields: Fields, default: str) -> str:
    value = fields.text("path", default)
    if not _PATH.fullmatch(value):
        fields.refuse("path", "not a path of plain names")
    return value if value == "/" else value.rstrip("/")


def _oid(fields: Fields, key: str) -> str:
    value = fields.text(key)
    if not _OID.fullmatch(value):
        fields.refuse(key, "an object identifier is wanted")
    return value
