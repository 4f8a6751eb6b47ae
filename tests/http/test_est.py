"""EST as OpenSSL and curl speak it, and what is refused to whoever means harm."""

from __future__ import annotations

import base64
import shutil
import ssl
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from eds.certificates import Certificate
from eds.enroll.statements import (
    ActivationStatement,
    ConfirmationStatement,
    RenewalStatement,
)
from eds.enroll.states import State
from eds.names import COMMON_NAME, Name
from eds.requests import CertificationRequest
from tests.enroll.house import ALGORITHM, DAY, PASSPHRASE, TERMS, Holder, resident
from tests.http.asgi import Answer
from tests.http.desk_house import Doors, b64, serving
from tests.http.tlsproxy import proxy, server_certificate, server_context

CURL, OPENSSL = shutil.which("curl"), shutil.which("openssl")
EST = "/.well-known/est"
PROFILE = "natural-person-authentication"
_CONFIG = """
[req]
prompt = no
distinguished_name = name
attributes = attributes
[name]
C = KZ
[attributes]
challengePassword = {credential}
"""


def pem(certificate: Certificate) -> str:
    return ssl.DER_cert_to_PEM_cert(certificate.encoded)


def run(*command: str | Path, data: bytes = b"") -> bytes:
    done = subprocess.run(
        list(map(str, command)), input=data, capture_output=True, check=False, timeout=180
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Client:
    """A person with openssl and curl, who keeps keys in a folder."""

    def __init__(self, folder: Path, doors: Doors) -> None:
        self.folder = folder
        self.doors = doors
        chain = [pem(each) for each in doors.service.chain]
        (folder / "anchors.pem").write_text("".join(chain))

    def request(self, name: str, credential: str) -> Path:
        """A new key, and a request for it in base64."""
        assert OPENSSL
        key = self.folder / f"{name}.key"
        run(
            OPENSSL,
            "genpkey",
            "-algorithm",
            "EC",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-out",
            key,
        )
        config = self.folder / "req.cnf"
        config.write_text(_CONFIG.format(credential=credential))
        made = run(OPENSSL, "req", "-new", "-key", key, "-config", config, "-outform", "DER")
        body = self.folder / f"{name}.b64"
        body.write_bytes(base64.encodebytes(made))
        return body

    def sign(self, name: str, statement: bytes) -> str:
        assert OPENSSL
        key = self.folder / f"{name}.key"
        return b64(run(OPENSSL, "dgst", "-sha256", "-sign", key, data=statement))

    def curl(
        self, url: str, *options: str | Path, body: Path | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        assert CURL
        sent: list[str | Path] = []
        if body is not None:
            sent = ["-H", "Content-Type: application/pkcs10", "--data-binary", f"@{body}"]
        out = self.folder / "out"
        told = run(CURL, "-sS", "-m", "120", "-o", out, "-D", "-", *sent, *options, url).decode()
        status, *lines = told.replace("HTTP/1.1 100 Continue\r\n\r\n", "").strip().split("\r\n")
        headers = {}
        for line in lines:
            name, _, text = line.partition(":")
            headers[name.lower()] = text.strip()
        return int(status.split()[1]), headers, out.read_bytes() if out.exists() else b""

    def certificates(self, body: bytes) -> list[Certificate]:
        """What openssl finds in a certs-only answer."""
        assert OPENSSL
        printed = run(
            OPENSSL, "pkcs7", "-inform", "DER", "-print_certs", data=base64.b64decode(body)
        )
        return list(Certificate.load_all(printed))

    def confirm(self, application: str, name: str) -> None:
        path = f"/desk/v1/applications/{application}"
        shown = self.doors.send("GET", f"{path}/fields").json
        nonce = bytes.fromhex(self.doors.send("GET", path).json["nonce"])
        statement = ConfirmationStatement(
            application=application, nonce=nonce, fields=bytes.fromhex(shown["digest"])
        )
        said = {"confirmation": self.sign(name, statement.encoded), "algorithm": ALGORITHM}
        assert self.doors.post(application, "confirmation", said).status == 200

    def accept(self, application: str, name: str) -> None:
        seen = self.doors.send("GET", f"/desk/v1/applications/{application}").json
        statement = ActivationStatement(
            application=application,
            certificate=bytes.fromhex(seen["certificate"]),
            challenge=bytes.fromhex(seen["challenge"]),
        )
        said = {
            "acceptance": self.sign(name, statement.encoded),
            "algorithm": ALGORITHM,
            "passphrase": PASSPHRASE,
        }
        assert self.doors.post(application, "activation", said).json["state"] == "active"


def credential(doors: Doors, application: str) -> str:
    made = doors.post(application, "est-credential")
    assert made.json["user"] == application
    password: str = made.json["password"]
    return password


def renewing(doors: Doors, certificate: Certificate, sign: Any) -> str:
    """A renewal, taken by JSON to where a key is wanted."""
    opened = doors.send("POST", "/desk/v1/renewals", {"certificate": b64(certificate.encoded)})
    assert opened.status == 201, opened.body
    name: str = opened.json["application"]
    terms = {"consent": "I agree", "terms": TERMS.hex()}
    assert doors.post(name, "submit", terms).status == 200
    seen = doors.post(name, "code")
    assert seen.status == 200, seen.body
    statement = RenewalStatement(
        application=name,
        challenge=bytes.fromhex(seen.json["challenge"]),
        certificate=certificate.fingerprint,
    )
    proof = {
        "signature": sign(statement.encoded), "algorithm": ALGORITHM, "code": doors.house.code(),
    }  # fmt: skip
    done = doors.post(name, "living-key", proof)
    assert done.json["state"] == "cleared", done.body
    return name


@pytest.mark.skipif(CURL is None or OPENSSL is None, reason="curl and openssl are wanted")
def test_openssl_and_curl_enrol_and_renew(doors: Doors, tmp_path: Path) -> None:
    doors = Doors(doors.house, proxies=("127.0.0.1",))
    client = Client(tmp_path, doors)
    certificate, key = server_certificate(tmp_path)
    context = server_context(certificate, key, tmp_path / "anchors.pem")
    with serving(doors.application) as port, proxy(context, port) as front:
        base = f"https://127.0.0.1:{front}{EST}"
        tls = ("--cacert", certificate)

        status, headers, body = client.curl(f"{base}/cacerts", *tls)
        assert (status, headers["content-type"]) == (200, "application/pkcs7-mime")
        assert set(client.certificates(body)) == set(doors.service.chain)
        status, headers, body = client.curl(f"{base}/{PROFILE}/csrattrs", *tls)
        assert (status, headers["content-type"]) == (200, "application/csrattrs")
        assert OPENSSL
        parsed = run(OPENSSL, "asn1parse", "-inform", "DER", data=base64.b64decode(body)).decode()
        assert "challengePassword" in parsed
        assert "prime256v1" in parsed

        application = doors.cleared(profile=PROFILE)
        password = credential(doors, application)
        request = client.request("first", password)
        url = f"{base}/{PROFILE}/simpleenroll"
        basic = ("-u", f"{application}:{password}")
        status, headers, body = client.curl(url, *tls, *basic, body=request)
        assert (status, headers.get("retry-after"), body) == (202, "10", b"")
        client.confirm(application, "first")
        status, headers, body = client.curl(url, *tls, *basic, body=request)
        assert (status, headers["content-type"]) == (
            200, "application/pkcs7-mime; smime-type=certs-only",
        )  # fmt: skip
        (first,) = client.certificates(body)
        again = client.curl(url, *tls, *basic, body=request)
        assert again[2] == body
        (tmp_path / "first.pem").write_text(pem(first))
        run(OPENSSL, "verify", "-no_check_time", "-CAfile", tmp_path / "anchors.pem",
            tmp_path / "first.pem")  # fmt: skip
        client.accept(application, "first")

        doors.house.tick(by=30 * DAY)
        application = renewing(doors, first, lambda octets: client.sign("first", octets))
        request = client.request("second", credential(doors, application))
        url = f"{base}/simplereenroll"
        assert client.curl(url, *tls, body=request)[0] == 403  # no certificate in the handshake
        mine = ("--cert", tmp_path / "first.pem", "--key", tmp_path / "first.key")
        forged = ("-H", f"Client-Cert: :{b64(first.encoded)}:")
        assert client.curl(url, *tls, *forged, body=request)[0] == 403  # the proxy removes it
        assert client.curl(url, *tls, *mine, body=request)[0] == 202
        client.confirm(application, "second")
        status, _, body = client.curl(url, *tls, *mine, body=request)
        assert status == 200
        (second,) = client.certificates(body)
        assert (second.subject, second.public_key == first.public_key) == (first.subject, False)
        client.accept(application, "second")
    doors.house.check_log()


@pytest.mark.skipif(CURL is None or OPENSSL is None, reason="curl and openssl are wanted")
def test_curl_renews_under_the_servers_own_tls(doors: Doors, tmp_path: Path) -> None:
    client = Client(tmp_path, doors)
    certificate, private = server_certificate(tmp_path)
    key = Holder()
    first = doors.active(doors.cleared(profile=PROFILE), key)
    doors.house.tick(by=30 * DAY)
    application = renewing(doors, first, lambda octets: b64(key.signer.sign(octets)))
    request = client.request("second", credential(doors, application))
    (tmp_path / "first.pem").write_text(pem(first))
    (tmp_path / "first.key").write_bytes(
        key.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    context = server_context(certificate, private, tmp_path / "anchors.pem")
    with serving(doors.application, context=context) as port:
        url = f"https://127.0.0.1:{port}{EST}/{PROFILE}/simplereenroll"
        tls = ("--cacert", certificate)
        mine = ("--cert", tmp_path / "first.pem", "--key", tmp_path / "first.key")
        assert client.curl(url, *tls, body=request)[0] == 403
        forged = ("-H", f"Client-Cert: :{b64(first.encoded)}:")
        for shown in (forged, (*mine, *forged)):  # no proxy is trusted here
            assert client.curl(url, *tls, *shown, body=request)[0] == 403
        assert client.curl(url, *tls, *mine, body=request)[0] == 202
        client.confirm(application, "second")
        status, _, body = client.curl(url, *tls, *mine, body=request)
        assert (status, len(client.certificates(body))) == (200, 1)


@pytest.mark.skipif(CURL is None, reason="curl is wanted")
def test_what_a_proxy_says_of_its_clients_makes_nobody_a_proxy(
    doors: Doors, tmp_path: Path
) -> None:
    """X-Forwarded-For replaces the client's address; the peer of the connection stays known."""
    key = Holder()
    first = doors.active(doors.cleared(profile=PROFILE), key)
    doors.house.tick(by=30 * DAY)
    name = renewing(doors, first, lambda octets: b64(key.signer.sign(octets)))
    client = Client(tmp_path, doors)
    body = tmp_path / "request"
    body.write_bytes(asked(Holder(), credential(doors, name)))
    shown = ("-H", f"Client-Cert: :{b64(first.encoded)}:")
    believed: dict[str, Any] = {"proxy_headers": True, "forwarded_allow_ips": ["127.0.0.1"]}
    for trusted, forwarded, status in (
        (("192.0.2.1",), "192.0.2.1", 403),
        (("127.0.0.1",), "203.0.113.5", 202),
    ):
        behind = Doors(doors.house, proxies=trusted)
        with serving(behind.application, **believed) as port:
            url = f"http://127.0.0.1:{port}{EST}/simplereenroll"
            said = (*shown, "-H", f"X-Forwarded-For: {forwarded}")
            assert client.curl(url, *said, body=body)[0] == status


# --- misbehaviour --------------------------------------------------------------------------------


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def asked(key: Holder, password: str, subject: Name | None = None) -> bytes:
    made = CertificationRequest.build(
        subject or Name.build([]), key.signer, challenge_password=password
    )
    return base64.b64encode(made.encoded)


def enrol(doors: Doors, authorization: str, body: bytes, **more: Any) -> Answer:
    headers = {"content_type": "application/pkcs10", "authorization": authorization}
    path = more.pop("path", f"{EST}/simpleenroll")
    return doors.send("POST", path, body, token="", **(headers | more))


def renew(doors: Doors, body: bytes, *shown: str, **more: Any) -> Answer:
    headers = {"content_type": "application/pkcs10"}
    extra = {"client_cert": shown[0]} if shown else {}
    return doors.send("POST", f"{EST}/simplereenroll", body, token="", **headers, **extra, **more)


def reasons(answer: Answer) -> list[str]:
    assert answer.problem == (403, "enroll.refused"), answer.body
    found: list[str] = answer.json["reasons"]
    return found


def test_who_shows_no_credential_is_told_nothing(doors: Doors) -> None:
    name = doors.cleared()
    password = credential(doors, name)
    body = asked(Holder(), password)
    answers = [
        enrol(doors, each, body)
        for each in (
            "", "Basic", "Basic !!!", f"Bearer {password}", basic(name, ""), basic("", password),
            basic(name, password[:-1] + ("A" if password[-1] != "A" else "B")),
            basic("0" * 32, password), basic("../" + name, password), basic(name, password + "é"),
        )
    ]  # fmt: skip
    assert {each.problem for each in answers} == {(401, "http.authentication_required")}
    assert len({each.body for each in answers}) == 1
    assert answers[0].headers["www-authenticate"] == 'Basic realm="EST", charset="UTF-8"'
    assert doors.case(name).state is State.CLEARED
    told = "".join(entry.line for entry in doors.told)
    assert password not in told
    assert name not in told


def test_bodies_that_are_no_requests_are_refused(doors: Doors) -> None:
    name = doors.cleared()
    password = credential(doors, name)
    me, good = basic(name, password), asked(Holder(), password)
    assert enrol(doors, me, good, content_type="application/x-pem-file").status == 415
    assert enrol(doors, me, b"not base64 at all!").problem == (400, "http.malformed_request")
    pem = b"-----BEGIN CERTIFICATE REQUEST-----\n" + good
    assert enrol(doors, me, pem).problem == (400, "http.malformed_request")
    assert enrol(doors, me, b"A" * (64 * 1024 + 1)).problem == (413, "http.request_too_large")
    der = base64.b64decode(good)
    for broken in (b"", der[:-1], der + b"\0", b"\x30\x00", der[::-1], b"\x30\x84" + b"\xff" * 9):
        answer = enrol(doors, me, base64.b64encode(broken))
        assert 400 <= answer.status < 500, broken
    assert doors.case(name).state is State.CLEARED
    forged = der[:-1] + bytes((der[-1] ^ 1,))  # the signature of the key itself
    assert "possession_not_proved" in reasons(enrol(doors, me, base64.b64encode(forged)))


def test_a_request_of_another_application_or_of_no_key_is_refused(doors: Doors) -> None:
    first = doors.cleared()
    password = credential(doors, first)
    other = "850101300018"
    doors.house.population.people[other] = resident(other)
    doors.house.phones.numbers[other] = "+77010000002"
    second = doors.cleared(other)
    foreign = asked(Holder(), credential(doors, second))
    assert reasons(enrol(doors, basic(first, password), foreign)) == ["possession_foreign"]
    unlinked = asked(Holder(), "")
    assert reasons(enrol(doors, basic(first, password), unlinked)) == ["possession_foreign"]
    invented = Name.build([(COMMON_NAME, "ПРЕЗИДЕНТ")])
    answer = enrol(doors, basic(first, password), asked(Holder(), password, invented))
    assert reasons(answer) == ["names_invented"]


def test_a_profile_that_was_not_decided_is_not_issued(doors: Doors) -> None:
    name = doors.cleared()
    password = credential(doors, name)
    body = asked(Holder(), password)
    for label in (PROFILE, "natural-person-unified", "root", "x"):
        path = f"{EST}/{label}/simpleenroll"
        assert enrol(doors, basic(name, password), body, path=path).problem == (
            404, "http.not_found",
        )  # fmt: skip
    path = f"{EST}/natural-person-signature/simpleenroll"
    assert enrol(doors, basic(name, password), body, path=path).status == 202


def test_a_credential_works_for_one_request_and_always_alike(doors: Doors) -> None:
    name = doors.cleared()
    password, key = credential(doors, name), Holder()
    me, body = basic(name, password), asked(key, password)
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: enrol(doors, me, body).status, range(20)))
    assert set(answers) == {202}
    assert reasons(enrol(doors, me, asked(Holder(), password))) == ["possession_foreign"]
    doors.post(name, "confirmation", doors.confirmation(name, key))
    with ThreadPoolExecutor(20) as pool:
        bodies = set(pool.map(lambda _: enrol(doors, me, body).body, range(20)))
    assert len(bodies) == 1
    doors.post(name, "repudiation")
    assert enrol(doors, me, body).problem == (409, "enroll.wrong_state")
    doors.house.check_log()


def test_before_the_decision_there_is_no_credential(doors: Doors) -> None:
    doors.risk = 80
    name = doors.cleared()
    assert doors.post(name, "est-credential").problem == (409, "enroll.wrong_state")
    assert enrol(doors, basic(name, "A" * 43), asked(Holder(), "A" * 43)).status == 401


@pytest.fixture
def renewal(doors: Doors) -> tuple[Doors, Certificate, str]:
    """An authentication certificate, and its renewal where a key is wanted; a proxy is trusted."""
    doors = Doors(doors.house, proxies=("192.0.2.0/29",))
    key = Holder()
    certificate = doors.active(doors.cleared(profile=PROFILE), key)
    doors.house.tick(by=30 * DAY)
    name = renewing(doors, certificate, lambda octets: b64(key.signer.sign(octets)))
    return doors, certificate, name


def passed_on(certificate: Certificate) -> str:
    return f":{b64(certificate.encoded)}:"


def test_a_forged_proxy_header_is_an_attack(renewal: tuple[Doors, Certificate, str]) -> None:
    doors, certificate, name = renewal
    body = asked(Holder(), credential(doors, name))
    shown = passed_on(certificate)
    stranger = Doors(doors.house)  # trusts no proxy, as nothing was set
    assert renew(stranger, body, shown).problem == (403, "http.proxy_untrusted")
    stranger = Doors(doors.house, proxies=("192.0.2.1", "2001:db8::/32"))
    assert renew(stranger, body, shown).problem == (403, "http.proxy_untrusted")
    assert renew(doors, body).problem == (403, "http.client_certificate_required")
    for bad in ("", "::", "AAAA", ":!!:", ":AAAA:", shown[:-1], f"{shown}, {shown}"):
        assert renew(doors, body, bad).status in (400, 422), bad
    assert renew(doors, body, shown).status == 202


def test_only_the_living_certificate_that_is_renewed_renews(
    renewal: tuple[Doors, Certificate, str],
) -> None:
    doors, certificate, name = renewal
    body = asked(Holder(), credential(doors, name))
    other = "850101300018"
    doors.house.population.people[other] = resident(other)
    doors.house.phones.numbers[other] = "+77010000002"
    foreign = doors.active(doors.cleared(other, profile=PROFILE), Holder())
    assert reasons(renew(doors, body, passed_on(foreign))) == ["key_not_living"]
    (issuer, _) = doors.service.chain
    assert renew(doors, body, passed_on(issuer)).status == 403
    held = {
        "certificate": certificate.fingerprint.hex(), "passphrase": PASSPHRASE, "act": "hold",
    }  # fmt: skip
    path = "/desk/v1/certificates/passphrase"
    assert doors.send("POST", path, held, token="").json["state"] == "on_hold"
    assert reasons(renew(doors, body, passed_on(certificate))) == ["key_not_living"]


def test_a_certificate_held_before_the_signature_renews_nothing(
    renewal: tuple[Doors, Certificate, str],
) -> None:
    doors, certificate, name = renewal
    key = Holder()
    body = asked(key, credential(doors, name))
    assert renew(doors, body, passed_on(certificate)).status == 202
    doors.post(name, "confirmation", doors.confirmation(name, key))
    held = {
        "certificate": certificate.fingerprint.hex(), "passphrase": PASSPHRASE, "act": "hold",
    }  # fmt: skip
    doors.send("POST", "/desk/v1/certificates/passphrase", held, token="")
    me = basic(name, credential(doors, name))
    assert "key_not_living" in reasons(enrol(doors, me, body))  # by the other door too


def test_a_key_for_signatures_authenticates_nobody(doors: Doors) -> None:
    doors = Doors(doors.house, proxies=("192.0.2.7",))
    certificate = doors.active(doors.cleared(), Holder())
    answer = renew(doors, asked(Holder(), "x"), passed_on(certificate))
    assert answer.problem == (403, "http.client_certificate_required")
