"""Every octet that was appended to a PDF document, explained by its cross-reference tables.

Without that, a reader which repairs files may find objects there that nobody else saw.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.xref import ObjStreamRef, XRefSectionType
from pyhanko.sign.diff_analysis import SuspiciousModification

from .pdf_reader import PdfDocument, entry
from .pdf_syntax import end_of_object, end_of_value, header

_BLANK: Final = frozenset(b"\t\n\x0c\r ")
_TABLE: Final = re.compile(
    rb"xref[\t ]*(?:\r\n|\n|\r)"
    rb"(?:\d+ \d+[\t ]*(?:\r\n|\n|\r)(?:\d{10} \d{5} [nf](?: \r| \n|\r\n))*)+"
    rb"[\t\n\x0c\r ]*trailer[\t\n\x0c\r ]*(?=<<)"
)
_DEMANDED: Final = frozenset({b"/Root", b"/Size", b"/Prev"})
_KNOWN: Final = _DEMANDED | frozenset(
    {
        *(b"/Info", b"/ID", b"/Encrypt", b"/Type", b"/W", b"/Index", b"/Length", b"/Filter"),
        *(b"/DecodeParms", b"/XRefStm"),
    }
)
_SECTION: Final = re.compile(rb"(?<![\d ])(\d+) (\d+)[\t ]*[\r\n]")
_END: Final = re.compile(
    rb"startxref[\t\x0c ]*[\r\n]+[\t ]*(\d+)[\t\x0c ]*[\r\n]+%%EOF(?:\r\n|\r|\n)?"
)
_COMMENT: Final = re.compile(rb"%[^\r\n]*(?=[\r\n])")
_TEMPTING: Final = re.compile(rb"obj|xref|trailer|stream|%%EOF")


def explain_octets(document: PdfDocument, signed: int, start: int) -> None:
    """See that every octet from `start` is an object that its table names, the table, or blank.

    `signed` is the revision that ends at `start`. Raises
    SuspiciousModification, MalformedPdf, PdfError.
    """
    data, reader = document.data, document.reader
    position = start
    known = _KNOWN.union(key.encode("latin-1", "replace") for key in reader.trailer.flatten(signed))
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
            position, _ = _end_of_object(document, place, reference)
        _explain_compressed(document, revision)
        table = meta.start_location
        if meta.stream_ref is None:
            table = data.rfind(b"xref", position, table)  # what is kept is where it goes on
        _blank(data, position, table)
        if not position <= meta.declared_startxref <= table or table < 0:
            raise SuspiciousModification(f"revision {revision} points beside its table")
        if meta.stream_ref is not None:
            _explain_index(reader.get_historical_resolver(revision)(meta.stream_ref), revision)
            position, keys = _end_of_object(document, meta.start_location, meta.stream_ref)
        else:
            found = _TABLE.match(data, table)
            if found is None or found.end() != meta.end_location:
                raise SuspiciousModification(f"the table of revision {revision} is not in order")
            if len(set(rows := _rows(found[0]))) != len(rows):
                raise SuspiciousModification(f"revision {revision} names an object twice")
            position, keys = end_of_value(data, found.end())
        if not _DEMANDED.issubset(keys) or not known.issuperset(keys):
            raise SuspiciousModification(f"the trailer of revision {revision} is not in order")
        if meta.size < _numbers(document, revision):
            raise SuspiciousModification(f"revision {revision} has more objects than it says")
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


def _rows(table: bytes) -> list[int]:
    """The numbers of a cross-reference table, in its order."""
    found: list[int] = []
    for first, count in _SECTION.findall(table):
        found += range(int(first), int(first) + min(int(count), len(table)))
    return found


def _explain_index(table: Any, revision: int) -> None:
    """The sections of a cross-reference stream follow each other, none upon another."""
    index = entry(table, "/Index") or ()
    numbers = [int(one.get_object()) for one in list.__iter__(index)] if index else []
    end = -1
    for first, count in zip(numbers[::2], numbers[1::2], strict=True):
        if first < end or count < 0:
            raise SuspiciousModification(f"revision {revision} names an object twice")
        end = first + count


def _explain_compressed(document: PdfDocument, revision: int) -> None:
    """Objects in object streams are read to the letter too, and a number stands once."""
    reader = document.reader
    section = reader.xrefs.get_xref_data(revision)
    for reference in reader.xrefs.explicit_refs_in_revision(revision):
        marker = section.try_resolve(reference)
        if isinstance(marker, ObjStreamRef):
            data, place = reader.compressed(
                reference.idnum, marker.obj_stream_id, marker.ix_in_stream
            )
            end_of_value(data, place)
            numbers = reader.compressed_numbers(marker.obj_stream_id)
            if numbers.count(reference.idnum) != 1:
                raise SuspiciousModification(f"object {reference.idnum} stands twice in a stream")


def _numbers(document: PdfDocument, revision: int) -> int:
    """One more than the highest number of an object that a revision names."""
    found = document.reader.xrefs.explicit_refs_in_revision(revision)
    return 1 + max((one.idnum for one in found), default=0)


def _end_of_object(
    document: PdfDocument, place: int, reference: generic.Reference
) -> tuple[int, list[bytes]]:
    number, generation, begin = header(document.data, place)
    if (number, generation) != (reference.idnum, reference.generation):
        raise SuspiciousModification(f"object {reference.idnum} is not where its table says")
    stream = io.BytesIO(document.data)
    stream.seek(begin)
    read = generic.read_object(stream, generic.Reference(number, generation, document.reader))
    length = len(read.encoded_data) if isinstance(read, generic.StreamObject) else None
    return end_of_object(document.data, begin, length=length)


def _blank(data: bytes, start: int, end: int) -> None:
    between = data[start:end]
    if _BLANK.issuperset(between):
        return
    # Some producers sign their work with a comment.
    rest = _COMMENT.sub(b"", between)
    if not _BLANK.issuperset(rest) or _TEMPTING.search(between):
        raise SuspiciousModification("octets that no table explains")
