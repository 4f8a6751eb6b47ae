"""A desk behind its doors, a citizen and officials who speak JSON to it, and a server for curl."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn

from eds.certificates import Certificate
from eds.enroll.application import Application as Case
from eds.enroll.evidence.cscas import CscaStore
from eds.enroll.statements import (
    ActivationStatement,
    ConfirmationStatement,
    PossessionStatement,
    SignedAct,
)
from eds.http import Application, RouteTable
from eds.http.clientcertificates import TrustedProxies
from eds.http.desk import desk_routes
from eds.http.deskservice import DeskService
from eds.http.est import est_routes
from eds.http.journal import Entry, Told
from eds.http.protocol import ConnectionLimits, limited
from eds.http.threads import Threads
from eds.names import Name
from eds.requests import CertificationRequest
from tests.ca.hierarchy import authority, root
from tests.enroll.house import (
    ALGORITHM,
    OPERATOR,
    PASSPHRASE,
    RESIDENT,
    TERMS,
    Holder,
    House,
)
from tests.http.asgi import Answer, answer

TOKEN = base64.urlsafe_b64encode(b"the applicant's own token").decode().rstrip("=")
PROXY = "192.0.2.1"


def b64(octets: bytes) -> str:
    return base64.b64encode(octets).decode()


@dataclass
class Doors:
    """The desk of a house behind its doors; `told` is all that the log says."""

    house: House
    proxies: tuple[str, ...] = ()
    risk: int = 0
    told: list[Entry] = field(default_factory=list)
    cscas: CscaStore = field(default_factory=lambda: CscaStore(()))

    def __post_init__(self) -> None:
        issuer = authority("issuing-ca").certificate
        self.keys = itertools.count(1)
        self.service = DeskService(
            desk=self.house.desk,
            issuing=self.house.issuing,
            authority=self.house.authority,
            risk=lambda application: self.risk,
            chain=(issuer, root().certificate),
            terms=b"the terms",
            cscas=self.cscas,
            threads=Threads(count=8, waiting=64, seconds=60),
            clock=lambda: self.house.at,
        )
        proxies = TrustedProxies(self.proxies)
        self.application = Application(
            routes=RouteTable(
                [*desk_routes(self.service), *est_routes(self.service, proxies=proxies)]
            ),
            journal=self.told.append,
            told=Told.ALL,
        )

    def send(
        self, method: str, path: str, body: Any = None, *, key: str = "", token: str = TOKEN,
        **headers: str,
    ) -> Answer:  # fmt: skip
        pieces = [b""]
        if body is not None:
            pieces = [body if isinstance(body, bytes) else json.dumps(body).encode()]
            headers.setdefault("content_type", "application/json")
        if token:
            headers.setdefault("authorization", f"Bearer {token}")
        if method == "POST":
            headers.setdefault("idempotency_key", key or f"k{next(self.keys)}")
        return answer(self.application, method, path, pieces=pieces, **headers)

    # -- a citizen

    def open(self, number: str = RESIDENT, **more: Any) -> Answer:
        body = {"flow": "remote", "profile": "natural-person-signature", "personal_number": number}
        return self.send("POST", "/desk/v1/applications", body | more.pop("body", {}), **more)

    def post(self, application: str, name: str, body: Any = None, **more: Any) -> Answer:
        return self.send("POST", f"/desk/v1/applications/{application}/{name}", body, **more)

    def case(self, application: str) -> Case:
        return self.house.store.load(application)

    def cleared(self, number: str = RESIDENT, **body: Any) -> str:
        """An application taken to CLEARED by its own words."""
        made = self.open(number, body=body)
        assert made.status == 201, made.body
        name: str = made.json["application"]
        terms = {"consent": "I agree", "terms": TERMS.hex()}
        for act, said in (("submit", terms), ("code", None)):
            assert self.post(name, act, said).status == 200
        assert self.post(name, "contact", {"code": self.house.code()}).status == 200
        assert self.post(name, "evidence", {"kind": "register_photo"}).status == 200
        token = self.house.face(self.case(name))
        done = self.post(name, "face", {"token": b64(token)})
        assert done.status == 200, done.body
        return name

    def key_body(self, application: str, key: Holder, secret: str = "") -> dict[str, Any]:
        case = self.case(application)
        request = CertificationRequest.build(Name.build([]), key.signer)
        statement = PossessionStatement(
            application=application, nonce=case.nonce, key=request.public_key.fingerprint,
            request=request.fingerprint, profile=case.profile,
        )  # fmt: skip
        made = {
            "request": b64(request.encoded),
            "possession": b64(key.signer.sign(statement.encoded)),
            "algorithm": ALGORITHM,
        }
        return {**made, "secret": secret} if secret else made

    def confirmation(self, application: str, key: Holder) -> dict[str, Any]:
        shown = self.send("GET", f"/desk/v1/applications/{application}/fields").json
        statement = ConfirmationStatement(
            application=application,
            nonce=self.case(application).nonce,
            fields=bytes.fromhex(shown["digest"]),
        )
        return {"confirmation": b64(key.signer.sign(statement.encoded)), "algorithm": ALGORITHM}

    def acceptance(self, application: str, key: Holder) -> dict[str, Any]:
        seen = self.send("GET", f"/desk/v1/applications/{application}").json
        statement = ActivationStatement(
            application=application,
            certificate=bytes.fromhex(seen["certificate"]),
            challenge=bytes.fromhex(seen["challenge"]),
        )
        return {
            "acceptance": b64(key.signer.sign(statement.encoded)),
            "algorithm": ALGORITHM,
            "passphrase": PASSPHRASE,
        }

    def active(self, application: str, key: Holder, secret: str = "") -> Certificate:
        for act, body in (
            ("key", self.key_body), ("confirmation", self.confirmation),
        ):  # fmt: skip
            said = body(application, key, *([secret] if act == "key" else []))
            done = self.post(application, act, said)
            assert done.status == 200, done.body
        issued = self.post(application, "certificate")
        assert issued.status == 200, issued.body
        assert self.post(application, "activation", self.acceptance(application, key)).status == 200
        return Certificate(base64.b64decode(issued.json["certificate"]))

    # -- officials

    def office(self, path: str, body: Any = None, **more: Any) -> Answer:
        return self.send("POST", f"/desk/v1/office/{path}", body, token="", **more)

    def reading(self, by: str = OPERATOR, **changes: Any) -> dict[str, Any]:
        return spelled(self.house.signed(by, "read", target="desk", version=0, **changes))

    def decide(self, application: str, name: str, by: str, *, act: str = "", **more: Any) -> Answer:
        signed = self.house.act(self.case(application), by, act or name.replace("-", "_"))
        return self.office(f"applications/{application}/{name}", {"act": spelled(signed)}, **more)


def spelled(act: SignedAct) -> dict[str, Any]:
    return {"statement": b64(act.statement), "signature": b64(act.signature)}


@contextmanager
def serving(
    application: Application, *, context: ssl.SSLContext | None = None, **settings: Any
) -> Iterator[int]:
    """The application under uvicorn, as `eds serve` has it, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        asgi: Any = application
        protocol: Any = limited(ConnectionLimits())
        config = uvicorn.Config(asgi, http=protocol, log_config=None, lifespan="on", **settings)
        config.load()
        config.ssl = context
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            yield port
        finally:
            server.should_exit = True
            thread.join()
