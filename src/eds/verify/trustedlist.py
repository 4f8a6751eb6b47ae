"""Trusted lists (ETSI TS 119 612): whom a country's supervisor trusts, since when, for what.

A list is believed because it is signed with a key the caller names, never because of a
certificate that stands in it. Only the tree that the signature covers is read. Nothing is
fetched: pointers to other lists are left alone. XML comes in through `lxml` and `signxml` (the
extra `xml`), with DTDs, entities and the network shut off.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ..certificates import Certificate
from ..errors import DecodeError, MalformedTrustedList, NaiveDatetime, TrustedListUntrusted
from .trust import Environment, Purpose, TrustAnchor, TrustStore

SIZE_LIMIT: Final = 16 * 1024 * 1024
_TSL: Final = "{http://uri.etsi.org/02231/v2#}"
_LIST: Final = f"{_TSL}TrustServiceStatusList"
_SERVICES: Final = "http://uri.etsi.org/TrstSvc/Svctype/"
_STATUSES: Final = re.compile(r"https?://uri\.etsi\.org/TrstSvc/(?:TrustedList/)?Svcstatus/(.+)")

_ISSUING: Final = frozenset(
    {Purpose.SIGNATURE, Purpose.AUTHENTICATION, Purpose.OCSP_SIGNING, Purpose.LIST_SIGNING}
)
# TS 119 612 §5.5.1: types of services whose keys lead to something judged here.
_PURPOSES: Final = {
    "CA/QC": _ISSUING,
    "CA/PKC": _ISSUING,
    "NationalRootCA-QC": _ISSUING,
    "TSA": frozenset({Purpose.TIME_STAMPING}),
    "TSA/QTST": frozenset({Purpose.TIME_STAMPING}),
    "TSA/TSS-QC": frozenset({Purpose.TIME_STAMPING}),
    "Certstatus/OCSP": frozenset({Purpose.OCSP_SIGNING}),
    "Certstatus/OCSP/QC": frozenset({Purpose.OCSP_SIGNING}),
    "Certstatus/CRL": frozenset({Purpose.LIST_SIGNING}),
    "Certstatus/CRL/QC": frozenset({Purpose.LIST_SIGNING}),
}
# §5.5.4 and its predecessors: while one of these stands, the service may be relied on.
_GOOD: Final = frozenset(
    {
        "granted",
        "recognisedatnationallevel",
        "setbynationallaw",
        "undersupervision",
        "supervisionincessation",
        "accredited",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedList:
    """What a trusted list says. `next_update` is None where the list is closed for good.

    Anchors carry the periods in which their service was in good standing.
    """

    sequence_number: int
    territory: str
    issued_at: datetime
    next_update: datetime | None
    signer: Certificate
    anchors: tuple[TrustAnchor, ...]

    def store(self, *, environment: Environment) -> TrustStore:
        """Its anchors as a store named by territory and number."""
        name = f"{self.territory.lower()}-trusted-list-{self.sequence_number}"
        return TrustStore(self.anchors, name=name, environment=environment)


def read_trusted_list(data: bytes, *, signers: Sequence[Certificate], at: datetime) -> TrustedList:
    """The list in `data`, signed by one of `signers` and not outdated at `at`.

    Raises MalformedTrustedList, TrustedListUntrusted (the signature is none of `signers`', or
    the list should have been replaced before `at`), NaiveDatetime.
    """
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    if len(data) > SIZE_LIMIT:
        raise MalformedTrustedList(reason=f"more than {SIZE_LIMIT} octets")
    tree, signer = _signed_tree(_parse(data), signers)
    try:
        found = _list(tree, signer)
    except (ValueError, DecodeError) as error:
        raise MalformedTrustedList(reason=str(error)[:200]) from error
    if found.next_update is not None and found.next_update < at:
        raise TrustedListUntrusted(reason=f"outdated since {found.next_update.isoformat()}")
    return found


def _parse(data: bytes) -> Any:
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise MalformedTrustedList(reason=f"not XML: {error}"[:200]) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise MalformedTrustedList(reason="a document type definition")
    # A signed list inside another would be the one that is read, but not the one that is seen.
    if list(root.iter(_LIST)) != [root]:
        raise MalformedTrustedList(reason="not one TrustServiceStatusList")
    return root


def _signed_tree(root: Any, signers: Sequence[Certificate]) -> tuple[Any, Certificate]:
    """The TrustServiceStatusList that a signature of one of `signers` covers."""
    from signxml.exceptions import SignXMLException
    from signxml.verifier import SignatureConfiguration, XMLVerifier

    # One reference to the document, and one to the signed properties of XAdES.
    expected = SignatureConfiguration(location="./", expect_references=True)
    for signer in signers:
        try:
            results = XMLVerifier().verify(
                root, x509_cert=signer.native, expect_config=expected, validate_schema=False
            )
        except SignXMLException:
            continue
        except Exception as error:
            raise MalformedTrustedList(reason=f"signature: {type(error).__name__}") from error
        for one in results if isinstance(results, list) else [results]:
            tree = one.signed_xml
            if tree is not None and tree.tag == f"{_TSL}TrustServiceStatusList":
                return tree, signer
    raise TrustedListUntrusted(reason="no signature of a named signer covers it")


def _list(tree: Any, signer: Certificate) -> TrustedList:
    scheme = _child(tree, "SchemeInformation")
    next_update = _child(scheme, "NextUpdate").find(f"{_TSL}dateTime")
    return TrustedList(
        sequence_number=int(_text(scheme, "TSLSequenceNumber")),
        territory=_text(scheme, "SchemeTerritory"),
        issued_at=_time(_text(scheme, "ListIssueDateTime")),
        next_update=None if next_update is None else _time(next_update.text or ""),
        signer=signer,
        anchors=tuple(_anchors(tree)),
    )


def _anchors(tree: Any) -> Iterator[TrustAnchor]:
    for service in tree.iterfind(f"{_TSL}TrustServiceProviderList//{_TSL}TSPService"):
        current = _child(service, "ServiceInformation")
        states = [current, *service.iterfind(f"{_TSL}ServiceHistory/{_TSL}ServiceHistoryInstance")]
        periods = sorted(
            (_time(_text(state, "StatusStartingTime")), _purposes(state)) for state in states
        )
        certificates = tuple(_certificates(current))
        name = current.find(f"{_TSL}ServiceName/{_TSL}Name")
        source = "" if name is None or not name.text else name.text.strip()[:200]
        for number, (since, purposes) in enumerate(periods):
            until = periods[number + 1][0] if number + 1 < len(periods) else None
            if not purposes:
                continue
            for certificate in certificates:
                yield TrustAnchor(
                    certificate=certificate,
                    purposes=frozenset(map(Purpose, purposes)),
                    since=since,
                    until=until,
                    source=source,
                )


def _purposes(state: Any) -> tuple[str, ...]:
    """What the service may be relied on for in that state, sorted; empty: for nothing."""
    kind = _text(state, "ServiceTypeIdentifier").removeprefix(_SERVICES)
    status = _STATUSES.fullmatch(_text(state, "ServiceStatus"))
    if status is None or status[1] not in _GOOD:
        return ()
    return tuple(sorted(one.value for one in _PURPOSES.get(kind, ())))


def _certificates(information: Any) -> Iterator[Certificate]:
    places = f"{_TSL}ServiceDigitalIdentity/{_TSL}DigitalId/{_TSL}X509Certificate"
    for found in information.iterfind(places):
        try:
            encoded = base64.b64decode("".join((found.text or "").split()), validate=True)
        except binascii.Error as error:
            raise MalformedTrustedList(reason="a certificate that is no base64") from error
        yield Certificate(encoded)


def _child(element: Any, name: str) -> Any:
    found = element.find(f"{_TSL}{name}")
    if found is None:
        raise MalformedTrustedList(reason=f"{name} is missing")
    return found


def _text(element: Any, name: str) -> str:
    text = _child(element, name).text
    if not text or not text.strip():
        raise MalformedTrustedList(reason=f"{name} is empty")
    return str(text.strip())


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text.strip())
    if found.tzinfo is None:
        raise MalformedTrustedList(reason="a time without its zone")
    return found.astimezone(UTC)
