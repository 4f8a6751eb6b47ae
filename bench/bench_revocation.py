"""Status of a path beside its raw verifications and certvalidator; a long list beside cryptography.

A root, an authority and a leaf on P-256; the root's list says the authority is good, the
authority's OCSP answer says so of the leaf: four signatures.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from pyhanko_certvalidator import CertificateValidator, ValidationContext

from bench.report import Row, interleave
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.extensions import RevocationReason
from eds.ocsp import OcspResponse
from eds.verify.evidence import Evidence
from eds.verify.path import prove
from eds.verify.policy import BASIC
from eds.verify.revocation import Status, check, check_path
from eds.verify.trust import Purpose, TrustAnchor, TrustStore
from tests.verify.status_house import (
    DAY,
    NOON,
    answer,
    cert_id,
    certify,
    crl,
    entry,
    key,
    point,
    single,
)

ALGORITHM = ec.ECDSA(hashes.SHA256())
LONG = 100_000
ABSENT = 1 << 150


class Chain:
    """The encoded material, and the ways to judge it."""

    def __init__(self) -> None:
        root = certify("Root", issuer="Root", ca=True)
        authority = certify(
            "CA", issuer="Root", ca=True, points=[point("http://crl.example.kz/root.crl")]
        )
        leaf = certify("Leaf", ocsp_url="http://ocsp.example.kz/")
        found = crl(*(entry(number, NOON - DAY) for number in range(1, 101)), issuer="Root")
        said = answer(single(cert_id(leaf, authority)))
        self.root, self.authority, self.leaf = root.encoded, authority.encoded, leaf.encoded
        self.list, self.answer = found.encoded, said.encoded
        self.raw = [
            (key("CA").public_key(), leaf.signature, leaf.tbs_encoded),
            (key("Root").public_key(), authority.signature, authority.tbs_encoded),
            (key("Root").public_key(), found.signature, found.tbs_encoded),
            (key("CA").public_key(), said.signature, said.tbs_encoded),
        ]

    def ours(self) -> None:
        trust = TrustStore([TrustAnchor(certificate=Certificate(self.root))])
        authority = Certificate(self.authority)
        path = prove(
            Certificate(self.leaf), trust=trust, purpose=Purpose.SIGNATURE, at=NOON,
            policy=BASIC, certificates=(authority,),
        )  # fmt: skip
        evidence = Evidence(
            certificates=(authority,),
            lists=(CertificateList(self.list),),
            ocsp_responses=(OcspResponse(self.answer),),
        )
        found = check_path(path, evidence=evidence, trust=trust, at=NOON, policy=BASIC)
        if found.sub_indication is not None:
            raise RuntimeError(found.findings)

    def verify(self) -> None:
        """The four signatures and nothing else, with the keys at hand."""
        for public_key, signature, message in self.raw:
            public_key.verify(signature, message, ALGORITHM)

    def certvalidator(self) -> None:
        context = ValidationContext(
            trust_roots=[asn1_x509.Certificate.load(self.root)],
            other_certs=[asn1_x509.Certificate.load(self.authority)],
            crls=[self.list],
            ocsps=[self.answer],
            revocation_mode="require",
            moment=NOON,
        )
        validator = CertificateValidator(
            asn1_x509.Certificate.load(self.leaf), validation_context=context
        )
        asyncio.run(validator.async_validate_usage({"digital_signature"}))  # type: ignore[no-untyped-call]


class LongList:
    """A list of so many entries, opened and asked."""

    def __init__(self) -> None:
        self.ca = certify("CA", ca=True)
        self.leaf = certify("Leaf")
        self.serials = [(number << 128) + number * 7919 for number in range(1, LONG + 1)]
        superseded = RevocationReason.SUPERSEDED
        entries = (entry(serial, NOON - DAY, superseded) for serial in self.serials)
        self.encoded = crl(*entries).encoded
        self.native_key = key("CA").public_key()
        self.opened = CertificateList(self.encoded)
        self.native = x509.load_der_x509_crl(self.encoded)
        self.trust = TrustStore([TrustAnchor(certificate=self.ca)])

    def open(self) -> None:
        """To the status of one certificate: read, verified, indexed, looked up."""
        result = check(
            self.leaf, issuer=self.ca, evidence=Evidence(lists=(CertificateList(self.encoded),)),
            trust=TrustStore(self.trust.anchors), at=NOON, policy=BASIC,
        )  # fmt: skip
        if result.status is not Status.GOOD:
            raise RuntimeError(result.findings)

    def open_by_cryptography(self) -> None:
        """Read and verified; nothing is looked up yet."""
        found = x509.load_der_x509_crl(self.encoded)
        if not found.is_signature_valid(self.native_key):
            raise RuntimeError

    def look_up(self) -> None:
        """A certificate that is not listed, as nearly all are."""
        if self.opened.find(ABSENT) is not None:
            raise RuntimeError

    def look_up_by_cryptography(self) -> None:
        if self.native.get_revoked_certificate_by_serial_number(ABSENT) is not None:
            raise RuntimeError

    def find(self) -> None:
        """One that is listed, in the middle, with its entry read."""
        if self.opened.find(self.serials[LONG // 2]) is None:
            raise RuntimeError

    def find_by_cryptography(self) -> None:
        if self.native.get_revoked_certificate_by_serial_number(self.serials[LONG // 2]) is None:
            raise RuntimeError

    def again(self) -> None:
        """A status by the list that is kept."""
        evidence = Evidence(lists=(self.opened,))
        check(self.leaf, issuer=self.ca, evidence=evidence, trust=self.trust, at=NOON, policy=BASIC)


def run() -> Iterator[Row]:
    """The figures."""
    chain = Chain()
    ours, raw, theirs = interleave(chain.ours, chain.verify, chain.certvalidator)
    name = "path + CRL + OCSP from DER, nothing kept"
    yield Row(name=f"{name} / four raw P-256 verifications", ours=ours, floor=raw, goal=1.8)
    yield Row(
        name=f"{name}, a second / pyhanko-certvalidator's",
        ours=1 / ours, floor=1 / theirs, unit="/s", goal=6, better="higher",
    )  # fmt: skip

    long = LongList()
    ours, floor = interleave(long.open, long.open_by_cryptography, rounds=7)
    yield Row(
        name=f"CRL of {LONG:,}: status from DER / cryptography reads and verifies it",
        ours=ours, floor=floor, goal=0.7,
    )  # fmt: skip
    ours, floor = interleave(long.look_up, long.look_up_by_cryptography, rounds=7)
    yield Row(
        name=f"CRL of {LONG:,}: look-ups a second / cryptography's",
        ours=1 / ours, floor=1 / floor, unit="/s", goal=1000, better="higher",
    )  # fmt: skip
    ours, floor = interleave(long.find, long.find_by_cryptography, rounds=7)
    yield Row(
        name=f"CRL of {LONG:,}: entries found and read a second / cryptography's",
        ours=1 / ours, floor=1 / floor, unit="/s", better="higher",
    )  # fmt: skip
    ours, floor = interleave(long.again, chain.verify, rounds=7)
    yield Row(name=f"CRL of {LONG:,} kept: a status / four raw P-256 verifications",
              ours=ours, floor=floor)  # fmt: skip
