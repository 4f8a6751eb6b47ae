"""`eds inspect`: everything is told, nothing steers the terminal, nothing hostile gets through."""

from __future__ import annotations

import io
import random
import re
import subprocess
from pathlib import Path

import pytest

from eds import der
from tests.cli.conftest import PASSWORD, ROOT, Eds, at_terminal, openssl, spawn

KZ = ROOT.parent / "shared" / "data" / "kz" / "p12"
P12 = sorted(KZ.rglob("*.p12"))

needs_kz = pytest.mark.skipif(not P12, reason="key files of the NCA RK are not here")


@pytest.fixture
def folder(home: Path) -> Path:
    """A key, a certificate, a request, a list, time-stamps and CMS, all of openssl's making."""
    openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
        *("-keyout", "key.pem", "-out", "certificate.pem", "-days", "100", "-utf8"),
        *("-subj", "/C=KZ/O=ТОО «Пример»/CN=Тест/serialNumber=PNOKZ-1"),
        *("-addext", "keyUsage=critical,digitalSignature,nonRepudiation"),
        *("-addext", "extendedKeyUsage=emailProtection,1.2.398.3.3.4.1.1"),
        *("-addext", "subjectAltName=email:a@example.org,IP:192.0.2.1"),
        *("-addext", "certificatePolicies=1.2.398.3.3.2.3"),
        *("-addext", "crlDistributionPoints=URI:http://example.org/a.crl"),
        *("-addext", "authorityInfoAccess=OCSP;URI:http://example.org/ocsp"),
        *("-addext", "1.2.3.4=critical,DER:0403010203"),
    )
    openssl("req", "-new", "-key", "key.pem", "-subj", "/CN=x", "-out", "request.pem")
    openssl("pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "public.der")
    Path("content").write_bytes(b"content")
    signed = ("cms", "-sign", "-signer", "certificate.pem", "-inkey", "key.pem", "-in", "content")
    openssl(*signed, "-outform", "DER", "-out", "detached.p7s")
    openssl(*signed, "-outform", "DER", "-nodetach", "-stream", "-out", "stream.p7m")
    return home


def test_a_certificate_is_told_in_full(eds: Eds, folder: Path) -> None:
    text = eds("inspect", "certificate.pem").out
    for fact in (
        "certificate.pem: certificate, PEM",
        "subject              serialNumber=PNOKZ-1,CN=Тест,O=ТОО «Пример»,C=KZ",
        "(99 days left)",
        "EC P-256",
        "ecdsa-sha256",
        "key usage (critical)",
        "digitalSignature, nonRepudiation",
        "e-mail protection (1.3.6.1.5.5.7.3.4)",
        "1.2.398.3.3.4.1.1",
        "email:a@example.org",
        "IP:192.0.2.1",
        "1.2.398.3.3.2.3",
        "http://example.org/a.crl",
        "OCSP http://example.org/ocsp",
        "1.2.3.4 (critical)",
        "0403010203",
    ):
        assert fact in text


def test_json_has_what_people_see_and_more(eds: Eds, folder: Path) -> None:
    outcome = eds("inspect", "--json", "certificate.pem")
    (facts,) = outcome.json
    content = facts["content"]
    assert facts["format"] == "certificate"
    assert content["subject"]["attributes"][0] == {"oid": "2.5.4.6", "type": "C", "value": "KZ"}
    assert content["version"] == 3
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", content["not_after"])
    extensions = {one["oid"]: one for one in content["extensions"]}
    assert extensions["1.2.3.4"]["value"] == "0403010203"
    assert extensions["2.5.29.15"]["value"] == ["digitalSignature", "nonRepudiation"]
    fingerprint = openssl("x509", "-in", "certificate.pem", "-noout", "-fingerprint", "-sha256")
    assert content["sha256"] == fingerprint.partition("=")[2].strip().replace(":", "").lower()


def test_several_files_and_several_objects(eds: Eds, folder: Path) -> None:
    both = Path("certificate.pem").read_bytes() + Path("request.pem").read_bytes()
    Path("both.pem").write_bytes(both)
    outcome = eds("inspect", "both.pem", "public.der")
    titles = [line for line in outcome.out.splitlines() if not line.startswith(" ")]
    assert [title.rpartition(",")[0] for title in titles] == [
        "both.pem (1 of 2): certificate, PEM",
        "both.pem (2 of 2): certification request, PEM",
        "public.der: public key, DER",
    ]
    assert "verified: signed by the key it carries" in outcome.out


def test_one_bad_file_does_not_hide_the_others(eds: Eds, folder: Path) -> None:
    Path("noise").write_bytes(b"\xff\x00noise")
    outcome = eds("inspect", "noise", "public.der", "absent")
    assert outcome.status == 3
    assert "public.der: public key" in outcome.out
    lines = [line for line in outcome.err.splitlines() if line.startswith("eds: ")]
    assert [line.rpartition("[")[2] for line in lines] == [
        "formats.unknown]",
        "cli.file_not_found]",
    ]
    first, second, third = eds("inspect", "--json", "noise", "public.der", "absent").json
    assert first["error"]["code"] == "formats.unknown"
    assert second["format"] == "public key"
    assert third["error"]["code"] == "cli.file_not_found"


def test_stdin_is_a_file_too(folder: Path) -> None:
    outcome = spawn("inspect", "-", stdin=Path("public.der").read_bytes())
    assert outcome.out.startswith("-: public key, DER")


def test_cms_says_what_is_signed_and_by_whom(eds: Eds, folder: Path) -> None:
    text = eds("inspect", "detached.p7s").out
    for fact in ("signed data", "yes: it is in another file", "sha256", "signing time: 20"):
        assert fact in text
    assert "message digest: " in text
    (facts,) = eds("inspect", "--json", "detached.p7s").json
    assert len(facts["content"]["signers"]) == 1
    assert facts["content"]["certificates"][0]["subject"]["rfc4514"].endswith("C=KZ")


def test_what_reading_forgave_is_told(eds: Eds, folder: Path) -> None:
    outcome = eds("inspect", "stream.p7m")
    assert "CMS SignedData, BER" in outcome.out
    assert "indefinite-length: " in outcome.out
    (facts,) = eds("inspect", "--json", "stream.p7m").json
    assert "indefinite-length" in {one["name"] for one in facts["tolerances"]}
    assert facts["content"]["content"]["size"] == 7


def test_a_time_stamp_and_its_request(eds: Eds, folder: Path) -> None:
    Path("tsa.cnf").write_text(
        "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\ncrypto_device=builtin\n"
        "signer_digest=sha256\ndefault_policy=1.2.3\ndigests=sha256\naccuracy=secs:1\n"
    )
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "tsa.key", "-out", "tsa.pem"),
        *("-subj", "/CN=tsa", "-addext", "extendedKeyUsage=critical,timeStamping"),
    )
    openssl("ts", "-query", "-data", "content", "-sha256", "-out", "query.tsq")
    openssl(
        *("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "query.tsq"),
        *("-signer", "tsa.pem", "-inkey", "tsa.key", "-out", "reply.tsr"),
    )
    text = eds("inspect", "reply.tsr", "query.tsq").out
    for fact in ("time-stamp response", "granted", "1.2.3", "1 s", "time-stamp request"):
        assert fact in text
    answer, question = eds("inspect", "--json", "reply.tsr", "query.tsq").json
    assert question["content"]["nonce"] == answer["content"]["token"]["nonce"]
    assert question["content"]["digest"] == answer["content"]["token"]["digest"]


def test_a_question_for_a_responder(eds: Eds, folder: Path) -> None:
    openssl(
        *("ocsp", "-issuer", "certificate.pem", "-serial", "0x1234", "-reqout", "query.ors"),
        "-no_cert_checks",
    )
    (facts,) = eds("inspect", "--json", "query.ors").json
    assert facts["format"] == "OCSP request"
    assert facts["content"]["asked"][0]["serial_number"] == "1234"
    assert facts["content"]["extensions"][0]["name"] == "nonce"


def test_the_answer_of_a_responder(eds: Eds, folder: Path) -> None:
    Path("index").write_text(
        "R\t350101000000Z\t250101000000Z,keyCompromise\t1234\tunknown\t/CN=1\n"
        "V\t350101000000Z\t\t5678\tunknown\t/CN=2\n"
    )
    asked = ("-serial", "0x1234", "-serial", "0x5678", "-serial", "0x9999")
    openssl("ocsp", "-issuer", "certificate.pem", *asked, "-reqout", "query.ors")
    openssl(
        *("ocsp", "-index", "index", "-CA", "certificate.pem", "-rsigner", "certificate.pem"),
        *("-rkey", "key.pem", "-reqin", "query.ors", "-respout", "answer.ors", "-ndays", "1"),
    )
    (facts,) = eds("inspect", "--json", "answer.ors").json
    told = [(one["serial_number"], one["status"]) for one in facts["content"]["responses"]]
    assert told == [("1234", "revoked"), ("5678", "good"), ("9999", "unknown")]
    assert facts["content"]["responses"][0]["reason"] == "key_compromise"
    text = eds("inspect", "answer.ors").out
    assert "key compromise" in text
    assert re.search(r"responder +serialNumber=PNOKZ-1,CN=Тест", text)
    Path("later").write_bytes(bytes.fromhex("30030a0103"))
    assert "try later" in eds("inspect", "later").out


EXTENSIONS = {
    "basicConstraints=critical,CA:TRUE,pathlen:1": "an authority, path length 1",
    "nameConstraints=critical,permitted;email:kz,excluded;DNS:ru": "only email:kz",
    "policyConstraints=critical,requireExplicitPolicy:1,inhibitPolicyMapping:0": "no mapping after",
    "inhibitAnyPolicy=critical,2": "inhibit any policy",
    "policyMappings=1.2.3:1.2.4": "1.2.3 is 1.2.4",
    "subjectAltName=dirName:d,otherName:1.2.3;UTF8:x,RID:1.2.5,URI:urn:x": "directory:CN=inner",
    "certificatePolicies=ia5org,@p": "see the statement",
    "1.3.6.1.5.5.7.1.3=DER:30163008060604008e4601013008060604008e460104300006": "unreadable",
    "noCheck=ignored": "OCSP no check",
    "2.5.29.54.9=ASN1:NULL": "2.5.29.54.9",
}


def test_extensions_of_every_kind(eds: Eds, home: Path) -> None:
    lines = "\n".join(EXTENSIONS)
    Path("all.cnf").write_text(
        "[req]\ndistinguished_name=n\nx509_extensions=e\nprompt=no\n[n]\nCN=all\n"
        "[d]\nCN=inner\n[p]\npolicyIdentifier=1.2.3\nuserNotice.1=@u\n"
        f"[u]\nexplicitText=see the statement\n[e]\n{lines}\n"
    )
    openssl(
        *("req", "-x509", "-config", "all.cnf", "-newkey", "ed25519", "-nodes"),
        *("-keyout", "key.pem", "-out", "all.pem"),
    )
    text = eds("inspect", "all.pem").out
    assert [said for said in EXTENSIONS.values() if said not in text] == []
    (facts,) = eds("inspect", "--json", "all.pem").json
    assert all(one["octets"] for one in facts["content"]["extensions"])


KZ_OTHERS = [
    path
    for folder in ("cert", "cms", "crl", "ocsp", "tsp")
    for path in sorted((KZ.parent / folder).glob("*"))
    if path.is_file() and path.suffix not in {".txt", ".md"}
]


@pytest.mark.skipif(not KZ_OTHERS, reason="samples of the NCA RK are not here")
def test_samples_of_the_nca_are_told(eds: Eds) -> None:
    outcome = eds("inspect", *KZ_OTHERS)
    assert outcome.status == 0, outcome.err
    assert "unreadable" not in outcome.out
    assert "unknown ASN.1" not in outcome.out


def test_a_revocation_list_shows_its_first_entries(eds: Eds, folder: Path) -> None:
    entries = "".join(
        f"R\t350101000000Z\t250101000000Z,keyCompromise\t{number:02X}\tunknown\t/CN={number}\n"
        for number in range(1, 31)
    )
    Path("index").write_text(entries)
    Path("crlnumber").write_text("07\n")
    Path("ca.cnf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index\ncrlnumber=crlnumber\ndefault_md=sha256\n"
        "crl_extensions=e\n[e]\nauthorityKeyIdentifier=keyid\n"
    )
    openssl(
        *("ca", "-gencrl", "-config", "ca.cnf", "-keyfile", "key.pem", "-cert", "certificate.pem"),
        *("-crldays", "7", "-out", "list.pem"),
    )
    text = eds("inspect", "--limit", "5", "list.pem").out
    assert "\n    05  2025-01-01  key compromise\n" in text
    assert "06  2025" not in text
    assert re.search(r"entries +30", text)
    assert re.search(r"not shown +25", text)


def test_a_key_is_told_without_its_numbers(eds: Eds, folder: Path) -> None:
    secret = re.search(r"priv:\n((?:\s+[0-9a-f:]+\n)+)", openssl("pkey", "-in", "key.pem", "-text"))
    assert secret is not None
    digits = re.sub(r"[^0-9a-f]", "", secret[1]).removeprefix("00")
    for option in ("--json", "--der-tree", "--limit=1"):
        text = eds("inspect", option, "key.pem").out
        assert digits[:12] not in text
        assert "P-256" in text


def test_raw_structure(eds: Eds, folder: Path) -> None:
    lines = eds("inspect", "--der-tree", "public.der").out.splitlines()
    assert any(re.search(r"OBJECT IDENTIFIER 1\.2\.840\.10045\.3\.1\.7$", line) for line in lines)


def test_a_raw_structure_ends_where_the_limit_is(eds: Eds, home: Path) -> None:
    Path("wide").write_bytes(HOSTILE["wide"])
    lines = eds("inspect", "--der-tree", "wide").out.splitlines()
    assert lines[-1].strip() == "… more than 500 elements"
    assert sum("NULL" in line for line in lines) >= 499


def test_what_nobody_knows_is_shown_as_a_tree(eds: Eds, home: Path) -> None:
    value = der.sequence(der.integer(5), der.object_identifier("1.2.3.4"), der.null())
    Path("thing").write_bytes(value)
    outcome = eds("inspect", "thing")
    assert outcome.status == 0
    assert "unknown" in outcome.out
    assert "OBJECT IDENTIFIER 1.2.3.4" in outcome.out


# --- PKCS#12 ----------------------------------------------------------------------------------


def test_pkcs12_without_its_password(eds: Eds, folder: Path) -> None:
    openssl(
        *("pkcs12", "-export", "-in", "certificate.pem", "-inkey", "key.pem", "-name", "aigerim"),
        *("-passout", f"pass:{PASSWORD}", "-out", "key.p12"),
    )
    text = eds("inspect", "key.p12").out
    assert re.search(r"MAC +HMAC-sha256, 2048 iterations", text)
    assert "AES-256-CBC under PBKDF2 (HMAC-SHA-256, 2048 iterations)" in text
    assert "aigerim" in text
    assert "Тест" not in text
    opened = eds("inspect", "key.p12", password=PASSWORD)
    assert "CN=Тест" in opened.out
    assert PASSWORD not in opened.out
    wrong = eds("inspect", "key.p12", password="not it")
    assert (wrong.status, wrong.code) == (4, "keys.password_incorrect")


@needs_kz
@pytest.mark.parametrize("path", P12, ids=lambda path: path.stem[:24])
def test_key_files_of_the_nca_are_told(eds: Eds, path: Path) -> None:
    outcome = eds("inspect", path)
    assert outcome.status == 0, outcome.err
    assert "HMAC-sha1" in outcome.out
    assert "unreadable" not in outcome.out


# --- hostile input ----------------------------------------------------------------------------


def nested(depth: int) -> bytes:
    value = b"\x05\x00"
    for _ in range(depth):
        value = der.value(der.SEQUENCE, value)
    return value


HOSTILE = {
    "nothing": b"",
    "one octet": b"\x30",
    "indefinite": b"\x30\x80" * 50_000,
    "deep": nested(5_000),
    "wide": der.value(der.SEQUENCE, b"\x05\x00" * 60_000),
    "long length": b"\x30\x88" + b"\xff" * 8,
    "pem of nothing": b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
    "pem without end": b"-----BEGIN CERTIFICATE-----\nAAAA",
    "pem of noise": b"-----BEGIN X\x1b]0;-----\nAAAA\n-----END X-----\n",
    "zeros": bytes(10_000),
    "many labels": b"-----BEGIN CERTIFICATE-----\n" * 5_000,
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.parametrize("option", [(), ("--der-tree",), ("--json",)])
def test_hostile_input_ends_in_one_line_or_in_facts(
    eds: Eds, home: Path, what: str, option: tuple[str, ...]
) -> None:
    Path("input").write_bytes(HOSTILE[what])
    outcome = eds("inspect", *option, "input")
    assert outcome.status in {0, 6}
    assert len(outcome.out) < 200_000
    if outcome.status:
        assert outcome.code.split(".")[0] in {"formats", "der", "pem"}
    assert "\x1b" not in outcome.out + outcome.err


def test_noise_never_ends_in_a_mistake_of_ours(eds: Eds, folder: Path) -> None:
    chance = random.Random(2026)
    seeds = [Path(name).read_bytes() for name in ("public.der", "detached.p7s", "stream.p7m")]
    for name in ("certificate.pem", "request.pem"):
        kind = "x509" if name.startswith("c") else "req"
        openssl(kind, "-in", name, "-outform", "DER", "-out", "seed.der")
        seeds.append(Path("seed.der").read_bytes())
    for number in range(150):
        data = bytearray(seeds[number % len(seeds)])
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        Path("input").write_bytes(data[: chance.choice([len(data), chance.randrange(len(data))])])
        outcome = eds("inspect", chance.choice(["--json", "--der-tree"]), "input")
        assert outcome.status in {0, 6}, (outcome.err, data.hex())
        assert "Traceback" not in outcome.err


def test_names_of_others_cannot_steer_the_terminal(eds: Eds, home: Path) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\rCN=admin\u202e\u2066"
    openssl("genpkey", "-algorithm", "ed25519", "-out", "key.pem")
    text = der.sequence(der.object_identifier("2.5.4.3"), der.value(der.UTF8_STRING, evil.encode()))
    name = der.sequence(der.set_of(text))
    openssl("pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "public.der")
    info = der.sequence(
        der.integer(0), name, Path("public.der").read_bytes(), der.value(der.context(0))
    )
    algorithm = der.sequence(der.object_identifier("1.3.101.112"))
    Path("evil.p10").write_bytes(der.sequence(info, algorithm, der.bit_string(bytes(64))))
    for option in ((), ("--json",), ("--der-tree",)):
        outcome = eds("inspect", *option, "evil.p10")
        assert outcome.status == 0
        assert not {one for one in outcome.out if not one.isprintable()} - {"\n"}
        assert "FAILED" in outcome.out or "failed" in outcome.out
    screen = at_terminal("inspect", "evil.p10").out
    assert not re.search(r"\x1b(?!\[[0-9;]*m)", screen)
    assert "\u202e" not in screen


def test_too_much_input_is_refused(eds: Eds, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eds_cli.inspect._SIZE_LIMIT", 100)
    Path("big").write_bytes(bytes(101))
    outcome = eds("inspect", "big")
    assert (outcome.status, outcome.code) == (6, "der.limit_exceeded")


def test_at_a_terminal_of_80_columns_nothing_is_wider(folder: Path) -> None:
    screen = at_terminal("inspect", "certificate.pem", "detached.p7s", columns=80).out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", screen)
    assert max(map(len, plain.splitlines())) <= 80
    assert plain != screen


def test_the_library_reads_stdin_as_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    from eds_cli.inspect import _read

    class Standard:
        buffer = io.BytesIO(b"\xff\x00")

    monkeypatch.setattr("sys.stdin", Standard)
    assert _read("-") == b"\xff\x00"
    assert subprocess.run is not None
