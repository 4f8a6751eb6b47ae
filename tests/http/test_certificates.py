"""The certificates of issuers, as a relying party fetches them."""

from __future__ import annotations

from eds.ca.issuers import IssuerSettings, RegisteredIssuer
from eds.certificates import Certificate
from eds.http import Application, RouteTable
from eds.http.certificates import certificate_routes
from tests.ca.hierarchy import NOON, authority
from tests.http.asgi import answer


def issuer(*urls: str) -> RegisteredIssuer:
    certificate = authority("issuing-ca").certificate
    settings = IssuerSettings(
        algorithm="ecdsa-p256-sha256",
        key_store="keys",
        key="people",
        responder_store="keys",
        ca_issuer_urls=urls,
    )
    return RegisteredIssuer(
        identifier="1" * 64,
        label="people",
        certificate=certificate,
        key_uri="file:keys",
        settings=settings,
        facts=settings.facts(certificate),
    )


def application(*urls: str) -> Application:
    routes = certificate_routes([issuer(*urls)], clock=lambda: NOON)
    return Application(routes=RouteTable(routes))


def test_a_certificate_stands_by_its_label_and_where_certificates_say() -> None:
    app = application("http://pki.example.kz/ca/people.cer", "http://pki.example.kz/")
    for path in ("/certificates/people.cer", "/ca/people.cer"):
        found = answer(app, "GET", path)
        assert found.headers["content-type"] == "application/pkix-cert"
        assert Certificate(found.body) == authority("issuing-ca").certificate


def test_who_has_it_gets_no_octets() -> None:
    app = application()
    first = answer(app, "GET", "/certificates/people.cer")
    tag = first.headers["etag"]
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = answer(app, "GET", "/certificates/people.cer", if_none_match=known)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == tag
    for other in ('"other"', tag.strip('"'), "", '"' + "a" * 5000 + '", ' + tag):
        assert answer(app, "GET", "/certificates/people.cer", if_none_match=other).status == 200


def test_a_cache_may_keep_it_for_a_day() -> None:
    found = answer(application(), "GET", "/certificates/people.cer")
    assert "public, max-age=86400" in found.headers["cache-control"]
    assert found.headers["last-modified"].endswith("GMT")
