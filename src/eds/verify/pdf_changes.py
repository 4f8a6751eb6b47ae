"""What was appended to a PDF document after a signature, and whether the author allows it.

Three questions, each of which must be answered well. Is every octet that was appended part of a
revision that the cross-reference tables explain, so that no reader sees more in it than we do?
Is every object that a later revision brings or replaces one of a kind that may change (pyHanko's
difference analysis, with stricter rules of ours)? Does what changed stay within what the author
allows: nothing said, signatures and the filling of empty fields; DocMDP and FieldMDP as they say?
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import DictionaryObject
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import HistoricalResolver
from pyhanko.sign.diff_analysis import (
    CatalogModificationRule,
    ModificationLevel,
    ObjectStreamRule,
    QualifiedWhitelistRule,
    StandardDiffPolicy,
    SuspiciousModification,
    XrefStreamRule,
)
from pyhanko.sign.fields import FieldMDPSpec, MDPPerm

from ..errors import MalformedPdf, Sentence
from .pdf_annotation_rules import AnnotationRule, pages_of
from .pdf_document_rules import InfoRule, LeftOverRule, MetadataRule, StoreRule
from .pdf_form_rules import FilledFields, FormRule, NewSignatureFields, SignedFields
from .pdf_notes import Notes
from .pdf_octets import explain_octets
from .pdf_reader import PdfDocument, SignatureField, entry, pdf_errors


class Allowed(IntEnum):
    """What the author lets change (ISO 32000-2 table 257); NOT_SAID where there is no DocMDP."""

    NOTHING = 1
    FORM_FILLING = 2
    ANNOTATIONS = 3
    NOT_SAID = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What came after a signature.

    `refused` says what is not allowed, None where all is; `other_pages` that the document has
    more or fewer pages than the one that was signed. `described` tells people what is.
    `visible` names the fields of signatures that came later and show on a page.
    """

    refused: str | None
    other_pages: bool = False
    described: tuple[Sentence, ...] = ()
    visible: tuple[str, ...] = ()


def permissions(one: SignatureField, document: PdfDocument) -> tuple[Allowed, FieldMDPSpec | None]:
    """(DocMDP, FieldMDP) of a signature, from its references or the lock of its field.

    Raises MalformedPdf, LimitExceeded.
    """
    with pdf_errors(document.budget):
        allowed = Allowed.NOT_SAID
        locked: FieldMDPSpec | None = None
        # As it was when it was signed: what it refers to may have changed since.
        signed = document.reader.get_historical_resolver(one.revision)
        dictionary = signed(generic.Reference(one.number, one.generation, signed))
        if not isinstance(dictionary, DictionaryObject) or "/ByteRange" not in dictionary:
            dictionary = one.dictionary
        for reference in entry(dictionary, "/Reference") or ():
            found = reference.get_object()
            parameters = entry(found, "/TransformParams")
            method = found["/TransformMethod"]
            if method == "/DocMDP":
                given = {} if parameters is None else parameters
                allowed = min(allowed, Allowed(int(given["/P"]) if "/P" in given else 2))
            elif method == "/FieldMDP":
                locked = FieldMDPSpec.from_pdf_object(parameters)
        if "/Lock" in one.field_dictionary:
            lock = one.field_dictionary["/Lock"]
            if "/P" in lock:
                allowed = min(allowed, Allowed(int(lock["/P"])))
            if locked is None:
                locked = FieldMDPSpec.from_pdf_object(lock)
        return allowed, locked


def changes_after(one: SignatureField, end: int, document: PdfDocument) -> Changes:
    """What follows the octet `end`, where the revision of `one` ends.

    Raises MalformedPdf, LimitExceeded.
    """
    allowed, locked = permissions(one, document)
    with pdf_errors(document.budget):
        try:
            explain_octets(document, one.revision, end)
            return _compare(document, one.revision, allowed, locked)
        except SuspiciousModification as error:
            refused = str(error)
        except (PdfError, MalformedPdf) as error:
            refused = f"a later revision cannot be read: {error}"
        return Changes(refused=refused[:300], other_pages=_other_pages(document, one.revision))


def _other_pages(document: PdfDocument, signed: int) -> bool:
    """Whether the pages are more or fewer than in that revision; False where they are not known."""
    counts = []
    for revision in (signed, document.revisions - 1):
        try:
            root = document.reader.get_historical_resolver(revision).root
            counts.append(sum(1 for _ in pages_of(root["/Pages"], set())))
        except (PdfError, SuspiciousModification, KeyError, TypeError):
            return False
    return counts[0] != counts[1]


def _compare(
    document: PdfDocument, signed: int, allowed: Allowed, locked: FieldMDPSpec | None
) -> Changes:
    notes = Notes()
    reader = document.reader
    old = reader.get_historical_resolver(signed)
    policy = _policy(allowed, notes)
    for revision in range(signed + 1, document.revisions):
        new = reader.get_historical_resolver(revision)
        result = policy.apply(
            old,
            new,
            field_mdp_spec=locked,
            doc_mdp=None if allowed is Allowed.NOT_SAID else MDPPerm(int(allowed)),
        )
        level = result.modification_level
        if level.value > min(allowed, Allowed.ANNOTATIONS):
            raise SuspiciousModification(
                f"changes of the kind {level.name.lower()} are not allowed by the author"
            )
        _same_trailer(old, new)
    return Changes(refused=None, described=tuple(notes.described), visible=tuple(notes.visible))


def _same_trailer(old: HistoricalResolver, new: HistoricalResolver) -> None:
    """Nothing hangs on the trailer that did not, and its root stays (the hide-and-replace)."""
    before, after = old.trailer_view, new.trailer_view
    if before.raw_get("/Root") != after.raw_get("/Root"):
        raise SuspiciousModification("another catalogue takes the place of the document's")
    if ("/Encrypt" in before) != ("/Encrypt" in after) or (
        "/Encrypt" in before and before.raw_get("/Encrypt") != after.raw_get("/Encrypt")
    ):
        raise SuspiciousModification("the encryption of the document was changed")


def _policy(allowed: Allowed, notes: Notes) -> StandardDiffPolicy:
    lta = ModificationLevel.LTA_UPDATES
    annotations = allowed is Allowed.ANNOTATIONS
    rules: list[QualifiedWhitelistRule] = [
        CatalogModificationRule(
            ignored_keys=frozenset({"/AcroForm", "/DSS", "/Extensions", "/Metadata", "/Version"})
        ),
        InfoRule().as_qualified(lta),
        XrefStreamRule().as_qualified(lta),
        ObjectStreamRule().as_qualified(lta),
        StoreRule(notes).as_qualified(lta),
        MetadataRule().as_qualified(lta),
        LeftOverRule().as_qualified(lta),
    ]
    if annotations:
        rules.append(AnnotationRule(notes))
    fields: list[Any] = [
        NewSignatureFields(notes, approve_widget_bindings=not annotations),
        SignedFields(notes),
    ]
    if allowed is not Allowed.NOTHING:
        fields.append(FilledFields(notes, only_empty=allowed is Allowed.NOT_SAID))
    return StandardDiffPolicy(
        global_rules=rules,
        ignore_orphaned_objects=False,
        form_rule=FormRule(
            field_rules=fields, ignored_acroform_keys=frozenset({"/Fields", "/DR", "/DA", "/Q"})
        ),
    )
