"""`eds verify` and `eds trust`, as a portal's operator runs them."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from pathlib import Path

import jsonschema
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from eds import CertificateList, Evidence, TrustAnchor, TrustStore, validate
from eds.errors import InvalidArgument
from eds.sign.cms import CmsSigner, sign_attached, sign_detached
from eds.sign.pdf import sign_pdf
from eds.verify.validation import signed_content
from tests.cli.conftest import Eds
from tests.sign.house import NOON, certify, page, party, root
from tests.verify import peer as peers

AT = "2026-11-24T12:10:00Z"
CONTENT = "Мен сізге 10 теңге қарызбын".encode()
SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "report.schema.json").read_text())


@cache
def revocation_list() -> bytes:
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root().certificate.native.subject)
        .last_update(NOON - timedelta(hours=1))
        .next_update(NOON + timedelta(days=1))
        .sign(root().native, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)


@pytest.fixture
def desk(tmp_path: Path, eds: Eds) -> Path:
    """A folder with signed documents, a list and a trust store."""
    (tmp_path / "root.pem").write_bytes(root().certificate.native.public_bytes(Encoding.PEM))
    (tmp_path / "root.crl").write_bytes(revocation_list())
    (tmp_path / "docs").mkdir()
    by = party().cms()
    for name, data in {
        "contract.txt": CONTENT,
        "contract.txt.p7s": sign_detached(CONTENT, by=by),
        "attached.p7m": sign_attached(CONTENT, by=by),
        "page.pdf": sign_pdf(page(), by=by, at=NOON),
        "notes.docx": b"not looked at",
    }.items():
        (tmp_path / "docs" / name).write_bytes(data)
    done = eds(
        *("trust", "add", str(tmp_path / "root.pem"), "--trust", str(tmp_path / "trust")),
        *("--name", "our", "--environment", "test", "--source", "handed over", "--yes"),
    )
    assert done.status == 0
    return tmp_path


def asked(desk: Path, *more: str) -> tuple[str, ...]:
    return (
        *("--trust", str(desk / "trust"), "--at", AT),
        *("--evidence", str(desk / "root.crl"), *more),
    )


@pytest.mark.parametrize("name", ["contract.txt.p7s", "attached.p7m"])
def test_a_signed_document_passes_and_names_its_signer(name: str, desk: Path, eds: Eds) -> None:
    done = eds("verify", str(desk / "docs" / name), *asked(desk))
    assert done.status == 0
    assert "TOTAL_PASSED" in done.out
    assert "ӘЛИЕВА АЙГЕРІМ" in done.out


def test_a_changed_document_fails(desk: Path, eds: Eds) -> None:
    (desk / "docs" / "contract.txt").write_bytes(CONTENT + b"0")
    done = eds("verify", str(desk / "docs" / "contract.txt.p7s"), *asked(desk, "--json"))
    assert done.status == 10
    (result,) = done.json
    assert result["report"]["sub_indication"] == "HASH_FAILURE"
    jsonschema.validate(result["report"], SCHEMA)


def test_without_status_nothing_is_decided(desk: Path, eds: Eds) -> None:
    done = eds(
        *("verify", str(desk / "docs" / "attached.p7m")),
        *("--trust", str(desk / "trust"), "--at", AT, "--json"),
    )
    assert done.status == 11
    assert done.json[0]["report"]["indication"] == "INDETERMINATE"


def test_the_content_can_be_named(desk: Path, eds: Eds) -> None:
    moved = desk / "elsewhere"
    (desk / "docs" / "contract.txt").rename(moved)
    signature = str(desk / "docs" / "contract.txt.p7s")
    assert eds("verify", signature, "--content", str(moved), *asked(desk)).status == 0
    assert eds("verify", signature, *asked(desk)).status == 11  # SIGNED_DATA_NOT_FOUND
    both = eds("verify", signature, signature, "--content", str(moved), *asked(desk))
    assert both.status == 2


@pytest.mark.parametrize("confined", [(), ("--confined",)])
def test_content_comes_out_only_with_the_verdict_on_it(
    confined: tuple[str, ...], desk: Path, eds: Eds
) -> None:
    signed, out = str(desk / "docs" / "attached.p7m"), desk / "content"
    assert eds("verify", signed, "--extract", str(out), *asked(desk), *confined).status == 0
    assert out.read_bytes() == CONTENT
    out.unlink()
    undecided = ("--trust", str(desk / "trust"), "--at", AT, *confined)
    assert eds("verify", signed, "--extract", str(out), *undecided).status == 11
    assert not out.exists()
    detached = str(desk / "docs" / "contract.txt.p7s")
    refused = eds("verify", detached, "--extract", str(out), *asked(desk), *confined)
    assert (refused.status, out.exists()) == (5, False)


def test_content_is_not_taken_from_another_document(desk: Path) -> None:
    signed, other = sign_attached(CONTENT, by=party().cms()), sign_attached(b"x", by=party().cms())
    report = validate(
        signed,
        trust=TrustStore([TrustAnchor(certificate=root().certificate)]),
        at=NOON + timedelta(minutes=10),
        evidence=Evidence(lists=(CertificateList(revocation_list()),)),
    )
    assert signed_content(signed, report=report) == CONTENT
    with pytest.raises(InvalidArgument):
        signed_content(other, report=report)


def test_a_folder_is_judged_file_by_file(desk: Path, eds: Eds) -> None:
    done = eds("verify", str(desk / "docs"), *asked(desk, "--json"))
    names = [Path(one["file"]).name for one in done.json]
    assert names == ["attached.p7m", "contract.txt.p7s", "page.pdf"]
    (desk / "docs" / "broken.p7s").write_bytes(b"nothing")
    worse = eds("verify", str(desk / "docs"), *asked(desk))
    assert worse.status == 10
    assert "TOTAL_PASSED" in worse.out
    assert "TOTAL_FAILED / FORMAT_FAILURE" in worse.out


def test_a_page_is_written_for_people(desk: Path, eds: Eds) -> None:
    page_file = desk / "report.html"
    asking = asked(desk, "--html", str(page_file))
    assert eds("verify", str(desk / "docs" / "attached.p7m"), *asking).status == 0
    assert "ӘЛИЕВА АЙГЕРІМ" in page_file.read_text()
    eds("verify", str(desk / "docs"), *asked(desk, "--html", str(desk / "pages")))
    assert (desk / "pages" / "attached.p7m.html").exists()


def test_status_is_fetched_from_where_it_is_allowed_and_nowhere_else(desk: Path, eds: Eds) -> None:
    point = x509.DistributionPoint
    with peers.serving(peers.reply(revocation_list())) as peer:
        where = [x509.UniformResourceIdentifier(peer.url("/town.crl"))]
        points = x509.CRLDistributionPoints([point(where, None, None, None)])
        ca, one = root(), party()
        certificate = certify(
            "With a list",
            one.native.public_key(),
            issuer=(ca.certificate.native.subject, ca.native),
            extensions=((points, False),),
        )
        by = CmsSigner(one.signer(), certificates=(certificate, ca.certificate), at=NOON)
        (desk / "listed.p7m").write_bytes(sign_attached(CONTENT, by=by))
        asking = ("verify", desk / "listed.p7m", "--trust", desk / "trust", "--at", AT)
        assert eds(*asking).status == 11
        other = eds(*asking, "--fetch-from", "http://127.0.0.1:1/")
        assert (other.status, "not_allowed" in other.err) == (11, True)
        unreached = eds(*asking, "--fetch-from", peer.url("/"))
        assert (unreached.status, "address_refused" in unreached.err) == (11, True)
        assert peer.requests == []
        done = eds(*asking, "--fetch-from", peer.url("/"), "--fetch-network", "127.0.0.0/8")
        assert done.status == 0, done.out
        assert len(peer.requests) == 1


def test_a_report_is_written_as_etsi_has_it(desk: Path, eds: Eds) -> None:
    place = desk / "report.xml"
    eds("verify", desk / "docs" / "attached.p7m", *asked(desk, "--xml", str(place)))
    assert b"urn:etsi:019102:mainindication:total-passed" in place.read_bytes()


def test_a_policy_of_ones_own_is_demanded(desk: Path, eds: Eds) -> None:
    policy = desk / "policy.toml"
    policy.write_text('name = "ours"\nversion = "1"\nrequired_level = "T"\n')
    done = eds(
        *("verify", str(desk / "docs" / "attached.p7m")),
        *asked(desk, "--policy", str(policy), "--json"),
    )
    assert done.status == 11
    assert done.json[0]["report"]["policy"].startswith("ours")
    policy.write_text('name = "ours"\nversion = "1"\nrequired_levle = "T"\n')
    refused = eds("verify", str(desk / "docs"), *asked(desk, "--policy", str(policy)))
    assert (refused.status, refused.code) == (6, "verify.malformed_policy")


def test_files_that_are_not_there_do_not_hide_the_others(desk: Path, eds: Eds) -> None:
    done = eds(
        *("verify", str(desk / "none"), str(desk / "docs" / "attached.p7m"), *asked(desk, "--json"))
    )
    assert [("error" in one) for one in done.json] == [True, False]
    assert done.status == 3


# --- eds trust ------------------------------------------------------------------------------------


def test_what_is_believed_is_listed_and_shown(desk: Path, eds: Eds) -> None:
    listed = eds("trust", "list", "--trust", str(desk / "trust"), "--json").json
    (anchor,) = listed["anchors"]
    assert anchor["sha256"] == root().certificate.fingerprint.hex()
    assert (listed["environment"], anchor["source"]) == ("test", "handed over")
    shown = eds("trust", "show", anchor["sha256"][:12], "--trust", str(desk / "trust"), "--json")
    assert shown.json["certificate"]["subject"]["rfc4514"] == "CN=Test root"
    gone = eds("trust", "show", "00", "--trust", str(desk / "trust"))
    assert (gone.status, gone.code) == (3, "verify.anchor_not_found")


def test_nothing_is_believed_without_consent(desk: Path, eds: Eds) -> None:
    other = desk / "other"
    done = eds("trust", "add", str(desk / "root.pem"), "--trust", str(other))
    assert done.status == 8
    assert not other.exists()


def test_an_anchor_may_be_for_one_purpose_alone(desk: Path, eds: Eds) -> None:
    other = str(desk / "other")
    eds(
        *("trust", "add", str(desk / "root.pem"), "--trust", other, "--environment", "test"),
        *("--purpose", "time-stamping", "--yes"),
    )
    done = eds(
        *("verify", str(desk / "docs" / "attached.p7m"), "--trust", other, "--at", AT, "--json"),
        *("--evidence", str(desk / "root.crl")),
    )
    assert done.json[0]["report"]["sub_indication"] == "NO_CERTIFICATE_CHAIN_FOUND"


def test_production_and_test_are_never_joined(desk: Path, eds: Eds) -> None:
    eds("trust", "add", str(desk / "root.pem"), "--trust", str(desk / "production"), "--yes")
    done = eds(
        *("verify", str(desk / "docs" / "attached.p7m"), "--at", AT),
        *("--trust", str(desk / "trust"), "--trust", str(desk / "production")),
    )
    assert (done.status, done.code) == (5, "verify.environments_mixed")


def test_a_file_without_a_certificate_adds_nothing(desk: Path, eds: Eds) -> None:
    done = eds("trust", "add", str(desk / "docs" / "notes.docx"), "--trust", str(desk / "trust"))
    assert (done.status, done.code) == (6, "certificates.malformed")


def test_a_file_judged_apart_gets_the_same_answer(desk: Path, eds: Eds) -> None:
    files = [str(desk / "docs" / one) for one in ("page.pdf", "attached.p7m", "notes.docx")]
    here = eds("verify", *files, *asked(desk, "--json"))
    apart = eds("verify", *files, *asked(desk, "--json", "--confined"))
    assert apart.json == here.json
    assert apart.status == here.status
