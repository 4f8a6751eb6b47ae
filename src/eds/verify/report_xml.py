"""The report as XML of ETSI TS 119 102-2 (V1.2.1), for systems that exchange such reports.

Not signed; its certificates stand in it as validation objects, and every finding that is not
plain as a constraint that was evaluated.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Final
from xml.etree import ElementTree as ET

from ..certificates import Certificate
from .findings import Outcome
from .indications import Indication, SubIndication
from .report import SignatureReport, ValidationReport
from .wording import subject_of

NAMESPACE: Final = "http://uri.etsi.org/19102/v1.2.1#"

_MAIN: Final = {
    Indication.TOTAL_PASSED: "total-passed",
    Indication.TOTAL_FAILED: "total-failed",
    Indication.INDETERMINATE: "indeterminate",
}
# §4.4.8: which process led to the verdict of a signature of that level.
_PROCESS: Final = {None: "Basic", "B": "Basic", "T": "LTVM", "LT": "LTVM", "LTA": "LTVA"}


def as_xml(report: ValidationReport) -> bytes:
    """The report as one XML document, UTF-8."""
    root = _Element("ValidationReport")
    objects: dict[Certificate, str] = {}
    for signature in report.signatures:
        root.append(_signature(signature, report, objects))
    if not report.signatures:  # the standard wants one report at least
        one = root.add("SignatureValidationReport")
        _status(one, report.indication, report.sub_indication)
    if objects:
        listed = root.add("SignatureValidationObjects")
        for certificate, name in objects.items():
            _object(listed, certificate, name)
    tree = ET.Element(root.name, xmlns=NAMESPACE)
    root.fill(tree)
    found: bytes = ET.tostring(tree, encoding="utf-8", xml_declaration=True)
    return found


class _Element:
    """An element of the namespace, with what XML 1.0 cannot carry left out of its text."""

    def __init__(self, name: str, text: str | None = None, **attributes: str) -> None:
        self.name = name
        self._text = None if text is None else _plain(text)
        self._attributes = attributes
        self._children: list[_Element] = []

    def add(self, name: str, text: str | None = None, **attributes: str) -> _Element:
        child = _Element(name, text, **attributes)
        self._children.append(child)
        return child

    def append(self, child: _Element) -> None:
        self._children.append(child)

    def fill(self, element: ET.Element) -> None:
        element.text = self._text
        for name, value in self._attributes.items():
            element.set(name, value)
        for child in self._children:
            child.fill(ET.SubElement(element, child.name))


def _signature(
    one: SignatureReport, report: ValidationReport, objects: dict[Certificate, str]
) -> _Element:
    element = _Element("SignatureValidationReport")
    _constraints(element, one)
    times = element.add("ValidationTimeInfo")
    times.add("ValidationTime", _instant(report.at))
    best = times.add("BestSignatureTime")
    best.add("POETime", _instant(one.proven_time or report.at))
    best.add("TypeOfProof", "urn:etsi:019102:poetype:validation")
    if one.claimed_time is not None:
        attributes = element.add("SignatureAttributes")
        attributes.add("SigningTime", Signed="true").add("Time", _instant(one.claimed_time))
    if one.signer is not None:
        signer = element.add("SignerInformation")
        signer.add("SignerCertificate", VOReference=_named(one.signer, objects))
        signer.add("Signer", subject_of(one.signer)[0])
    process = element.add("SignatureValidationProcess")
    level = None if one.level is None else one.level.value
    process.add(
        "SignatureValidationProcessID", f"urn:etsi:019102:validationprocess:{_PROCESS[level]}"
    )
    status = _status(element, one.indication, one.sub_indication)
    if one.path:
        data = status.add("AssociatedValidationReportData")
        chain = data.add("CertificateChain")
        first, *others = one.path
        chain.add("SigningCertificate", VOReference=_named(first, objects))
        for certificate in others[:-1]:
            chain.add("IntermediateCertificate", VOReference=_named(certificate, objects))
        if others:
            chain.add("TrustAnchor", VOReference=_named(others[-1], objects))
    return element


def _constraints(element: _Element, one: SignatureReport) -> None:
    told = [finding for finding in one.findings if finding.outcome is not Outcome.KEPT]
    if not told:
        return
    evaluated = element.add("ValidationConstraintsEvaluationReport")
    for finding in told:
        constraint = evaluated.add("ValidationConstraint")
        constraint.add("ValidationConstraintIdentifier", f"urn:eds:finding:{finding.code}")
        constraint.add("ConstraintStatus").add("Status", "urn:etsi:019102:constraintStatus:applied")
        verdict = constraint.add("ValidationStatus")
        sub = finding.sub_indication
        _verdict(verdict, Indication.TOTAL_PASSED if sub is None else sub.indication, sub)
        constraint.add("Indications", finding.rule.says)


def _status(element: _Element, indication: Indication, sub: SubIndication | None) -> _Element:
    status = element.add("SignatureValidationStatus")
    _verdict(status, indication, sub)
    return status


def _verdict(element: _Element, indication: Indication, sub: SubIndication | None) -> None:
    element.add("MainIndication", f"urn:etsi:019102:mainindication:{_MAIN[indication]}")
    if sub is not None:
        element.add("SubIndication", f"urn:etsi:019102:subindication:{sub.value}")


def _named(certificate: Certificate, objects: dict[Certificate, str]) -> str:
    """The identifier of the validation object that the certificate is."""
    name = objects.setdefault(certificate, f"C-{certificate.fingerprint.hex()}")
    return f"#{name}"


def _object(listed: _Element, certificate: Certificate, name: str) -> None:
    one = listed.add("ValidationObject", id=name)
    one.add("ObjectType", "urn:etsi:019102:validationObject:certificate")
    shown = one.add("ValidationObjectRepresentation")
    shown.add("base64", base64.b64encode(certificate.encoded).decode("ascii"))


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _plain(text: str) -> str:
    """XML 1.0 has no place for control characters; a surrogate alone is none either."""
    return "".join(
        one if one >= " " and not "\ud800" <= one <= "\udfff" and one not in "\ufffe\uffff" else "?"
        for one in text
    )
