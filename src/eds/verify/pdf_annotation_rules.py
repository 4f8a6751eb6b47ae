"""What may be added to the pages of a PDF document where its author allows annotations.

Comments, as long as they write nothing on the page themselves and act on nothing: FreeText, Stamp
and Redact, or a look that holds text or images, pass for the document's own words ("Attacks on
PDF Certification", Rohlmann and others, 2021).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import (
    ArrayObject,
    DictionaryObject,
    IndirectObject,
    StreamObject,
)
from pyhanko.pdf_utils.reader import HistoricalResolver
from pyhanko.sign.diff_analysis import (
    ModificationLevel,
    QualifiedWhitelistRule,
    SuspiciousModification,
)
from pyhanko.sign.diff_analysis.rules_api import Context, ReferenceUpdate

from .pdf_looks import appearances, drawn
from .pdf_notes import Notes
from .pdf_reader import entry

_MARKUP: Final = frozenset(
    {
        *("/Text", "/Popup", "/Highlight", "/Underline", "/StrikeOut", "/Squiggly", "/Caret"),
        *("/Ink", "/Line", "/Square", "/Circle", "/Polygon", "/PolyLine"),
    }
)
# Actions, and inner colours, which hide what is below; so does a line broad enough.
_NOT_WANTED: Final = ("/A", "/AA", "/PA", "/IC", "/OC")
_BROADEST: Final = 12
_LARGEST_NOTE: Final = 64  # points: a note shows as an icon


class AnnotationRule(QualifiedWhitelistRule):
    """Comments may be added (DocMDP 3), and the widgets of new signature fields."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes

    def apply_qualified(
        self, old: HistoricalResolver, new: HistoricalResolver
    ) -> Iterator[tuple[ModificationLevel, ReferenceUpdate]]:
        pages = zip(
            pages_of(old.root["/Pages"], set()), pages_of(new.root["/Pages"], set()), strict=True
        )
        try:
            for number, (before, after) in enumerate(pages, 1):
                yield from self._page(number, before, after, old, new)
        except ValueError as error:
            if isinstance(error, SuspiciousModification):
                raise
            raise SuspiciousModification("pages were added or taken away") from error

    def _page(
        self, number: int, before: Any, after: Any, old: HistoricalResolver, new: HistoricalResolver
    ) -> Iterator[tuple[ModificationLevel, ReferenceUpdate]]:
        page, changed = before.get_object(), after.get_object()
        held = list(list.__iter__(entry(page, "/Annots") or ArrayObject()))
        given = list(list.__iter__(entry(changed, "/Annots") or ArrayObject()))
        if held == given:
            return
        if given[: len(held)] != held:
            raise SuspiciousModification(f"annotations of page {number} were changed or removed")
        keys = ({*page} | {*changed}) - {"/Annots"}
        if any(key not in page or key not in changed for key in keys) or any(
            page.raw_get(key) != changed.raw_get(key) for key in keys
        ):
            raise SuspiciousModification(f"page {number} was changed")
        level = ModificationLevel.ANNOTATIONS
        for one in given[len(held) :]:
            if not isinstance(one, IndirectObject) or not old.is_ref_unassignable(one.reference):
                raise SuspiciousModification(f"an annotation of page {number} is not a new object")
            annotation = one.get_object()
            kind = entry(annotation, "/Subtype")
            if kind == "/Widget" and entry(annotation, "/FT") == "/Sig":
                continue  # the form's rules judge it
            if kind not in _MARKUP or any(key in annotation for key in _NOT_WANTED):
                raise SuspiciousModification(
                    f"an annotation of the kind {str(kind)[1:40]} was added to page {number}"
                )
            if not _is_narrow(annotation):
                raise SuspiciousModification(f"an annotation covers page {number}")
            for raw in appearances(annotation):
                look = raw.get_object()
                if not isinstance(look, StreamObject) or not _comments(look, str(kind)):
                    raise SuspiciousModification(
                        f"an annotation writes or paints over page {number}"
                    )
            self._notes.say(
                "an annotation ({kind}) was added to page {number}",
                kind=str(kind)[1:],
                number=number,
            )
            for reference in new.collect_dependencies(one, since_revision=old.revision + 1):
                yield level, ReferenceUpdate(reference)
        yield level, ReferenceUpdate(after.reference)
        array = changed.raw_get("/Annots")
        if isinstance(array, IndirectObject):
            kept = page.raw_get("/Annots") if "/Annots" in page else None
            if old.is_ref_unassignable(array.reference):
                yield level, ReferenceUpdate(array.reference)
            elif isinstance(kept, IndirectObject) and kept.reference == array.reference:
                yield (
                    level,
                    ReferenceUpdate(
                        array.reference,
                        context_checked=Context.relative_to(page, "/Annots"),
                    ),
                )


def _comments(look: StreamObject, kind: str) -> bool:
    """Whether a look leaves the page legible: lines, or a highlight that mixes with it."""
    shown = drawn(look)
    if shown.text or not shown.legible or shown.pictures:
        return False
    if not shown.fills:
        return True
    resources = entry(look, "/Resources")
    states = entry(resources, "/ExtGState") if isinstance(resources, DictionaryObject) else None
    return kind in ("/Highlight", "/Text") and (
        kind == "/Text"
        or (
            isinstance(states, DictionaryObject)
            and any(entry(entry(states, name), "/BM") == "/Multiply" for name in states)
        )
    )


def _is_narrow(annotation: DictionaryObject) -> bool:
    """Whether its lines are no broader, and a note no larger, than a comment needs."""
    style = entry(annotation, "/BS")
    widths = [entry(style, "/W")] if isinstance(style, DictionaryObject) else []
    border = entry(annotation, "/Border")
    widths += [one.get_object() for one in list.__iter__(border)] if border is not None else []
    box = [float(one.get_object()) for one in list.__iter__(entry(annotation, "/Rect"))]
    small = max(abs(box[0] - box[2]), abs(box[1] - box[3])) <= _LARGEST_NOTE
    return (small or entry(annotation, "/Subtype") != "/Text") and all(
        float(one) <= _BROADEST
        for one in widths
        if isinstance(one, generic.NumberObject | generic.FloatObject)
    )


def pages_of(node: Any, seen: set[Any]) -> Iterator[Any]:
    """References to the pages below `node`, in order. Raises SuspiciousModification."""
    for kid in list.__iter__(node["/Kids"]):
        if not isinstance(kid, IndirectObject) or kid.reference in seen:
            raise SuspiciousModification("the pages do not form a tree")
        seen.add(kid.reference)
        one = kid.get_object()
        if "/Kids" in one:
            yield from pages_of(one, seen)
        else:
            yield kid
