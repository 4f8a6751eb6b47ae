"""Evidence on the command line: files of certificates, revocation lists, OCSP responses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eds.verify.evidence import Evidence

_WALKED: Final = frozenset({".cer", ".crt", ".der", ".pem", ".crl", ".ocsp", ".ors", ".resp"})


def read_evidence(files: tuple[str, ...]) -> Evidence:
    """Everything in the files that may help to decide; none of it is believed for being there.

    Of a folder, everything below it that has the name of such a file.
    """
    from eds.certificatelists import CertificateList
    from eds.certificates import Certificate
    from eds.ocsp import OcspResponse
    from eds.verify.evidence import Evidence

    data = [path.read_bytes() for file in files for path in _walk(Path(file))]
    return Evidence(
        certificates=tuple(one for each in data for one in Certificate.certificates(each)),
        lists=tuple(one for each in data for one in CertificateList.load_all(each)),
        ocsp_responses=tuple(one for each in data for one in OcspResponse.load_all(each)),
    )


def _walk(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    yield from (
        one
        for one in sorted(path.rglob("*"))
        if one.is_file() and not one.is_symlink() and one.suffix.lower() in _WALKED
    )
