"""What stands beside a browser: an extension with a card behind it, NCALayer, and a web server.

Each speaks as the real one does, over what it speaks: messages of the window, a socket under TLS.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from socket import create_server
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from eds.login import Method
from tests.http.portal import card, cms
from tests.verify.cms_house import Signer

# A content script: it says at once that it heard, and then what the program behind it says.
CONTENT_SCRIPT = """
window.addEventListener('message', async (event) => {
  const action = event.data?.action;
  if (event.source !== window || typeof action !== 'string') return;
  if (!action.startsWith('web-eid:') || /-(ack|success|failure)$/.test(action)) return;
  window.postMessage({ action: `${action}-ack` }, event.origin);
  for (const reply of await window.nativeProgram(event.data, location.origin)) {
    window.postMessage(reply, event.origin);
  }
});
"""
OBSERVER = """
document.addEventListener('securitypolicyviolation', (event) => {
  window.policyViolation(`${event.violatedDirective} ${event.blockedURI}`);
});
"""


@dataclass
class Extension:
    """The Web eID extension: the `error` with which it fails, or `silent`."""

    by: Signer | None = None
    error: str | None = None
    silent: bool = False
    """Its user looks for the PIN."""
    sees: str | None = None
    """Another origin than the page's, as a program would that was lied to."""
    heard: list[dict[str, Any]] = field(default_factory=list)

    def native_program(self, asked: dict[str, Any], origin: str) -> list[dict[str, Any]]:
        self.heard.append(asked)
        action = asked["action"]
        said: list[dict[str, Any]] = []
        if self.error is not None:
            error = {"code": self.error, "message": "…", "name": "Error"}
            said.append({"action": f"{action}-failure", "error": error})
        elif action == "web-eid:status":
            versions = {"library": "2.1.0", "extension": "2.4.0", "nativeApp": "2.7.0"}
            said.append({"action": f"{action}-success", **versions})
        elif not self.silent:
            token = card(asked["challengeNonce"], origin=self.sees or origin, by=self.by)
            said.append({"action": f"{action}-success", **json.loads(token)})
        return said


class NcaLayer:
    """NCALayer's socket, as `kz.gov.pki.knca.commonUtils` and `basics` answer it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.by: Signer | None = None
        self.cancels = False
        self.answers: str | None = None
        """What it says in place of a signature."""
        self.heard: list[dict[str, Any]] = []
        self._context = context
        self.port: int = 0  # at first any, then this
        self._server: Any = None
        self._thread = threading.Thread()
        self.start()

    def start(self) -> None:
        from websockets.sync.server import serve

        self._server = serve(self._meet, "127.0.0.1", self.port, ssl=self._context)
        self.port = self._server.socket.getsockname()[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()

    def _meet(self, socket: Any) -> None:
        socket.send(json.dumps({"result": {"version": "1.4"}}))
        for message in socket:
            socket.send("--heartbeat--")
            asked = json.loads(message)
            self.heard.append(asked)
            said = self.answers
            if said is None:
                said = json.dumps(self._answer(asked))
            if said == "closes":
                return
            if said != "waits":
                socket.send(said)

    def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        import base64

        from eds import pem

        basics = asked["module"].endswith("basics")
        if self.cancels:
            if basics:
                return {"status": True, "body": {}}
            return {"code": "500", "message": "action.canceled"}
        statement = asked["args"]["data"] if basics else asked["args"][2]
        token = cms(statement, method=Method.STATEMENT_AS_DATA, by=self.by)
        if basics:
            return {"status": True, "body": {"result": [pem.write("CMS", token).decode()]}}
        return {"code": "200", "responseObject": base64.b64encode(token).decode()}


def certificate_for(folder: Path, *names: str) -> tuple[Path, Path]:
    """A server's certificate that nobody signed but itself, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    alternatives: list[x509.GeneralName] = [x509.DNSName(one) for one in names]
    alternatives.append(x509.IPAddress(ip_address("127.0.0.1")))
    day = timedelta(days=1)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, now - day, now + day)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "server.pem", folder / "server.key"
    certificate.write_bytes(made.public_bytes(Encoding.PEM))
    secret.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return certificate, secret


@contextmanager
def served(app: Any, certificate: Path, key: Path) -> Iterator[int]:
    """The port at which uvicorn serves an app under TLS, for as long as the context lasts."""
    import uvicorn

    with create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                log_level="error",
                lifespan="off",
                ssl_certfile=certificate,
                ssl_keyfile=str(key),
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()
