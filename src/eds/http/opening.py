"""From settings to doors: keys are opened, memory is set up, each table of the file is a door."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ..ca.feed import ChangeFeed, Changes
from ..ca.folder import AuthorityFolder
from ..ca.responder import ServedIssuer
from ..ca.responders import open_served_issuers
from ..ca.tsa import TimeStampingAuthority, TimeStampRules
from ..enroll.folder import DeskFolder, LoadProvider, no_providers
from ..errors import KeyNotFound
from ..keys.contract import KeyPurpose, KeyStore, PinRequest, PinSource, Secret
from ..keys.stores import open_keystore
from ..timestamps import PkiFailure
from . import certificates, health, lists, ocsp, timestamps, verification
from .application import Application, Lifespan, Limits
from .clientcertificates import TrustedProxies
from .clocks import WatchedClock, system_clock
from .desk import DeskClock, desk_routes
from .deskservice import service_of
from .est import est_routes
from .following import Follower
from .journal import Journal
from .memory import StatusMemory
from .metrics import Board, Counter, Gauge, MetricsDoor, Worker, processor_seconds, resident_octets
from .rates import RateLimit
from .routing import Route, RouteTable
from .settings import (
    DeskDoorSettings,
    HttpSettings,
    OcspSettings,
    TimeStampSettings,
    VerifySettings,
)
from .tasks import beside
from .threads import Threads

KINDS: Final = (
    *("certificates", "crl", "ocsp", "tsa", "verify", "desk", "est", "health", "metrics"),
)
COUNTERS: Final = (
    Counter(
        name="eds_ocsp_answers_total",
        help="OCSP answers: given again from memory, or made, by their status.",
        label="answer",
        values=("kept", "successful", "malformed_request", "internal_error", "try_later",
                "sig_required", "unauthorized"),
    ),
    Counter(
        name="eds_tsa_answers_total",
        help="Time-stamps granted, and refused by their failure.",
        label="answer",
        values=(timestamps.GRANTED, *(failure.name.lower() for failure in PkiFailure)),
    ),
)  # fmt: skip
GAUGES: Final = (
    Gauge(name="eds_feed_silence_seconds", help="Since the register was heard of.", scale=0.001),
    Gauge(name="eds_statuses_held", help="Statuses of certificates in memory."),
    Gauge(name="eds_list_octets_held", help="Octets of revocation lists in memory."),
    Gauge(name="eds_list_seconds_left", help="Until the first list is past its nextUpdate."),
    Gauge(name="eds_connections", help="Connections that are open."),
    Gauge(name="eds_threads_busy", help="Pieces of work that wait for the register."),
    Gauge(name="eds_resident_octets", help="Memory of the worker."),
    Gauge(name="eds_processor_seconds", help="Processor time of the worker.", scale=0.001),
)
_REGISTER_THREADS: Final = 8
_WAITING: Final = 512
_REGISTER_SECONDS: Final = 5.0
_SIGNING_THREADS: Final = 4
_ACT_SECONDS: Final = 30.0  # a register of the state may take its time


def new_board(*, workers: int) -> Board:
    """The figures of so many workers. Made before they begin."""
    return Board(doors=KINDS, counters=COUNTERS, gauges=GAUGES, workers=workers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the doors are given from outside.

    `base` is the folder that paths of the settings are relative to. `examiner` and `apart` are
    wanted by the validation door alone. `reopen` is called when keys or issuers are no longer
    what they were when the doors were opened: whoever runs them opens them anew. `load` finds the
    providers that a desk's settings name.
    """

    base: Path
    pin: PinSource
    hand: Worker
    board: Board
    journal: Journal | None = None
    examiner: verification.Examiner | None = None
    apart: verification.Apart | None = None
    reopen: Callable[[], None] = lambda: None
    clock: Callable[[], datetime] = system_clock
    load: LoadProvider = no_providers


@contextmanager
def open_doors(settings: HttpSettings, around: Surroundings) -> Iterator[Application]:
    """The application of these settings, with its keys opened for as long as the context lasts.

    Raises what opening keys, the register and an authority's folder does.
    """
    with ExitStack() as opened:
        yield _Opening(settings, around, opened).application()


@dataclass(slots=True)
class _Opening:
    settings: HttpSettings
    around: Surroundings
    opened: ExitStack
    routes: list[Route] = field(default_factory=list)
    checks: dict[str, health.Check] = field(default_factory=dict)
    lifespans: list[Lifespan] = field(default_factory=list)
    ticks: list[Callable[[], None]] = field(default_factory=list)

    def application(self) -> Application:
        settings, around = self.settings, self.around
        if settings.authority is not None:
            self._authority(AuthorityFolder(around.base / settings.authority))
        if settings.timestamps is not None:
            self._time_stamps(settings.timestamps)
        if settings.verify is not None:
            self._verify(settings.verify)
        if settings.desk is not None:
            self._desk(settings.desk)
        self._health()
        self.lifespans.append(self._ticking)
        server = settings.server
        return Application(
            routes=RouteTable(self.routes),
            limits=Limits(read_seconds=None),
            journal=around.journal,
            told=server.told,
            observe=around.hand.observe,
            admit=RateLimit(per_minute=server.requests_per_minute, burst=server.burst)
            if server.requests_per_minute
            else None,
            lifespans=self.lifespans,
        )

    # -- what an authority says

    def _authority(self, folder: AuthorityFolder) -> None:
        register, issuers = folder.register, folder.issuers
        self.opened.callback(register.engine.dispose)
        feed = self.settings.feed
        follower = Follower(
            ChangeFeed(register),
            threads=Threads(count=1, waiting=1, seconds=_REGISTER_SECONDS),
            interval=feed.interval_milliseconds / 1000,
            stale=feed.stale_seconds,
        )
        reading = Threads(count=_REGISTER_THREADS, waiting=_WAITING, seconds=_REGISTER_SECONDS)
        self.lifespans.append(follower.following)
        self.checks["register"] = health.register_check(follower)
        hand = self.around.hand
        self.ticks += [
            lambda: hand.set("eds_feed_silence_seconds", follower.silence),
            lambda: hand.set("eds_threads_busy", reading.busy),
        ]
        self.routes += certificates.certificate_routes(issuers, clock=self.around.clock)
        if self.settings.lists is not None:
            self._lists(folder, follower, reading)
        served: Sequence[ServedIssuer] = ()
        if self.settings.ocsp is not None:
            served = self._ocsp(self.settings.ocsp, folder, follower, reading)
        follower.tell(_Watch(served, self.around.reopen))

    def _lists(self, folder: AuthorityFolder, follower: Follower, reading: Threads) -> None:
        register, issuers, clock = folder.register, folder.issuers, self.around.clock
        octets = self.settings.lists.memory_octets if self.settings.lists else 0
        memory = lists.ListMemory(register, follower=follower, threads=reading, octets=octets)
        ages = health.ListAges(register, issuers, threads=reading, clock=clock)
        self.routes += lists.list_routes(issuers, memory=memory, clock=clock)
        self.lifespans.append(ages.reading)
        self.checks["lists"] = ages.check
        hand = self.around.hand
        self.ticks += [
            lambda: hand.set("eds_list_octets_held", memory.octets),
            lambda: hand.set("eds_list_seconds_left", ages.seconds_left),
        ]

    def _ocsp(
        self,
        settings: OcspSettings,
        folder: AuthorityFolder,
        follower: Follower,
        reading: Threads,
    ) -> Sequence[ServedIssuer]:
        around, issuers = self.around, folder.issuers
        served = self.opened.enter_context(
            open_served_issuers(folder, issuers, pin=around.pin, at=around.clock())
        )
        memory = StatusMemory(
            folder.register.status_of,
            issuers=[issuer.identifier for issuer in issuers],
            follower=follower,
            threads=reading,
            most=self.settings.feed.statuses,
        )
        door = ocsp.OcspDoor(
            tuple(served),
            memory=memory,
            validity=timedelta(hours=settings.validity_hours),
            cache_seconds=settings.cache_seconds,
            clock=around.clock,
            signing=_signing(issuer.settings.responder_store for issuer in issuers),
            told=around.hand.counting("eds_ocsp_answers_total"),
        )
        named = (urlsplit(url).path for issuer in issuers for url in issuer.settings.ocsp_urls)
        self.routes += ocsp.ocsp_routes(door, (settings.path, *named))
        self.checks["responders"] = health.responders_check(served, clock=around.clock)
        self.ticks.append(lambda: around.hand.set("eds_statuses_held", len(memory)))
        return served

    # -- time and documents

    def _time_stamps(self, settings: TimeStampSettings) -> None:
        around = self.around
        store = self._store(settings.key_store)
        key = store.find(settings.key)
        certificate = key.certificate
        if certificate is None:
            raise KeyNotFound(key=f"{settings.key} (no certificate is kept with it)")
        signer = self.opened.enter_context(
            store.open(key, purpose=KeyPurpose.AUTHENTICATION, pin=around.pin)
        )
        authority = TimeStampingAuthority(
            certificate=certificate,
            signer=signer,
            rules=TimeStampRules(
                policy=settings.policy,
                other_policies=frozenset(settings.other_policies),
                accuracy=timedelta(milliseconds=settings.accuracy_milliseconds),
            ),
            node=settings.node,
            chain=tuple(one for one in key.certificates if one != certificate),
        )
        clock = WatchedClock(
            uncertainty=timedelta(milliseconds=settings.uncertainty_milliseconds),
            floor=certificate.not_before,
            clock=around.clock,
        )
        door = timestamps.TimeStampDoor(
            authority,
            clock=clock,
            signing=_signing([settings.key_store]),
            told=around.hand.counting("eds_tsa_answers_total"),
        )
        for path in dict.fromkeys((settings.path, settings.path.rstrip("/") + "/")):
            self.routes.append(
                Route(method="POST", path=path, door=door, limit=timestamps.REQUEST_LIMIT,
                      kind="tsa")
            )  # fmt: skip
        self.lifespans.append(clock.watching)
        self.checks["clock"] = health.clock_check(clock)
        self.checks["tsa"] = health.certificates_check([certificate], clock=around.clock)

    def _store(self, place: str) -> KeyStore:
        if self.settings.authority is not None:
            return AuthorityFolder(self.around.base / self.settings.authority).key_store(place)
        return open_keystore(place if ":" in place else str(self.around.base / place))

    def _verify(self, settings: VerifySettings) -> None:
        around = self.around
        if around.examiner is None or around.apart is None:
            return
        door = verification.VerifyDoor(
            around.examiner,
            apart=around.apart,
            here_octets=settings.here_octets,
            clock=around.clock,
        )
        self.routes.append(
            Route(method="POST", path=settings.path, door=door, limit=settings.document_octets,
                  kind="verify")
        )  # fmt: skip

    def _desk(self, settings: DeskDoorSettings) -> None:
        around = self.around
        folder = DeskFolder(around.base / settings.folder, load=around.load)
        self.opened.callback(folder.close)
        password = folder.issuer_password
        pin = around.pin if password is None else partial(_kept_secret, password)
        signer = self.opened.enter_context(folder.authority.signer_of(folder.issuer, pin=pin))
        threads = Threads(count=_REGISTER_THREADS, waiting=_WAITING, seconds=_ACT_SECONDS)
        service = service_of(folder, signer, threads=threads, clock=around.clock)
        proxies = TrustedProxies(settings.certificate_proxies)
        self.routes += [*desk_routes(service), *est_routes(service, proxies=proxies)]
        clock = DeskClock(service)
        self.lifespans.append(clock.running)
        self.checks["desk"] = clock.check

    # -- itself

    def _health(self) -> None:
        ready = health.ReadyDoor(self.checks)
        for path, door in (("/health/live", health.LiveDoor()), ("/health/ready", ready)):
            self.routes.append(Route(method="GET", path=path, door=door, kind="health"))
        metrics = MetricsDoor(self.around.board)
        self.routes.append(Route(method="GET", path="/metrics", door=metrics, kind="metrics"))

    @asynccontextmanager
    async def _ticking(self) -> AsyncIterator[None]:
        """Write down once a second what this worker has."""
        async with beside(self._tick()):
            yield

    async def _tick(self) -> None:
        hand = self.around.hand
        while True:
            hand.set("eds_resident_octets", resident_octets())
            hand.set("eds_processor_seconds", processor_seconds())
            for tick in self.ticks:
                tick()
            await asyncio.sleep(1)


class _Watch:
    """Has the doors opened anew when what they were opened with has changed."""

    def __init__(
        self,
        served: Sequence[ServedIssuer],
        reopen: Callable[[], None],
    ) -> None:
        self._delegates = {
            (one.issuer[:16], each.certificate.serial_number_octets)
            for one in served
            for each in one.delegates
        }
        self._reopen = reopen

    def __call__(self, changes: Changes) -> None:
        if changes.all or changes.issuers or self._delegates & changes.statuses:
            self._reopen()


def _kept_secret(password: bytes, request: PinRequest) -> Secret:
    """The password that a desk keeps for issuing without a person."""
    del request
    return Secret(password)


def _signing(stores: Iterable[str]) -> Threads | None:
    """Threads for keys in tokens, which take their time; keys in memory are used in the loop."""
    if not any(store.startswith("pkcs11:") for store in stores):
        return None
    return Threads(count=_SIGNING_THREADS, waiting=_WAITING, seconds=_REGISTER_SECONDS)
