"""Test material beside the project, and a reader of PEM that is not the one under test."""

from __future__ import annotations

import base64
import json
import re
from functools import cache
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "shared" / "data"

needs_data = pytest.mark.skipif(not DATA.exists(), reason="no test material beside the project")

_PEM = re.compile(rb"-----BEGIN [^-]+-----(.*?)-----END", re.DOTALL)


def read(path: Path) -> bytes:
    """The object in a file, DER or the first of PEM or bare base64."""
    data = path.read_bytes()
    if found := _PEM.search(data):
        return base64.b64decode(found[1])
    return data if data[:1] == b"0" else base64.b64decode(data)


@cache
def kz_certificates() -> dict[str, bytes]:
    folders = (DATA / "kz" / "ca", DATA / "kz" / "cert")
    return {path.name: read(path) for folder in folders for path in sorted(folder.glob("*"))}


@cache
def pkits_certificates() -> dict[str, bytes]:
    return {path.name: read(path) for path in sorted((DATA / "pkits" / "certs").glob("*.crt"))}


@cache
def pkits_lists() -> dict[str, bytes]:
    return {path.name: read(path) for path in sorted((DATA / "pkits" / "crls").glob("*.crl"))}


@cache
def limbo_certificates() -> dict[str, bytes]:
    """By the case that first has them."""
    cases = json.loads((DATA / "limbo" / "limbo.json").read_text())["testcases"]
    found: dict[bytes, str] = {}
    for case in cases:
        pems = (*case["trusted_certs"], *case["untrusted_intermediates"], case["peer_certificate"])
        for number, pem in enumerate(pems):
            match = _PEM.search(pem.encode())
            assert match
            found.setdefault(base64.b64decode(match[1]), f"{case['id']} {number}")
    return {name: encoded for encoded, name in found.items()}


@cache
def lists() -> dict[str, bytes]:
    """Lists of every origin."""
    folders = ("kz/crl", "dss-revocation", "ocsp-tsp")
    return pkits_lists() | {
        str(path.relative_to(DATA)): read(path)
        for folder in folders
        for path in sorted((DATA / folder).rglob("*.crl"))
    }


@cache
def ocsp_responses() -> dict[str, bytes]:
    patterns = (
        "ocsp-tsp/**/*.ors",
        "ocsp-tsp/pyca-ocsp/resp-*.der",
        "kz/ocsp/*.bin",
        "dss-revocation/spi/*_ocsp.bin",
    )
    return {
        str(path.relative_to(DATA)): read(path)
        for pattern in patterns
        for path in sorted(DATA.glob(pattern))
    }


@cache
def time_stamps() -> dict[str, bytes]:
    paths = (*sorted((DATA / "kz" / "tsp").glob("*")), *(DATA / "dss-revocation/spi").glob("*.ts?"))
    return {str(path.relative_to(DATA)): path.read_bytes() for path in paths}
