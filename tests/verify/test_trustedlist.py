"""Trusted lists, signed by signxml, and by xmlsec1 in the shape that supervisors give them."""

from __future__ import annotations

import base64
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod
from signxml.signer import XMLSigner

from eds.certificates import Certificate
from eds.errors import MalformedTrustedList, NaiveDatetime, TrustedListUntrusted
from eds.verify.trust import Environment, Purpose
from eds.verify.trustedlist import TrustedList, read_trusted_list
from tests.sign.house import NOON, Party, desk, party, root

URI = "http://uri.etsi.org/TrstSvc"
GRANTED, WITHDRAWN = (f"{URI}/TrustedList/Svcstatus/{one}" for one in ("granted", "withdrawn"))
FOUNDED, MOVED = datetime(2016, 7, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)


def state(tag: str, kind: str, status: str, since: datetime, certificate: Certificate) -> str:
    return f"""<{tag}><ServiceTypeIdentifier>{URI}/Svctype/{kind}</ServiceTypeIdentifier>
    <ServiceName><Name xml:lang="en">A service</Name></ServiceName>
    <ServiceDigitalIdentity><DigitalId><X509Certificate>
    {base64.b64encode(certificate.encoded).decode()}
    </X509Certificate></DigitalId></ServiceDigitalIdentity>
    <ServiceStatus>{status}</ServiceStatus>
    <StatusStartingTime>{since.isoformat()}</StatusStartingTime></{tag}>"""


def text(*, next_update: str = "2027-01-01T00:00:00Z") -> str:
    ca, tsa = root().certificate, desk().party.certificate
    update = f"<dateTime>{next_update}</dateTime>" if next_update else ""
    return f"""<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#" Id="list">
    <SchemeInformation><TSLSequenceNumber>7</TSLSequenceNumber>
    <SchemeTerritory>KZ</SchemeTerritory>
    <ListIssueDateTime>2026-11-01T00:00:00Z</ListIssueDateTime>
    <NextUpdate>{update}</NextUpdate></SchemeInformation>
    <TrustServiceProviderList><TrustServiceProvider><TSPServices>
    <TSPService>{state("ServiceInformation", "CA/QC", WITHDRAWN, MOVED, ca)}<ServiceHistory>
    {state("ServiceHistoryInstance", "CA/QC", GRANTED, FOUNDED, ca)}</ServiceHistory></TSPService>
    <TSPService>{state("ServiceInformation", "TSA/QTST", GRANTED, FOUNDED, tsa)}</TSPService>
    <TSPService>{state("ServiceInformation", "unspecified", GRANTED, FOUNDED, tsa)}</TSPService>
    </TSPServices></TrustServiceProvider></TrustServiceProviderList></TrustServiceStatusList>"""


@cache
def supervisor() -> Party:
    return party("rsa-pkcs1-sha256", "Supervisor")


def signed(xml: str, *, by: Party | None = None) -> bytes:
    one = by or supervisor()
    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    tree = signer.sign(
        etree.fromstring(xml),
        key=one.native,
        cert=[one.certificate.native],
        reference_uri="list",
        id_attribute="Id",
    )
    data: bytes = etree.tostring(tree)
    return data


def read(data: bytes, *signers: Certificate, at: datetime = NOON) -> TrustedList:
    return read_trusted_list(data, signers=signers or (supervisor().certificate,), at=at)


def test_a_service_is_trusted_while_it_was_in_good_standing() -> None:
    found = read(signed(text()))
    assert (found.sequence_number, found.territory) == (7, "KZ")
    authority, stamping = found.anchors
    assert authority.certificate == root().certificate
    assert (authority.since, authority.until) == (FOUNDED, MOVED)
    assert Purpose.SIGNATURE in authority.purposes
    assert Purpose.TIME_STAMPING not in authority.purposes
    assert stamping.purposes == {Purpose.TIME_STAMPING}
    assert stamping.until is None
    store = found.store(environment=Environment.TEST)
    assert store.name == "kz-trusted-list-7"
    assert store.anchors == found.anchors


def test_only_a_signature_of_a_named_signer_counts() -> None:
    stranger = party("rsa-pkcs1-sha256", "Stranger").certificate
    data = signed(text())
    assert read(data, party().certificate, supervisor().certificate).sequence_number == 7
    with pytest.raises(TrustedListUntrusted):
        read(data, party().certificate)
    with pytest.raises(TrustedListUntrusted):
        read_trusted_list(data, signers=(), at=NOON)
    with pytest.raises(TrustedListUntrusted):
        read(text().encode())
    assert stranger.public_key == supervisor().certificate.public_key  # one RSA key for the tests


@pytest.mark.parametrize(
    ("old", "new"),
    [(b">7<", b">8<"), (b"granted", b"grantef"), (b"2016-07-01", b"2015-07-01")],
)
def test_a_changed_list_is_not_believed(old: bytes, new: bytes) -> None:
    data = signed(text())
    assert old in data
    with pytest.raises(TrustedListUntrusted):
        read(data.replace(old, new))


def test_a_list_wrapped_around_the_signed_one_is_not_read() -> None:
    inner = etree.fromstring(signed(text()))
    outer = etree.fromstring(text().replace(">7<", ">666<").replace('Id="list"', 'Id="other"'))
    for one in inner.iterfind("{http://www.w3.org/2000/09/xmldsig#}Signature"):
        outer.append(one)
    outer.append(inner)
    with pytest.raises(MalformedTrustedList, match="not one"):
        read(etree.tostring(outer))


def test_an_outdated_list_is_not_believed() -> None:
    data = signed(text())
    last = datetime(2027, 1, 1, tzinfo=UTC)
    assert read(data, at=last).next_update == last
    with pytest.raises(TrustedListUntrusted, match="outdated"):
        read(data, at=last + timedelta(seconds=1))
    assert read(signed(text(next_update="")), at=last + timedelta(days=999)).next_update is None
    with pytest.raises(NaiveDatetime):
        read(data, at=last.replace(tzinfo=None))


def reference(uri: str, kind: str, *transforms: str) -> str:
    steps = "".join(f'<Transform Algorithm="{one}"/>' for one in transforms)
    return f"""<Reference URI="{uri}"{kind}><Transforms>{steps}</Transforms>
    <DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference>"""


XMLDSIG = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
TEMPLATE = f"""<Signature xmlns="{XMLDSIG}"><SignedInfo>
<CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>
<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
{reference("", "", XMLDSIG + "enveloped-signature", EXCLUSIVE)}
{reference("#properties", ' Type="http://uri.etsi.org/01903#SignedProperties"', EXCLUSIVE)}
</SignedInfo><SignatureValue/><KeyInfo><X509Data><X509Certificate/></X509Data></KeyInfo>
<Object><QualifyingProperties xmlns="http://uri.etsi.org/01903/v1.3.2#">
<SignedProperties Id="properties"><SignedSignatureProperties>
<SigningTime>2026-11-01T00:00:00Z</SigningTime></SignedSignatureProperties></SignedProperties>
</QualifyingProperties></Object></Signature></TrustServiceStatusList>"""


@pytest.mark.skipif(shutil.which("xmlsec1") is None, reason="xmlsec1 is not installed")
def test_a_list_that_xmlsec1_signed_as_supervisors_do_is_read(tmp_path: Path) -> None:
    one = supervisor()
    (tmp_path / "key.pem").write_bytes(one.pem)
    (tmp_path / "cert.pem").write_bytes(one.certificate.native.public_bytes(Encoding.PEM))
    template = text().replace("</TrustServiceStatusList>", TEMPLATE)
    (tmp_path / "list.xml").write_text(template)
    subprocess.run(
        [
            *("xmlsec1", "--sign", "--output", tmp_path / "out.xml"),
            *("--privkey-pem", f"{tmp_path / 'key.pem'},{tmp_path / 'cert.pem'}"),
            *("--id-attr:Id", "SignedProperties", tmp_path / "list.xml"),
        ],
        check=True,
        capture_output=True,
    )
    data = (tmp_path / "out.xml").read_bytes()
    assert len(read(data).anchors) == 2
    for old, new in (
        (b">7<", b">8<"),
        (b"2026-11-01T00:00:00Z</Signing", b"2026-11-02T00:00:00Z</Signing"),
    ):
        assert old in data
        with pytest.raises(TrustedListUntrusted):
            read(data.replace(old, new))


BOMB = "<!DOCTYPE a [<!ENTITY b 'lol'><!ENTITY c '&b;&b;'>]>"


@pytest.mark.parametrize(
    "data",
    [b"", b"<", b"<a/>", b"\xff\xfe", (BOMB + text()).encode(), b"<a>" * 1000, bytes(100)],
)
def test_what_is_no_trusted_list_is_refused(data: bytes) -> None:
    with pytest.raises((MalformedTrustedList, TrustedListUntrusted)):
        read(data)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (">7<", ">seven<"),
        ("<TSLSequenceNumber>7</TSLSequenceNumber>", ""),
        ("2026-11-01T00:00:00Z", "2026-11-01T00:00:00"),
        ("2026-11-01T00:00:00Z", "yesterday"),
        ("<X509Certificate>", "<X509Certificate>!"),
        ("<X509Certificate>", "<X509Certificate>AAAA"),
    ],
)
def test_a_signed_list_that_is_malformed_is_refused(old: str, new: str) -> None:
    assert old in text()
    with pytest.raises(MalformedTrustedList):
        read(signed(text().replace(old, new)))


def test_no_random_octet_raises_anything_else() -> None:
    data: Any = bytearray(signed(text()))
    for at in range(0, len(data), 97):
        changed = bytes(data[:at] + bytes([data[at] ^ 0x15]) + data[at + 1 :])
        try:
            read(changed)
        except (MalformedTrustedList, TrustedListUntrusted):
            continue
