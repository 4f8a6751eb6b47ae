"""eds: electronic digital signatures. The names a newcomer needs; each is imported when used.

>>> from eds import KeyPurpose, open_keystore, signature_algorithm
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from eds.algorithms import signature_algorithm
    from eds.certificatelists import CertificateList
    from eds.certificates import Certificate
    from eds.errors import EdsError
    from eds.keys import KeyPurpose, KeyStore, Secret, Signer, open_keystore
    from eds.names import Name
    from eds.ocsp import OcspResponse
    from eds.persons import LegalPerson, NaturalPerson
    from eds.requests import CertificationRequest
    from eds.signeddata import SignedData
    from eds.timestamps import TimeStampToken
    from eds.verify.evidence import Evidence
    from eds.verify.indications import Indication, SubIndication
    from eds.verify.report import ValidationReport
    from eds.verify.trust import TrustAnchor, TrustStore
    from eds.verify.validation import validate

    __version__: str

__all__ = [
    "Certificate",
    "CertificateList",
    "CertificationRequest",
    "EdsError",
    "Evidence",
    "Indication",
    "KeyPurpose",
    "KeyStore",
    "LegalPerson",
    "Name",
    "NaturalPerson",
    "OcspResponse",
    "Secret",
    "SignedData",
    "Signer",
    "SubIndication",
    "TimeStampToken",
    "TrustAnchor",
    "TrustStore",
    "ValidationReport",
    "open_keystore",
    "signature_algorithm",
    "validate",
]

_HOME: Final = {
    "Certificate": "certificates",
    "CertificateList": "certificatelists",
    "CertificationRequest": "requests",
    "EdsError": "errors",
    "Evidence": "verify.evidence",
    "Indication": "verify.indications",
    "KeyPurpose": "keys",
    "KeyStore": "keys",
    "LegalPerson": "persons",
    "Name": "names",
    "NaturalPerson": "persons",
    "OcspResponse": "ocsp",
    "Secret": "keys",
    "SignedData": "signeddata",
    "Signer": "keys",
    "SubIndication": "verify.indications",
    "TimeStampToken": "timestamps",
    "TrustAnchor": "verify.trust",
    "TrustStore": "verify.trust",
    "ValidationReport": "verify.report",
    "open_keystore": "keys",
    "signature_algorithm": "algorithms",
    "validate": "verify.validation",
}


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("eds-toolkit")
    if name not in _HOME:
        raise AttributeError(f"module 'eds' has no attribute {name!r}")
    found: object = getattr(import_module(f"eds.{_HOME[name]}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})
