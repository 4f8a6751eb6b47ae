"""What may change in a PDF document beside its form and its pages.

The document security store; of the document information and the metadata, what every program
writes when it saves; objects that some programs leave behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from xml.etree import ElementTree as ET

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import DecodePurpose
from pyhanko.pdf_utils.generic import DictionaryObject, IndirectObject, StreamObject
from pyhanko.pdf_utils.reader import HistoricalResolver, RawPdfPath
from pyhanko.sign.diff_analysis import SuspiciousModification, WhitelistRule
from pyhanko.sign.diff_analysis.rules_api import Context, ReferenceUpdate

from .pdf_notes import Notes
from .pdf_reader import entry, is_security_store, usages

_LEFT_OVER: Final = frozenset({"/XRef", "/VRI", "/DSS"})
_INFO_MAY_CHANGE: Final = frozenset({"/ModDate", "/Producer"})
_RDF: Final = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_XMP_MAY_CHANGE: Final = frozenset(
    {
        "{http://ns.adobe.com/xap/1.0/}ModifyDate",
        "{http://ns.adobe.com/xap/1.0/}MetadataDate",
        "{http://ns.adobe.com/xap/1.0/mm/}InstanceID",
        "{http://ns.adobe.com/pdf/1.3/}Producer",
    }
)
_XMP_LIMIT: Final = 1024 * 1024


class StoreRule(WhitelistRule):
    """The document security store may change (EN 319 142-1 §5.4.2), and nothing with it.

    Nothing in it is shown, and whatever stands in it is judged before it is believed. So it
    matters only that what is reached through it is not reached otherwise.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterator[Any]:
        if "/DSS" not in new.root:
            if "/DSS" in old.root:
                raise SuspiciousModification("the validation data was taken away")
            return
        store = new.root.raw_get("/DSS")
        found = store.get_object()
        before = entry(old.root, "/DSS")
        if not is_security_store(found) or (
            isinstance(before, DictionaryObject) and not set(before) <= set(found)
        ):
            raise SuspiciousModification("the document security store is not in order")
        changed = new.explicit_refs_in_revision()
        reached = new.collect_dependencies(store) & changed
        if reached or "/DSS" not in old.root or old.root.raw_get("/DSS") != store:
            self._notes.say("validation data was added")
        for reference in reached:
            paths = usages(old, reference)
            if not paths and old.is_ref_unassignable(reference):
                yield ReferenceUpdate(reference)
            for path in paths:
                if path.path[:2] == ("/Root", "/DSS"):
                    yield ReferenceUpdate(
                        reference, context_checked=Context.from_absolute(old, path)
                    )


class LeftOverRule(WhitelistRule):
    """New objects that nothing shows, by their type: some programs leave them lying about.

    Others are refused: what is of no use was put there for one.
    """

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterator[Any]:
        for reference in new.explicit_refs_in_revision():
            if old.is_ref_unassignable(reference) and not usages(old, reference):
                found = new(reference)
                if isinstance(found, DictionaryObject) and (entry(found, "/Type") in _LEFT_OVER):
                    yield ReferenceUpdate(reference)


class InfoRule(WhitelistRule):
    """Of the document information, only what every program writes when it saves may change."""

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterator[Any]:
        before, after = (
            DictionaryObject() if one is None else one for one in map(_information, (old, new))
        )
        if not isinstance(before, DictionaryObject) or not isinstance(after, DictionaryObject):
            raise SuspiciousModification("the document information is no dictionary")
        if isinstance(after, StreamObject) or isinstance(before, StreamObject):
            raise SuspiciousModification("the document information is a stream")
        for key in {*before, *after}:
            if key not in before and key in _INFO_MAY_CHANGE and _plain(after.raw_get(key)):
                continue
            if key not in before or key not in after:
                raise SuspiciousModification(f"the document information was changed: {key}")
            if key in _INFO_MAY_CHANGE and _plain(after.raw_get(key)):
                continue
            if before.raw_get(key) != after.raw_get(key):
                raise SuspiciousModification(f"the document information was changed: {key}")
        reference = new.trailer_view.raw_get("/Info") if "/Info" in new.trailer_view else None
        if not isinstance(reference, IndirectObject):
            return
        held = old.trailer_view.raw_get("/Info") if "/Info" in old.trailer_view else None
        same = isinstance(held, IndirectObject) and held.reference == reference.reference
        if same or old.is_ref_unassignable(reference.reference):
            yield ReferenceUpdate(
                reference.reference,
                context_checked=Context.from_absolute(old, RawPdfPath("/Info")),
            )


def _information(resolver: HistoricalResolver) -> Any:
    """The document information of a revision; what stands in a trailer knows none by itself."""
    if "/Info" not in resolver.trailer_view:
        return None
    raw = resolver.trailer_view.raw_get("/Info")
    return resolver(raw.reference) if isinstance(raw, IndirectObject) else raw


def _plain(value: Any) -> bool:
    value = getattr(value, "decrypted", value)
    return isinstance(value, generic.TextStringObject | generic.ByteStringObject)


class MetadataRule(WhitelistRule):
    """Of the XMP metadata, only dates of saving, its instance and its producer may change."""

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterator[Any]:
        if "/Metadata" not in new.root:
            if "/Metadata" in old.root:
                raise SuspiciousModification("the metadata was taken away")
            return
        after = new.root.raw_get("/Metadata")
        before = old.root.raw_get("/Metadata") if "/Metadata" in old.root else None
        if not isinstance(after, IndirectObject) or after.reference not in (
            new.explicit_refs_in_revision()
        ):
            if before != after:
                raise SuspiciousModification("other metadata takes the place of the document's")
            return
        if _properties(before) != _properties(after):
            raise SuspiciousModification("the metadata was changed")
        same = isinstance(before, IndirectObject) and before.reference == after.reference
        if same or old.is_ref_unassignable(after.reference):
            yield ReferenceUpdate(
                after.reference,
                context_checked=Context.from_absolute(old, RawPdfPath("/Root", "/Metadata")),
            )


def _properties(raw: Any) -> list[tuple[str, str]]:
    """The properties of XMP metadata, but for those that every program writes when it saves."""
    if raw is None:
        return []
    stream = raw.get_object()
    if not isinstance(stream, StreamObject):
        raise SuspiciousModification("the metadata is no stream")
    data = stream.read_data(DecodePurpose.XMP_METADATA)
    if len(data) > _XMP_LIMIT or b"<!" in data or b"\x00" in data:
        raise SuspiciousModification("the metadata is not plain XMP")
    try:
        tree = ET.fromstring(data)  # noqa: S314 - no declarations, so no entities
    except ET.ParseError as error:
        raise SuspiciousModification("the metadata is not XMP") from error
    found: list[tuple[str, str]] = []
    for description in tree.iter(_RDF + "Description"):
        found += [
            (name, value)
            for name, value in description.attrib.items()
            if name not in _XMP_MAY_CHANGE and name != _RDF + "about"
        ]
        found += [
            (one.tag, "".join(ET.tostring(one, encoding="unicode").split()))
            for one in description
            if one.tag not in _XMP_MAY_CHANGE
        ]
    return sorted(found)
