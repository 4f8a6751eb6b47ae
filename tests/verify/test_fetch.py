"""The door to the network: what is asked, what is believed, and what a bad server achieves."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from eds import der
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.errors import EvidenceCacheUnavailable, InvalidArgument
from eds.ocsp import OcspResponse, write_request
from eds.verify.evidence import Evidence
from eds.verify.fetch import Collected, Fetched, Kind, collect
from eds.verify.fetch_cache import EvidenceCache, Kept
from eds.verify.fetch_rules import FetchRules, IssuerSources, Nonce, target
from eds.verify.path import prove
from eds.verify.policy import BASIC
from eds.verify.revocation import Status, check_path
from eds.verify.trust import Purpose
from tests.verify import peer as peers
from tests.verify.peer import Peer, chain, reply
from tests.verify.status_house import (
    DAY,
    HOUR,
    NOON,
    UNKNOWN,
    House,
    answer,
    cert_id,
    certify,
    crl,
    entry,
    extension,
    point,
    scope,
    single,
    usage,
)

LOOPBACK = (ip_network("127.0.0.0/8"),)
PATIENT = {"seconds": 60.0, "total_seconds": 120.0}


@pytest.fixture
def peer() -> Iterator[Peer]:
    with peers.serving() as made:
        yield made


@pytest.fixture
def cache(tmp_path: Path) -> EvidenceCache:
    return EvidenceCache(tmp_path / "evidence")


class Site(House):
    """The house with its list on a peer."""

    def __init__(self, peer: Peer, *, ocsp: bool = False, lists: bool = True) -> None:
        super().__init__()
        self.peer = peer
        self.url = peer.url()
        self.leaf = certify(
            "Leaf",
            points=[point(self.url)] if lists else [],
            ocsp_url=peer.url("/ocsp") if ocsp else None,
        )

    def rules(self, **changes: Any) -> FetchRules:
        made: dict[str, Any] = {"allowed": (self.peer.url("/"),), "networks": LOOPBACK} | PATIENT
        return FetchRules(**(made | changes))

    def prove(self, certificate: Certificate | None = None, **more: Any) -> Any:
        return prove(
            certificate or self.leaf, trust=self.trust, purpose=Purpose.ANY, at=NOON,
            policy=BASIC, **more,
        )  # fmt: skip

    def collect(self, cache: EvidenceCache | None = None, **more: Any) -> Collected:
        rules = more.pop("rules", None) or self.rules()
        asked: dict[str, Any] = {"at": NOON, "policy": BASIC, "rules": rules, "cache": cache}
        return collect(more.pop("path", None) or self.prove(), trust=self.trust, **(asked | more))


def results(collected: Collected) -> list[Fetched]:
    return [outcome.result for outcome in collected.outcomes]


# --- what is fetched


def test_missing_list_is_fetched_and_settles_the_status(peer: Peer) -> None:
    site, found = Site(peer), crl()
    peer.behave = reply(found.encoded)
    collected = site.collect()
    assert collected.evidence.lists == (found,)
    (outcome,) = collected.outcomes
    assert (outcome.url, outcome.kind, outcome.result) == (site.url, Kind.LIST, Fetched.NEW)
    status = check_path(
        site.prove(), evidence=collected.evidence, trust=site.trust, at=NOON, policy=BASIC
    )
    assert status.sub_indication is None
    assert peer.requests[0].startswith(b"GET /7.crl HTTP/1.1\r\n")


def test_nothing_is_asked_where_nothing_is_missing(peer: Peer) -> None:
    site = Site(peer)
    for found in (crl(), crl(entry(site.leaf, NOON - DAY))):
        collected = site.collect(evidence=Evidence(lists=(found,)))
        assert collected == Collected(evidence=Evidence(), outcomes=())
    assert not peer.requests


def test_nothing_is_fetched_for_an_unproven_path(peer: Peer) -> None:
    site = Site(peer, ocsp=True)
    stranger = certify("Leaf", signer="thief", points=[point(site.url)], ocsp_url=peer.url("/o"))
    path = site.prove(stranger)
    assert path.sub_indication is not None
    with pytest.raises(InvalidArgument):
        site.collect(path=path)
    assert not peer.requests


def ocsp_server(site: Site, *, nonce: bool = True, status: bytes | None = None) -> peers.Behave:
    """Answers about the leaf, with the nonce of the request or without."""

    def behave(peer: Peer, connection: Any, request: bytes) -> None:
        sent = request.partition(b"\r\n\r\n")[2]
        more = []
        if nonce:
            asked = der.decode(sent).fields().take(der.SEQUENCE).fields()
            asked.take(der.SEQUENCE)
            (one,) = asked.take(der.context(2)).only_child().children()
            more = [one.encoded]
        given = single(site.id) if status is None else single(site.id, status)
        reply(answer(given, more=more).encoded)(peer, connection, request)

    return behave


def test_responder_is_asked_by_post_with_a_fresh_nonce(peer: Peer) -> None:
    site = Site(peer, ocsp=True)
    peer.behave = ocsp_server(site)
    for _ in range(2):
        collected = site.collect()
        assert [(one.kind, one.result) for one in collected.outcomes] == [(Kind.OCSP, Fetched.NEW)]
        assert len(collected.evidence.ocsp_responses) == 1
    first, second = peer.requests
    assert first.startswith(b"POST /ocsp HTTP/1.1\r\n")
    assert b"Content-Type: application/ocsp-request\r\n" in first
    assert first.partition(b"\r\n\r\n")[2] != second.partition(b"\r\n\r\n")[2]


def test_other_nonce_is_refused_and_none_only_where_demanded(peer: Peer) -> None:
    site = Site(peer, ocsp=True, lists=False)
    peer.behave = ocsp_server(site, nonce=False)
    assert results(site.collect()) == [Fetched.NEW]
    refused = site.collect(rules=site.rules(nonce=Nonce.REQUIRED))
    assert results(refused) == [Fetched.NOT_BELIEVED]
    assert refused.outcomes[0].detail == "revocation.nonce"
    old = extension("1.3.6.1.5.5.7.48.1.2", der.octet_string(bytes(32)))
    peer.behave = reply(answer(single(site.id), more=[old]).encoded)
    assert results(site.collect()) == [Fetched.NOT_BELIEVED]
    assert results(site.collect(rules=site.rules(nonce=Nonce.ABSENT))) == [Fetched.NEW]


def test_list_is_asked_for_where_the_responder_fails(peer: Peer) -> None:
    site = Site(peer, ocsp=True)
    peer.behave = chain(reply(OcspResponse(der.sequence(der.enumerated(3))).encoded),
                        reply(crl().encoded))  # fmt: skip
    collected = site.collect()
    assert results(collected) == [Fetched.NOT_BELIEVED, Fetched.NEW]
    assert collected.outcomes[0].detail == "revocation.answer"


def test_request_is_what_openssl_would_send(tmp_path: Path) -> None:
    import subprocess

    house = House()
    files = {}
    for name, one in (("leaf", house.leaf), ("ca", house.ca)):
        files[name] = tmp_path / f"{name}.der"
        files[name].write_bytes(one.encoded)
    out = tmp_path / "request.der"
    subprocess.run(
        ["openssl", "ocsp", "-issuer", files["ca"], "-cert", files["leaf"], "-no_nonce",
         "-reqout", out],
        check=True, capture_output=True,
    )  # fmt: skip
    assert out.read_bytes() == write_request(house.leaf, issuer=house.ca)


def test_authorities_are_asked_about_first_and_no_address_twice(peer: Peer) -> None:
    site = Site(peer)
    above, here = peer.url("/above.crl"), peer.url("/sub.crl")
    below = certify("Sub", ca=True, points=[point(above), point(above)])
    leaf = certify("Leaf", issuer="Sub", points=[point(here), point(here, above)])
    path = site.prove(leaf, certificates=[below])
    asked = [outcome.url for outcome in site.collect(path=path).outcomes]
    assert asked == [above, here]
    assert len(peer.requests) == 2


# --- addresses


@pytest.mark.parametrize(
    "url",
    [
        "ftp://crl.example.kz/a",
        "file:///etc/passwd",
        "ldap://crl.example.kz/a",
        "http://user@crl.example.kz/a",
        "http://crl.example.kz\\@127.0.0.1/a",
        "http://crl.example.kz/a b",
        "http://crl.example.kz/a\r\nX: y",
        "http://crl.example.kz/../a",
        "http://crl.example.kz/lists/%2e%2e/a",
        "http://crl.example.kz:99999/a",
        "http:///a",
        "http://пример.kz/a",
        "http://[::1",
        "http://crl.example.kz/#a",
        "http://crl.example.kz/" + "a" * 3000,
    ],
)
def test_address_that_could_be_read_in_two_ways_is_none(url: str) -> None:
    assert target(url) is None
    with pytest.raises(InvalidArgument):
        FetchRules(allowed=(url,))


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://crl.example.kz/lists/7.crl", True),
        ("HTTP://CRL.example.kz/lists/7.crl?a=b", True),
        ("http://crl.example.kz:80/lists/", True),
        ("https://crl.example.kz/lists/7.crl", False),
        ("http://crl.example.kz:8080/lists/7.crl", False),
        ("http://crl.example.kz/other/7.crl", False),
        ("http://crl.example.kz.evil.kz/lists/7.crl", False),
        ("http://evil.kz/http://crl.example.kz/lists/", False),
    ],
)
def test_address_is_allowed_by_its_beginning(url: str, allowed: bool) -> None:
    assert FetchRules(allowed=("http://crl.example.kz/lists/",)).allows(url) is allowed


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0",
        "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1",
    ],
)  # fmt: skip
def test_addresses_inside_are_reached_only_where_configured(address: str) -> None:
    one = ip_address(address)
    assert not FetchRules().reaches(one)
    assert FetchRules(networks=(ip_network(f"{address}/{one.max_prefixlen}"),)).reaches(one)
    assert FetchRules().reaches(ip_address("93.184.216.34"))
    assert FetchRules().reaches(ip_address("2606:2800:220:1::1"))
    assert FetchRules().reaches(ip_address("::ffff:93.184.216.34"))


def test_certificate_does_not_choose_where_we_go(peer: Peer) -> None:
    site = Site(peer, ocsp=True)
    collected = site.collect(rules=site.rules(allowed=("http://crl.example.kz/",)))
    assert results(collected) == [Fetched.NOT_ALLOWED, Fetched.NOT_ALLOWED]
    assert not peer.requests


def test_loopback_is_refused_unless_configured(peer: Peer) -> None:
    site = Site(peer)
    collected = site.collect(rules=site.rules(networks=()))
    assert results(collected) == [Fetched.ADDRESS_REFUSED]
    assert not peer.requests


def test_name_is_looked_up_once_and_that_address_used(peer: Peer) -> None:
    site = Site(peer)
    url = f"http://crl.example.kz:{peer.port}/7.crl"
    site.leaf = certify("Leaf", points=[point(url)])
    peer.behave = reply(crl().encoded)
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    rules = site.rules(allowed=(url,))
    assert results(site.collect(rules=rules, resolve=rebinding)) == [Fetched.NEW]
    assert asked == [("crl.example.kz", peer.port)]
    assert b"Host: crl.example.kz" in peer.requests[0]
    assert results(site.collect(rules=rules, resolve=rebinding)) == [Fetched.ADDRESS_REFUSED]


def test_of_several_addresses_only_those_outside_are_tried(peer: Peer) -> None:
    site = Site(peer)
    peer.behave = reply(crl().encoded)
    found = site.collect(resolve=lambda host, port: ["10.0.0.1", "::1", "127.0.0.1"])
    assert results(found) == [Fetched.NEW]


def test_name_that_is_not_found_is_an_outcome(peer: Peer) -> None:
    def fails(host: str, port: int) -> list[str]:
        raise OSError("no such host")

    site = Site(peer)
    assert results(site.collect(resolve=fails)) == [Fetched.NOT_RESOLVED]
    assert results(site.collect(resolve=lambda host, port: [])) == [Fetched.NOT_RESOLVED]
    assert results(site.collect(resolve=lambda host, port: ["nonsense"])) == [Fetched.NOT_RESOLVED]


def test_operator_sets_addresses_for_an_issuer(peer: Peer) -> None:
    site = Site(peer)
    site.leaf = certify("Leaf", points=[point("http://crl.example.kz/dead.crl")])
    sources = {site.ca.fingerprint: IssuerSources(lists=(peer.url("/ours.crl"),))}
    peer.behave = reply(crl().encoded)
    collected = site.collect(rules=site.rules(allowed=(), sources=sources))
    assert results(collected) == [Fetched.NEW]
    assert peer.requests[0].startswith(b"GET /ours.crl ")


def test_signer_of_a_list_is_fetched_where_the_operator_says(peer: Peer) -> None:
    site = Site(peer)
    signer = certify("Lister", key_usage=usage("crl_sign"), points=[point("http://own.kz/")])
    site.leaf = certify("Leaf", points=[point(peer.url(), issuer="Lister")])
    own = crl(more=[scope("http://own.kz/")])
    indirect = crl(issuer="Lister", more=[scope(peer.url(), indirect=True)])

    def behave(made: Peer, connection: Any, request: bytes) -> None:
        body = signer.encoded if b"GET /lister.cer" in request else indirect.encoded
        reply(body)(made, connection, request)

    peer.behave = behave
    sources = {
        site.ca.fingerprint: IssuerSources(
            lists=(peer.url(),), certificates=(peer.url("/lister.cer"),)
        )
    }
    given = Evidence(lists=(own,))
    collected = site.collect(rules=site.rules(sources=sources), evidence=given)
    assert results(collected) == [Fetched.NOT_BELIEVED, Fetched.NEW, Fetched.NEW]
    assert collected.evidence == Evidence(certificates=(signer,), lists=(indirect,))


# --- servers that misbehave


HOSTILE_LIST = crl()
MISBEHAVIOURS: dict[str, tuple[peers.Behave, set[Fetched], dict[str, Any]]] = {
    "hangs": (peers.hang, {Fetched.TIMED_OUT}, {"seconds": 0.3}),
    "drips": (peers.drip, {Fetched.TIMED_OUT}, {"seconds": 0.3}),
    "is never ready": (peers.never_ready, {Fetched.TIMED_OUT}, {"seconds": 0.3}),
    "redirects to loopback": (
        reply(b"", status="302 Found", headers=("Location: http://127.0.0.1:1/",)),
        {Fetched.REDIRECTED}, {},
    ),
    "sends a gigabyte": (peers.gigabyte, {Fetched.TOO_LARGE}, {}),
    "sends without end": (peers.endless, {Fetched.TOO_LARGE}, {"list_octets": 100_000}),
    "sends a page": (
        reply(b"<html>Welcome</html>", headers=("Content-Type: text/html",)),
        {Fetched.MALFORMED}, {},
    ),
    "cuts short": (peers.truncated(HOSTILE_LIST.encoded), {Fetched.TRUNCATED}, {}),
    "cuts a chunk short": (peers.truncated_chunks(HOSTILE_LIST.encoded), {Fetched.TRUNCATED}, {}),
    "sends garbage": (reply(b"\x30\x82" + bytes(range(256))), {Fetched.MALFORMED}, {}),
    "speaks no HTTP": (peers.said(b"220 mail.example.kz ESMTP\r\n"), {Fetched.MALFORMED}, {}),
    "says nothing": (peers.said(b""), {Fetched.NOT_CONNECTED, Fetched.MALFORMED}, {}),
    "sends another's list": (reply(crl(issuer="Other").encoded), {Fetched.NOT_BELIEVED}, {}),
    "sends a forged list": (reply(crl(signer="thief").encoded), {Fetched.NOT_BELIEVED}, {}),
    "sends a stale list": (
        reply(crl(at=NOON - 9 * DAY, until=NOON - 8 * DAY).encoded), {Fetched.NOT_BELIEVED}, {},
    ),
    "resets": (peers.reset, {Fetched.NOT_CONNECTED, Fetched.MALFORMED}, {}),
    "sends headers without end": (peers.endless_headers, {Fetched.MALFORMED}, {}),
    "sends a header without end": (peers.endless_line, {Fetched.MALFORMED}, {}),
    "answers 500": (reply(b"", status="500 Oops"), {Fetched.STATUS_REFUSED}, {}),
    "answers 304 unasked": (
        peers.said(b"HTTP/1.1 304 Not Modified\r\n\r\n"), {Fetched.STATUS_REFUSED}, {},
    ),
    "packs it": (
        reply(b"\x1f\x8b", headers=("Content-Encoding: gzip",)), {Fetched.MALFORMED}, {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MISBEHAVIOURS)
def test_bad_server_gives_no_evidence_and_spoils_none(
    name: str, peer: Peer, cache: EvidenceCache
) -> None:
    behave, expected, changes = MISBEHAVIOURS[name]
    site = Site(peer)
    kept = crl(at=NOON - 2 * DAY, until=NOON - DAY)  # stale, and still the best there is
    key = b"list " + site.url.encode()
    cache.put(key, Kept(body=kept.encoded))
    peer.behave = behave
    collected = site.collect(cache, rules=site.rules(**changes))
    (outcome,) = collected.outcomes
    assert outcome.result in expected
    assert collected.evidence.lists == (kept,)
    assert cache.get(key) == Kept(body=kept.encoded)
    assert len(peer.requests) <= 1
    assert not site.collect(rules=site.rules(**changes)).evidence


def test_answer_about_another_certificate_is_not_believed(peer: Peer) -> None:
    site = Site(peer, ocsp=True, lists=False)
    other = certify("Another")
    peer.behave = reply(answer(single(cert_id(other, site.ca))).encoded)
    (outcome,) = site.collect().outcomes
    assert (outcome.result, outcome.detail) == (Fetched.NOT_BELIEVED, "revocation.available")


def test_responder_that_does_not_know_the_certificate_is_heard(peer: Peer) -> None:
    site = Site(peer, ocsp=True, lists=False)
    peer.behave = ocsp_server(site, status=UNKNOWN)
    collected = site.collect()
    assert results(collected) == [Fetched.NEW]
    assert site.status(*collected.evidence.ocsp_responses, crl()).status is Status.UNKNOWN


def test_closed_port_is_an_outcome(peer: Peer) -> None:
    site = Site(peer)
    peer.__exit__()
    assert results(site.collect()) == [Fetched.NOT_CONNECTED]


def test_whole_call_has_a_budget(peer: Peer) -> None:
    site = Site(peer)
    points = [point(*(peer.url(f"/{number}.crl") for number in range(8)))]
    site.leaf = certify("Leaf", points=points)
    found = results(site.collect(rules=site.rules(requests=3)))
    assert found == [Fetched.STATUS_REFUSED] * 3 + [Fetched.BUDGET_SPENT] * 5
    peer.behave = peers.hang
    rules = site.rules(seconds=0.2, total_seconds=0.2)
    found = results(site.collect(rules=rules))
    # On a busy machine the time may be over before the first request.
    assert set(found[:1]) <= {Fetched.TIMED_OUT, Fetched.BUDGET_SPENT}
    assert set(found[1:]) == {Fetched.BUDGET_SPENT}


# --- the cache


def test_fresh_evidence_is_kept_and_not_asked_for_again(peer: Peer, cache: EvidenceCache) -> None:
    site, found = Site(peer, ocsp=True), crl()
    peer.behave = chain(peers.refuse, reply(found.encoded))
    assert results(site.collect(cache)) == [Fetched.STATUS_REFUSED, Fetched.NEW]
    asked = len(peer.requests)
    peer.behave = ocsp_server(site)
    assert results(site.collect(cache)) == [Fetched.NEW]
    collected = site.collect(cache)
    assert results(collected) == [Fetched.FROM_CACHE]
    assert len(collected.evidence.ocsp_responses) == 1
    assert len(peer.requests) == asked + 1


def test_kept_list_is_asked_for_only_if_it_changed(peer: Peer, cache: EvidenceCache) -> None:
    site, old = Site(peer), crl(at=NOON - 2 * HOUR, until=NOON + HOUR)
    dated = "Last-Modified: Mon, 02 Nov 2026 10:00:00 GMT"
    peer.behave = reply(old.encoded, headers=('ETag: "seven"', dated))
    site.collect(cache)
    later = NOON + 2 * HOUR
    peer.behave = peers.said(b"HTTP/1.1 304 Not Modified\r\n\r\n")
    collected = site.collect(cache, at=later)
    assert (results(collected), collected.evidence.lists) == ([Fetched.NOT_MODIFIED], (old,))
    assert b'If-None-Match: "seven"\r\n' in peer.requests[-1]
    assert b"If-Modified-Since: Mon, 02 Nov 2026 10:00:00 GMT\r\n" in peer.requests[-1]
    new = crl(at=NOON + HOUR, number=2)
    peer.behave = reply(new.encoded)
    assert site.collect(cache, at=later).evidence.lists == (new,)
    assert results(site.collect(cache, at=later)) == [Fetched.FROM_CACHE]


def test_older_list_does_not_replace_a_newer_one(peer: Peer, cache: EvidenceCache) -> None:
    site = Site(peer)
    newer, older = crl(at=NOON - HOUR, until=NOON + HOUR), crl(at=NOON - 2 * HOUR)
    peer.behave = chain(reply(newer.encoded), reply(older.encoded))
    site.collect(cache)
    collected = site.collect(cache, at=NOON + 2 * HOUR)
    assert results(collected) == [Fetched.OLDER]
    assert collected.evidence.lists == (newer,)


def test_list_of_the_future_is_not_kept(peer: Peer, cache: EvidenceCache) -> None:
    site = Site(peer)
    peer.behave = reply(crl(at=NOON + DAY, until=NOON + 2 * DAY).encoded)
    collected = site.collect(cache)
    assert collected.outcomes[0].detail == "revocation.issued"
    assert not list(cache.folder.iterdir())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:-1] + bytes([data[-1] ^ 1]),
        lambda data: data.replace(b"eds-evidence", b"xds-evidence"),
        lambda data: b"eds-evidence 1\n[]\n",
        lambda data: b"eds-evidence 1\n" + b"[" * 4000 + b"\n",
        lambda data: b"eds-evidence 1\nnull\n",
    ],
)
def test_spoiled_file_of_the_cache_is_as_good_as_none(spoil: Any, cache: EvidenceCache) -> None:
    cache.put(b"key", Kept(body=b"body", etag='"x"'))
    (file,) = cache.folder.iterdir()
    assert cache.get(b"key") == Kept(body=b"body", etag='"x"')
    file.write_bytes(spoil(file.read_bytes()))
    assert cache.get(b"key") is None


def test_cache_is_for_its_owner_alone_and_leaves_no_parts(cache: EvidenceCache) -> None:
    cache.put(b"key", Kept(body=b"one"))
    cache.put(b"key", Kept(body=b"two"))
    (file,) = cache.folder.iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert cache.get(b"key") == Kept(body=b"two")


def test_cache_has_a_bound(tmp_path: Path) -> None:
    cache = EvidenceCache(tmp_path, entries=3)
    for number in range(5):
        cache.put(bytes([number]), Kept(body=b"x"))
        path = max(tmp_path.iterdir(), key=lambda file: file.stat().st_mtime_ns)
        os.utime(path, ns=(number, number))
    assert [number for number in range(5) if cache.get(bytes([number]))] == [2, 3, 4]


def test_cache_that_cannot_be_written_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(EvidenceCacheUnavailable):
        EvidenceCache(tmp_path / "file" / "folder")
    cache = EvidenceCache(tmp_path / "folder")
    cache.folder.rmdir()
    with pytest.raises(EvidenceCacheUnavailable):
        cache.put(b"key", Kept(body=b"x"))


@pytest.mark.parametrize("limit", ["seconds", "total_seconds", "requests", "list_octets"])
def test_limits_are_above_zero(limit: str) -> None:
    with pytest.raises(InvalidArgument):
        replace(FetchRules(), **{limit: 0})  # type: ignore[arg-type]


def test_lists_come_as_der_or_pem(peer: Peer) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    site, found = Site(peer), crl()
    pem = x509.load_der_x509_crl(found.encoded).public_bytes(Encoding.PEM)
    peer.behave = reply(pem)
    assert site.collect().evidence.lists == (CertificateList(found.encoded),)
