"""The ZIP container of the NCA of Kazakhstan: a manifest of digests, and a CMS about it.

META-INF/NCAManifest.xml names each file with its digest (DataObjectReference) and the detached
CMS over the manifest's own octets (SigReference). Every file but those two kinds must be named,
else the verdict says which is not. There is no published description: the form is that of
containers made by the NCA's own software.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple
from xml.parsers import expat

from ..algorithms import DIGESTS, DigestAlgorithm
from ..errors import AlgorithmError, DecodeError, MalformedContainer
from ..formats import Format, identify
from ..signeddata import SignedData
from .cms import validate_signed_data
from .content import Octets
from .context import Context
from .findings import Finding, Rule, conclude
from .indications import SubIndication
from .report import Coverage, SignatureReport
from .signer_algorithms import period_finding
from .zipentries import Entry, read_entries

MANIFEST: Final = "META-INF/NCAManifest.xml"

FORM: Final = Rule(
    code="container.form",
    clause="EN 319 102-1 §5.2.2; NCA RK ZIP container",
    says="the container, its manifest and its signature can be read in one way only",
)
DIGEST: Final = Rule(
    code="container.digest",
    clause="EN 319 102-1 §5.2.7; NCA RK ZIP container",
    says="each file that the manifest names is the one that was signed",
)
DIGEST_ALGORITHM: Final = Rule(
    code="container.digest_algorithm",
    clause="EN 319 102-1 §5.2.8",
    says="the digests of the manifest are known here",
)
COVERAGE: Final = Rule(
    code="container.coverage",
    clause="NCA RK ZIP container; policy",
    says="every file of the container is signed",
)

_MANIFEST_LIMIT: Final = 4 * 1024 * 1024
_SIGNATURE_LIMIT: Final = 16 * 1024 * 1024
_REFERENCE_LIMIT: Final = 1024
_DEPTH: Final = 8
_BY_URI: Final = {row.xml_uri: row for row in DIGESTS if row.xml_uri}


class Judged(NamedTuple):
    """What was found of a container: reports on its signatures, and what broke beside."""

    signatures: tuple[SignatureReport, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One file that the manifest names: its digest, and by which algorithm (a URI)."""

    name: str
    algorithm: str
    digest: bytes


@dataclass(slots=True)
class _Reading:
    signatures: list[str] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    name: str | None = None
    algorithm: str | None = None
    text: list[str] = field(default_factory=list)


def validate_container(data: bytes, context: Context) -> Judged | None:
    """What is found of a ZIP archive; None: it is no container of this kind.

    Nothing in the bytes raises.
    """
    try:
        entries = {entry.name: entry for entry in read_entries(data)}
        if MANIFEST not in entries:
            return None
        manifest = entries[MANIFEST].octets(limit=_MANIFEST_LIMIT)
        signatures, references = read_manifest(manifest)
        signed = [(name, _signed_data(entries, name)) for name in signatures]
        found = _compare(entries, references)
    except DecodeError as error:
        broken = FORM.broken(SubIndication.FORMAT_FAILURE, error=error.code, reason=str(error))
        return Judged((), (broken,))
    named = {MANIFEST, *signatures, *(one.name for one in references)}
    outside = tuple(sorted(entries.keys() - named))
    reports: list[SignatureReport] = []
    missing: list[Finding] = []
    for name, signed_data in signed:
        if signed_data is None:
            missing.append(FORM.broken(SubIndication.SIGNED_DATA_NOT_FOUND, signature=name))
            continue
        try:
            judged = validate_signed_data(signed_data, content=Octets(manifest), context=context)
        except DecodeError as error:
            missing.append(
                FORM.broken(SubIndication.FORMAT_FAILURE, error=error.code, reason=str(error))
            )
            continue
        reports.extend(_with_files(one, found, outside, context) for one in judged)
    if not references:
        missing.append(FORM.broken(SubIndication.SIGNED_DATA_NOT_FOUND, files=0))
    return Judged(tuple(reports), tuple(missing))


def read_manifest(octets: bytes) -> tuple[tuple[str, ...], tuple[Reference, ...]]:
    """(names of signatures, references) of a manifest. Raises MalformedContainer.

    Document types, and with them entities, are refused; elements of other names are passed over:
    the signature is over the octets, whatever they mean.
    """
    found = _Reading()
    parser = expat.ParserCreate()

    def refuse(*_: object) -> None:
        raise MalformedContainer(reason="the manifest has a document type")

    def start(name: str, attributes: Mapping[str, str]) -> None:
        found.path.append(name)
        if len(found.path) > _DEPTH:
            raise MalformedContainer(reason="the manifest is nested too deeply")
        found.text.clear()
        match found.path:
            case ["NCAManifest", "SigReference"]:
                found.signatures.append(_uri(attributes))
            case ["NCAManifest", "DataObjectReference"]:
                found.name, found.algorithm = _uri(attributes), None
            case ["NCAManifest", "DataObjectReference", "DigestMethod"]:
                if found.algorithm is not None:
                    raise MalformedContainer(reason="a file with two digest methods")
                found.algorithm = attributes.get("Algorithm", "")
            case [other] if other != "NCAManifest":
                raise MalformedContainer(reason="the manifest has another root")

    def end(_: str) -> None:
        match found.path:
            case ["NCAManifest", "DataObjectReference", "DigestValue"]:
                if found.name is None or found.algorithm is None:
                    raise MalformedContainer(reason="a digest without its method, or two")
                found.references.append(
                    Reference(
                        name=found.name, algorithm=found.algorithm, digest=_digest(found.text)
                    )
                )
                found.name = None
            case ["NCAManifest", "DataObjectReference"] if found.name is not None:
                raise MalformedContainer(reason="a file without its digest")
        if len(found.references) + len(found.signatures) > _REFERENCE_LIMIT:
            raise MalformedContainer(reason="the manifest names too many files")
        found.path.pop()
        found.text.clear()

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = found.text.append
    try:
        parser.Parse(octets, True)  # noqa: FBT003 - it takes no name
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise MalformedContainer(reason=f"the manifest is not XML: {error}"[:200]) from error
    names = [*found.signatures, *(one.name for one in found.references)]
    if len(set(names)) != len(names):
        raise MalformedContainer(reason="the manifest names a file twice")
    return tuple(found.signatures), tuple(found.references)


def _uri(attributes: Mapping[str, str]) -> str:
    uri = attributes.get("URI", "")
    if not uri:
        raise MalformedContainer(reason="a reference without a name")
    return uri


def _digest(text: list[str]) -> bytes:
    try:
        return base64.b64decode("".join("".join(text).split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedContainer(reason="a digest that is no base64") from error


def _signed_data(entries: Mapping[str, Entry], name: str) -> SignedData | None:
    """The CMS of that name, DER or in base64; None where there is no such file."""
    entry = entries.get(name)
    if entry is None:
        return None
    octets = entry.octets(limit=_SIGNATURE_LIMIT)
    if octets[:1] == b"\x30":
        return SignedData(octets)
    found = identify(octets)
    if len(found) != 1 or found[0].format is not Format.SIGNED_DATA:
        raise MalformedContainer(reason="a signature that is no SignedData")
    return SignedData(found[0].octets)


def _compare(
    entries: Mapping[str, Entry], references: tuple[Reference, ...]
) -> tuple[tuple[Finding, ...], frozenset[DigestAlgorithm]]:
    """What is found of each file, and the digests that were relied on."""
    findings: list[Finding] = []
    used: set[DigestAlgorithm] = set()
    for one in references:
        entry, algorithm = entries.get(one.name), _BY_URI.get(one.algorithm)
        if entry is None:
            findings.append(DIGEST.broken(SubIndication.SIGNED_DATA_NOT_FOUND, file=one.name))
            continue
        try:
            if algorithm is None:
                raise AlgorithmError("no digest of that URI is known")
            feed = algorithm.new()
        except AlgorithmError:
            findings.append(
                DIGEST_ALGORITHM.broken(
                    SubIndication.CRYPTO_CONSTRAINTS_FAILURE,
                    file=one.name,
                    algorithm=one.algorithm[:200],
                )
            )
            continue
        for piece in entry.pieces():
            feed.update(piece)
        used.add(algorithm)
        if feed.digest() != one.digest:
            findings.append(
                DIGEST.broken(SubIndication.HASH_FAILURE, file=one.name, signed=one.digest)
            )
    if not findings:
        findings.append(DIGEST.kept(files=len(references)))
    return tuple(findings), frozenset(used)


def _with_files(
    report: SignatureReport,
    found: tuple[tuple[Finding, ...], frozenset[DigestAlgorithm]],
    outside: tuple[str, ...],
    context: Context,
) -> SignatureReport:
    """The report on a signature over the manifest, with what it says about the files."""
    findings, used = found
    proven = report.proven_time or context.at
    periods = [
        period_finding(context.policy.algorithms.digest_until(one), proven, (one.name,))
        for one in sorted(used, key=lambda row: row.name)
    ]
    coverage = (
        COVERAGE.broken(SubIndication.SIG_CONSTRAINTS_FAILURE, not_signed=outside)
        if outside
        else COVERAGE.kept()
    )
    weak = (one for one in periods if one.sub_indication is not None)
    verdict = conclude((*report.findings, *findings, *weak, coverage))
    return replace(
        report,
        indication=verdict.indication,
        sub_indication=verdict.sub_indication,
        findings=verdict.findings,
        coverage=Coverage(whole=not outside),
    )
