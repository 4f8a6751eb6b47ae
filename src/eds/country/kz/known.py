"""Whose certificates are the NCA's own, by fingerprint, and where its services answer.

Only fingerprints: the certificates are the NCA's to hand out, and a user compares what it
publishes with what stands here. Every one was seen as a file, and its signature verified. The
hierarchy of 2022 of production is not among them: no file of it could be had.
"""

from __future__ import annotations

from datetime import date
from typing import Final

from ..contract import KnownCertificate, KnownTrustSet, ServiceAddress

_TEST_RESOURCES: Final = "as kept in malikzh/NCANode, test resources"
_KALKAN: Final = "as kept in skarm/kalkan and gokalkan/gokalkan, test data"


def _known(
    sha256: str, label: str, until: date, source: str, *, is_anchor: bool
) -> KnownCertificate:
    return KnownCertificate(
        sha256=sha256, label=label, is_anchor=is_anchor, until=until, source=source
    )


PRODUCTION: Final = KnownTrustSet(
    name="kz-production",
    environment="production",
    certificates=(
        _known(
            "9ab210e54e6b0343321131202d9edcc2598f598cfdd9ee4ec1056021ab2e9759",
            "root GOST 2015",
            date(2025, 7, 27),
            _TEST_RESOURCES,
            is_anchor=True,
        ),
        _known(
            "a7064abc5699827f370c67b09f1a1bfd7ad5e1514d471223df209c08300ea972",
            "root RSA 2015",
            date(2025, 7, 27),
            _TEST_RESOURCES,
            is_anchor=True,
        ),
        _known(
            "908521d0531e5645e64b34d3588374a3a83582c860e5f7293a04c41217e8cc18",
            "NCA GOST 2018",
            date(2025, 6, 25),
            _TEST_RESOURCES,
            is_anchor=False,
        ),
        _known(
            "34d1b311a9873191ae3382805df51e0a5da23315c512a8deeb885668ceeb5834",
            "NCA RSA 2018",
            date(2025, 6, 25),
            _TEST_RESOURCES,
            is_anchor=False,
        ),
    ),
    lacks="the roots and authorities of 2020 and 2022: add them yourself (`eds trust add`)",
)
TEST: Final = KnownTrustSet(
    name="kz-test",
    environment="test",
    certificates=(
        _known(
            "06021684f52054692a1859686d5af527eda779e6183c2f3cd4fc1278e4067beb",
            "root GOST TEST 2018",
            date(2038, 6, 30),
            _KALKAN,
            is_anchor=True,
        ),
        _known(
            "4d05179bcb02180bfc37618372671357df7dd8b7865973eae77b83213cae717b",
            "root RSA TEST 2018",
            date(2038, 6, 30),
            _KALKAN,
            is_anchor=True,
        ),
        _known(
            "b995e79e7c07429f8f79e185451e5599ce342ac720000f01b3854fdfa03031a6",
            "root GOST TEST 2022",
            date(2032, 7, 7),
            _KALKAN,
            is_anchor=True,
        ),
        _known(
            "0307e8bdf77cb708b7c9d9a5799facdc6de7154447cb394af9ac9b528c3d82c7",
            "NCA GOST TEST 2019",
            date(2024, 3, 12),
            _KALKAN,
            is_anchor=False,
        ),
        _known(
            "7e96a36409dc11e0fc99efae41f8c639e16a495d77c2f2278edb98580f997231",
            "NCA RSA TEST 2019",
            date(2024, 3, 13),
            _KALKAN,
            is_anchor=False,
        ),
        _known(
            "beeffc0bdb77cd798c35983eb0715f6ef0051cccb71d7cd05505e8a4fb2c6f4d",
            "NCA GOST TEST 2022",
            date(2032, 7, 4),
            _KALKAN,
            is_anchor=False,
        ),
    ),
)

_TSA: Final = "the production time-stamping certificate of 2025"
_SDK: Final = "the SDK's test certificates of 2026"
_NODE: Final = "the settings of NCANode and gokalkan"


def _address(service: str, environment: str, url: str, source: str, seen: date) -> ServiceAddress:
    return ServiceAddress(
        service=service, environment=environment, url=url, source=source, seen=seen
    )


_CERTIFIED: Final = date(2025, 10, 28)
_ISSUED: Final = date(2026, 5, 8)
_READ: Final = date(2026, 3, 6)
# Lists changed their names more than once; whoever fetches takes the addresses of the certificate.
SERVICES: Final = (
    _address("ocsp", "production", "http://ocsp.pki.gov.kz", _TSA, _CERTIFIED),
    _address("time-stamp", "production", "http://tsp.pki.gov.kz", _NODE, _READ),
    _address(
        "ca-certificate", "production", "http://pki.gov.kz/cert/nca_gost_2022.cer", _TSA, _CERTIFIED
    ),
    _address("crl", "production", "http://crl.pki.gov.kz/nca_gost_2022.crl", _TSA, _CERTIFIED),
    _address(
        "delta-crl", "production", "http://crl.pki.gov.kz/nca_d_gost_2022.crl", _TSA, _CERTIFIED
    ),
    _address("ocsp", "test", "http://test.pki.gov.kz/ocsp/", _SDK, _ISSUED),
    _address("time-stamp", "test", "http://test.pki.gov.kz/tsp/", _NODE, _READ),
    _address(
        "ca-certificate", "test", "http://test.pki.gov.kz/cert/nca_gost2022_test.cer", _SDK, _ISSUED
    ),
    _address("crl", "test", "http://test.pki.gov.kz/crl/nca_gost2022_test.crl", _SDK, _ISSUED),
    _address(
        "delta-crl", "test", "http://test.pki.gov.kz/crl/nca_gost2022_d_test.crl", _SDK, _ISSUED
    ),
)
