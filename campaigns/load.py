"""The doors under load: wrk on loopback, each door beside the same server answering a constant.

OCSP answers given again and signed live, time-stamps, and the report on a CMS of 10 kB, for a
minute each, in turns with a constant and with the same call made in process. The constant is
answered twice: by Starlette under uvicorn as both ship, which is the ceiling of whoever builds such
doors with a framework, and by our own server, which is quicker and the harder one. Client, workers
and whatever else runs share the machine, so only what was measured in turns is compared. First,
how long a revocation takes to be told by every worker.
`make campaign-load`, or with `ARGS="SECONDS [NAME]"` for another length, and for one alone.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from eds import der
from eds.ca.folder import AuthorityFolder
from eds.ca.lifecycle import Act
from eds.ca.responder import Responder, read_request
from eds.ca.responders import open_served_issuers
from eds.ca.tsa import ClockReading, TimeStampingAuthority, TimeStampRules
from eds.http.serving import Serving, listening
from eds.http.settings import ServerSettings
from eds.http.verification import Examiner, Question
from eds.keys.contract import KeyPurpose
from eds.ocsp import OcspResponse
from eds.verify.policy import BASIC
from eds.verify.trustfolder import load_trust_store
from tests.ca.authority_house import pin
from tests.http.house import House, Server, build_house, ocsp_request, serving

PEOPLE = 200
REVOKED = 30
WARM = 200
CONNECTIONS = 32
WORKERS = 2
DOCUMENT = 10_240
SLICE = 5.0
LUA = """
local requests, at = {{}}, 0
init = function(args)
  for n = 1, {count} do
    local file = io.open("{folder}/" .. n, "rb")
    local headers = {{["Content-Type"] = "{media_type}"}}
    requests[n] = wrk.format("POST", "{path}", headers, file:read("*a"))
    file:close()
  end
end
request = function() at = at % {count} + 1; return requests[at] end
done = function(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Subject:
    """A door to be measured. `goal` is of the ceiling, or of what ceiling and call allow."""

    name: str
    path: str
    media_type: str
    bodies: Sequence[bytes]
    goal: float
    in_process: str | None


@dataclass
class Outcome:
    ours: list[tuple[float, float]] = field(default_factory=list)  # rate, p99 in ms
    framework: list[float] = field(default_factory=list)  # rates of the constant
    server: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)
    resident: list[tuple[float, float]] = field(default_factory=list)  # minutes, octets
    errors: int = 0
    requests: int = 0

    def ratio(self, ceilings: Sequence[float]) -> float:
        return statistics.median(
            rate / self._allowed(ceiling, number)
            for number, ((rate, _), ceiling) in enumerate(zip(self.ours, ceilings, strict=True))
        )

    def _allowed(self, ceiling: float, number: int) -> float:
        return ceiling if not self.calls else 1 / (1 / ceiling + 1 / self.calls[number])

    @property
    def slope(self) -> float:
        """KiB a minute that the workers grew by, the first third left out."""
        points = self.resident[len(self.resident) // 3 :]
        if len(points) < 2:
            return 0.0
        return statistics.linear_regression(*zip(*points, strict=True)).slope / 1024


def main() -> int:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    if shutil.which("wrk") is None:
        print("wrk is not installed")
        return 2
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    failed = False
    with tempfile.TemporaryDirectory(prefix="eds-load-") as name:
        house = build_house(Path(name) / "house", people=PEOPLE)
        with serving(house) as server:
            if not only:
                failed |= revocations(house, server)
            for subject in subjects(house, server):
                if only not in subject.name:
                    continue
                with (
                    constant(server, subject, by_starlette) as framework,
                    constant(server, subject, by_our_server) as own,
                ):
                    outcome = measured(house, server, subject, (framework, own), seconds)
                failed |= tell(subject, outcome)
    print("failed" if failed else "held")
    return int(failed)


def revocations(house: House, server: Server) -> bool:
    """How long it takes until every worker tells of a revocation."""
    connections = [server.connect() for _ in range(16)]
    waits = []
    for certificate in house.issue(REVOKED):
        asked = ocsp_request(house, certificate)
        if {answered(one, asked) for one in connections} != {"GOOD"}:
            raise RuntimeError("not good")
        house.change(certificate, Act.REVOKE)
        began = time.monotonic()
        while {answered(one, asked) for one in connections} != {"REVOKED"}:
            pass
        waits.append(time.monotonic() - began)
    print(
        f"revocation told by all workers: median {statistics.median(waits) * 1000:.0f} ms, "
        f"longest of {REVOKED} {max(waits) * 1000:.0f} ms (goal 1000)",
        flush=True,
    )
    return max(waits) > 1


def answered(connection: http.client.HTTPConnection, asked: bytes) -> str:
    connection.request("POST", "/ocsp", asked, {"Content-Type": "application/ocsp-request"})
    return OcspResponse(connection.getresponse().read()).responses[0].status.name


def subjects(house: House, server: Server) -> Iterator[Subject]:
    asked = [ocsp_request(house, one) for one in house.people]
    nonces = [ocsp_request(house, one, nonce=secrets.token_bytes(16)) for one in house.people * 5]
    document = house.raised(house.signed(b"x"), port=server.port)
    document = house.raised(house.signed(b"x" * (DOCUMENT - len(document))), port=server.port)
    ocsp = ("/ocsp", "application/ocsp-request")
    yield Subject("OCSP, given again", *ocsp, asked, 0.85, None)
    yield Subject("OCSP, signed live (P-256)", *ocsp, nonces, 0.80, "ocsp")
    yield Subject(
        "time-stamp (P-256)", "/tsa", "application/timestamp-query", [stamp_request()], 0.80, "tsa"
    )
    yield Subject(
        f"report on a CMS of {len(document):,} octets", "/verify", "application/cms", [document],
        0.80, "verify",
    )  # fmt: skip


def stamp_request() -> bytes:
    algorithm = der.sequence(der.object_identifier("2.16.840.1.101.3.4.2.1"), der.null())
    imprint = der.sequence(algorithm, der.octet_string(secrets.token_bytes(32)))
    return der.sequence(der.integer(1), imprint, der.integer(4711), b"\x01\x01\xff")


def measured(
    house: House, server: Server, subject: Subject, constants: tuple[int, int], seconds: float
) -> Outcome:
    outcome = Outcome()
    slice_seconds = min(SLICE, seconds)
    with tempfile.TemporaryDirectory(prefix="eds-load-") as name:
        folder = Path(name)
        for number, body in enumerate(subject.bodies, 1):
            (folder / str(number)).write_bytes(body)
        script = folder / "script.lua"
        script.write_text(
            LUA.format(count=len(subject.bodies), folder=folder, path=subject.path,
                       media_type=subject.media_type)
        )  # fmt: skip
        wrk(server.port, script, min(1.0, seconds))  # what is kept is kept, pages are touched
        began = time.monotonic()
        for _ in range(max(3, round(seconds / slice_seconds))):
            rate, p99, count, errors = wrk(server.port, script, slice_seconds)
            outcome.ours.append((rate, p99))
            outcome.errors += errors
            outcome.requests += count
            outcome.resident.append(((time.monotonic() - began) / 60, resident(server)))
            for rates, port in zip((outcome.framework, outcome.server), constants, strict=True):
                rate, _, _, errors = wrk(port, script, slice_seconds)
                rates.append(rate)
                outcome.errors += errors
            if subject.in_process is not None:
                outcome.calls.append(call_rate(house, subject, min(2.0, slice_seconds)))
    return outcome


def wrk(port: int, script: Path, seconds: float) -> tuple[float, float, int, int]:
    """Requests a second, p99 in milliseconds, requests, errors."""
    said = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{max(1, round(seconds))}s", "-s", str(script),
         f"http://127.0.0.1:{port}/"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", said)
    if found is None:
        raise RuntimeError(said)
    count, micros, _, p99, errors = map(int, found.groups())
    return count / micros * 1_000_000, p99 / 1000, count, errors


def resident(server: Server) -> float:
    _, _, text = server.ask("GET", "/metrics")
    return sum(map(float, re.findall(r"eds_resident_octets\{[^}]*\} ([0-9.]+)", text.decode())))


def tell(subject: Subject, outcome: Outcome) -> bool:
    ratio = outcome.ratio(outcome.framework)
    rate = statistics.median(rate for rate, _ in outcome.ours)
    calls = f", call in process {statistics.median(outcome.calls):,.0f}/s" if outcome.calls else ""
    print(
        f"{subject.name}: {rate:,.0f}/s, "
        f"constant by Starlette {statistics.median(outcome.framework):,.0f}/s, "
        f"by our server {statistics.median(outcome.server):,.0f}/s{calls}; "
        f"ratio {ratio:.2f} (goal {subject.goal}), "
        f"beside our server {outcome.ratio(outcome.server):.2f}; "
        f"p99 {statistics.median(p99 for _, p99 in outcome.ours):.1f} ms; "
        f"{outcome.requests:,} requests, {outcome.errors} errors; "
        f"memory {outcome.slope:+,.0f} KiB a minute",
        flush=True,
    )
    return ratio < subject.goal or outcome.errors > 0


# --- the constant ---------------------------------------------------------------------------------


Headers = list[tuple[bytes, bytes]]
Worker = Callable[[Any, ServerSettings, Headers, bytes], None]


def by_our_server(listener: Any, settings: ServerSettings, headers: Headers, body: bytes) -> None:
    """The server of the doors, with the same settings, and nothing behind it."""

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        while (await receive()).get("more_body"):
            pass
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    Serving(answer, settings).run(listener)  # type: ignore[arg-type]


def by_starlette(listener: Any, settings: ServerSettings, headers: Headers, body: bytes) -> None:
    """Starlette under uvicorn, as both ship: uvloop, httptools, no log of accesses."""
    import uvicorn
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    told = {name.decode(): value.decode() for name, value in headers}

    async def answer(request: Request) -> Response:
        await request.body()
        return Response(body, headers=told)

    app = Starlette(routes=[Route("/{path:path}", answer, methods=["POST"])])
    config = uvicorn.Config(
        app, log_config=None, access_log=False, timeout_keep_alive=settings.idle_seconds
    )
    uvicorn.Server(config).run(sockets=[listener])


@contextmanager
def constant(server: Server, subject: Subject, worker: Worker) -> Iterator[int]:
    """The port at which so many workers answer what the door answered once."""
    _, headers, body = server.ask(
        "POST", subject.path, subject.bodies[0], content_type=subject.media_type
    )
    told = [(name.encode(), value.encode()) for name, value in headers.items() if name != "date"]
    settings = ServerSettings(port=0, workers=WORKERS)
    listeners = listening(settings, count=WORKERS)
    processes = []
    for listener in listeners:
        process = os.fork()
        if process == 0:
            worker(listener, settings, told, body)
            os._exit(0)
        processes.append(process)
    port = listeners[0].getsockname()[1]
    for listener in listeners:
        listener.close()
    try:
        time.sleep(1.5)
        yield port
    finally:
        for process in processes:
            os.kill(process, 15)
        for process in processes:
            os.waitpid(process, 0)


# --- the same call in process ---------------------------------------------------------------------


def call_rate(house: House, subject: Subject, seconds: float) -> float:
    """Calls a second of as many processes as there are workers."""
    context = get_context("spawn")
    arguments = (str(house.path), subject.in_process, list(subject.bodies), seconds)
    with context.Pool(WORKERS) as pool:
        return sum(pool.starmap(calls, [arguments] * WORKERS))


def calls(path: str, kind: str, bodies: list[bytes], seconds: float) -> float:
    folder = AuthorityFolder(Path(path))
    if kind == "ocsp":
        with open_served_issuers(folder, folder.issuers, pin=pin, at=datetime.now(UTC)) as served:
            heads = {head: one.issuer for one in served for head in one.cert_id_heads()}
            statuses = {}
            for body in bodies:
                for item in read_request(body).items:
                    issuer = heads[item.head]
                    statuses[issuer, item.serial] = folder.register.status_of(issuer, item.serial)
            responder = Responder(
                served, status_of=lambda *key: statuses[key], validity=timedelta(hours=12)
            )
            return _rate(
                lambda body: responder.respond(body, at=datetime.now(UTC)), bodies, seconds
            )
    if kind == "tsa":
        store = folder.key_store("keys")
        key = store.find("tsu-1")
        with store.open(key, purpose=KeyPurpose.AUTHENTICATION, pin=pin) as signer:
            authority = TimeStampingAuthority(
                certificate=key.certificates[0], signer=signer, node=1,
                rules=TimeStampRules(policy="1.2.398.3.3.2.6.4"),
            )  # fmt: skip
            return _rate(
                lambda body: authority.respond(
                    body,
                    clock=ClockReading(
                        at=datetime.now(UTC), uncertainty=timedelta(milliseconds=500)
                    ),
                ),
                bodies,
                seconds,
            )
    examiner = Examiner(trust=load_trust_store(Path(path) / "trust"), policy=BASIC)
    report = json.loads(examiner.examine(Question(document=bodies[0], at=datetime.now(UTC))))
    if report["indication"] != "TOTAL_PASSED":
        raise RuntimeError("the document does not pass")
    return _rate(
        lambda body: examiner.examine(Question(document=body, at=datetime.now(UTC))),
        bodies,
        seconds,
    )


def _rate(call: Callable[[bytes], object], bodies: list[bytes], seconds: float) -> float:
    for number in range(WARM):  # as warm as a worker that has been asked for a while
        call(bodies[number % len(bodies)])
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        call(bodies[count % len(bodies)])
        count += 1
    return count / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main())
