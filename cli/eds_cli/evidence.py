"""Evidence on the command line: files of certificates, revocation lists, OCSP responses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eds.verify.evidence import Evidence


def read_evidence(files: tuple[str, ...]) -> Evidence:
    """Everything in the files that may help to decide; none of it is believed for being there."""
    from eds.certificatelists import CertificateList
    from eds.certificates import Certificate
    from eds.ocsp import OcspResponse
    from eds.verify.evidence import Evidence

    data = [Path(file).read_bytes() for file in files]
    return Evidence(
        certificates=tuple(one for each in data for one in Certificate.certificates(each)),
        lists=tuple(one for each in data for one in CertificateList.load_all(each)),
        ocsp_responses=tuple(one for each in data for one in OcspResponse.load_all(each)),
    )
