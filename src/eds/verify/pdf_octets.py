"""Every octet that was appended to a PDF document, explained by its cross-reference tables.

Without that, a reader which repairs files may find objects there that nobody else saw.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import DictionaryObject
from pyhanko.pdf_utils.xref import XRefSectionType
from pyhanko.sign.diff_analysis import SuspiciousModification

from .pdf_reader import PdfDocument

_BLANK: Final = frozenset(b"\x00\t\n\x0c\r ")
_HEADER: Final = re.compile(
    # Some tables point at the line end before.
    rb"[\x00\s]*(\d{1,10})[\x00\s]+(\d{1,5})[\x00\s]+obj[\x00\s]*"
)
_END: Final = re.compile(
    rb"startxref[\t\x0c ]*[\r\n]+[\t ]*(\d+)[\t\x0c ]*[\r\n]+%%EOF(?:\r\n|\r|\n)?"
)
_COMMENT: Final = re.compile(rb"%[^\r\n]*(?=[\r\n])")
_TEMPTING: Final = re.compile(rb"obj|xref|trailer|stream|%%EOF")


def explain_octets(document: PdfDocument, signed: int, start: int) -> None:
    """See that every octet from `start` is an object that its table names, the table, or blank.

    `signed` is the revision that ends at `start`. Raises SuspiciousModification, PdfError.
    """
    data, reader = document.data, document.reader
    stream = io.BytesIO(data)
    position = start
    for revision in range(signed + 1, document.revisions):
        meta = reader.xrefs.get_xref_container_info(revision)
        if meta.xref_section_type not in (XRefSectionType.STANDARD, XRefSectionType.STREAM):
            raise SuspiciousModification("a later revision has two cross-reference tables")
        for place, reference in sorted(_places(document, revision)):
            if place < position:
                raise SuspiciousModification(
                    f"revision {revision} names object {reference.idnum} in earlier octets"
                )
            if reference == meta.stream_ref:
                continue
            if place >= meta.start_location:
                raise SuspiciousModification(f"object {reference.idnum} stands after its table")
            _blank(data, position, place)
            position = _end_of_object(stream, place, reference, reader)
        table = meta.start_location
        if meta.stream_ref is None:
            table = data.rfind(b"xref", position, table)  # what is kept is where it goes on
        _blank(data, position, table)
        if not position <= meta.declared_startxref <= table or table < 0:
            raise SuspiciousModification(f"revision {revision} points beside its table")
        if meta.stream_ref is not None:
            position = _end_of_object(stream, meta.start_location, meta.stream_ref, reader)
        else:
            stream.seek(meta.end_location)
            DictionaryObject.read_from_stream(stream, generic.TrailerReference(reader))
            position = stream.tell()
        end = data.find(b"startxref", position)
        _blank(data, position, end)
        found = _END.match(data, end)
        if found is None or int(found[1]) != meta.declared_startxref:
            raise SuspiciousModification(f"revision {revision} does not end as it must")
        position = found.end()
    if position != len(data):
        raise SuspiciousModification("octets behind the end of the document")
    if document.revisions == signed + 1:
        raise SuspiciousModification("octets that are no revision")


def _places(document: PdfDocument, revision: int) -> Iterator[tuple[int, Any]]:
    xrefs = document.reader.xrefs
    section = xrefs.get_xref_data(revision)
    for reference in xrefs.explicit_refs_in_revision(revision):
        marker = section.try_resolve(reference)
        if isinstance(marker, int) and marker != xrefs.get_historical_ref(reference, revision - 1):
            yield marker, reference


def _end_of_object(stream: io.BytesIO, place: int, reference: Any, reader: Any) -> int:
    found = _HEADER.match(stream.getbuffer(), place)
    if found is None:
        raise SuspiciousModification(f"object {reference.idnum} is not where its table says")
    number, generation = int(found[1]), int(found[2])
    stream.seek(found.end())
    if (number, generation) != (reference.idnum, reference.generation):
        raise SuspiciousModification(f"object {reference.idnum} is not where its table says")
    generic.read_object(stream, generic.Reference(number, generation, reader))
    position = stream.tell()
    data = stream.getbuffer()
    while position < len(data) and data[position] in _BLANK:
        position += 1
    if bytes(data[position : position + 6]) != b"endobj":
        raise SuspiciousModification(f"object {reference.idnum} does not end")
    return position + 6


def _blank(data: bytes, start: int, end: int) -> None:
    between = data[start:end]
    if _BLANK.issuperset(between):
        return
    # Some producers sign their work with a comment.
    rest = _COMMENT.sub(b"", between)
    if not _BLANK.issuperset(rest) or _TEMPTING.search(between):
        raise SuspiciousModification("octets that no table explains")
