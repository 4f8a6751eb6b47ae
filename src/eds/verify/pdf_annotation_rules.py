"""What may be added to the pages of a PDF document where its author allows annotations.

Comments, as long as they write nothing on the page themselves and act on nothing: FreeText, Stamp
and Redact, or a look that holds text or images, pass for the document's own words ("Attacks on
PDF Certification", Rohlmann and others, 2021).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pyhanko.pdf_utils.generic import ArrayObject, IndirectObject, StreamObject
from pyhanko.pdf_utils.reader import HistoricalResolver
from pyhanko.sign.diff_analysis import (
    ModificationLevel,
    QualifiedWhitelistRule,
    SuspiciousModification,
)
from pyhanko.sign.diff_analysis.rules_api import Context, ReferenceUpdate

from .pdf_looks import appearances, writes
from .pdf_notes import Notes
from .pdf_reader import entry

_MARKUP: Final = frozenset(
    {
        *("/Text", "/Popup", "/Highlight", "/Underline", "/StrikeOut", "/Squiggly", "/Caret"),
        *("/Ink", "/Line", "/Square", "/Circle", "/Polygon", "/PolyLine"),
    }
)
_NO_ACTION: Final = ("/A", "/AA", "/PA")


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
            if kind not in _MARKUP or any(key in annotation for key in _NO_ACTION):
                raise SuspiciousModification(
                    f"an annotation of the kind {str(kind)[1:40]} was added to page {number}"
                )
            for raw in appearances(annotation):
                look = raw.get_object()
                if not isinstance(look, StreamObject) or writes(look):
                    raise SuspiciousModification(
                        f"an annotation writes or paints over page {number}"
                    )
            self._notes.say(f"an annotation ({str(kind)[1:]}) was added to page {number}")
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
