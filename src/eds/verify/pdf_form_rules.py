"""What may change in the form of a PDF document: signatures are added, fields filled in.

A field whose look changes without its value, or a value that nobody saw before, is the shadow
attack (Mainka and others, NDSS 2021).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from pyhanko.pdf_utils.generic import ArrayObject, DictionaryObject, IndirectObject, StreamObject
from pyhanko.pdf_utils.reader import HistoricalResolver
from pyhanko.sign.diff_analysis import (
    FormUpdatingRule,
    GenericFieldModificationRule,
    SigFieldCreationRule,
    SigFieldModificationRule,
    SuspiciousModification,
)

from .pdf_looks import appearances, drawn, uses_known_fonts, writes
from .pdf_notes import Notes
from .pdf_reader import entry

_SIGNATURE_FIELD_KEYS: Final = frozenset(
    {
        *("/AP", "/BS", "/Border", "/DA", "/DR", "/F", "/FT", "/Ff", "/H", "/Kids", "/Lock"),
        *("/M", "/MK", "/NM", "/P", "/Parent", "/Q", "/Rect", "/SV", "/StructParent", "/Subtype"),
        *("/T", "/TM", "/TU", "/Type", "/V", "/AS"),
    }
)


class FormRule(FormUpdatingRule):
    """The form: fields are judged one by one; its resources may only grow.

    /NeedAppearances would let readers draw fields anew from values that the signer never saw: it
    stays as it is, and where it is set, the resources do too.
    """

    def apply(self, old: HistoricalResolver, new: HistoricalResolver) -> Iterator[Any]:
        forms = []
        for root in (old.root, new.root):
            form = entry(root, "/AcroForm")
            if not isinstance(form, DictionaryObject):
                raise SuspiciousModification("the form with the signature is gone")
            if "/XFA" in form:
                raise SuspiciousModification("an XFA form may show anything")
            forms.append(form)
        before, after = forms
        drawn_anew = entry(before, "/NeedAppearances")
        for key in ("/DR", "/DA", "/Q"):
            was, now = entry(before, key), entry(after, key)
            if was != now and (drawn_anew or not _grew(was, now)):
                raise SuspiciousModification(f"what fields are drawn with was changed: {key}")
        yield from super().apply(old, new)


def _grew(old: Any, new: Any) -> bool:
    """Whether `new` says all that `old` did, and perhaps more under names of its own."""
    if old is None or old == new:
        return True
    if not isinstance(old, DictionaryObject) or not isinstance(new, DictionaryObject):
        return False
    return all(
        key in new and (old.raw_get(key) == new.raw_get(key) or _grew_inside(old[key], new[key]))
        for key in old
    )


def _grew_inside(old: Any, new: Any) -> bool:
    if not isinstance(old, DictionaryObject) or not isinstance(new, DictionaryObject):
        return False
    return all(key in new and old.raw_get(key) == new.raw_get(key) for key in old)


# --- signature fields -----------------------------------------------------------------------------


class NewSignatureFields(SigFieldCreationRule):
    """Signature fields may be added, bare of anything that acts; visible ones only signed."""

    def __init__(self, notes: Notes, *, approve_widget_bindings: bool) -> None:
        super().__init__(approve_widget_bindings=approve_widget_bindings)  # type: ignore[no-untyped-call]
        self._notes = notes

    def apply(self, context: Any) -> Iterator[Any]:
        for name, spec in context.field_specs.items():
            if spec.field_type != "/Sig" or spec.old_field_ref or not spec.new_field_ref:
                continue
            new = spec.new_field
            widgets = [new, *(kid.get_object() for kid in entry(new, "/Kids") or ())]
            for one in widgets:
                if not isinstance(one, DictionaryObject) or not set(one) <= _SIGNATURE_FIELD_KEYS:
                    raise SuspiciousModification(f"the new signature field {name} does more")
            if any(map(_shows, widgets)):
                if not _is_signed_at_last(spec.new_field_ref, context.new.reader):
                    raise SuspiciousModification(
                        f"a visible signature field {name} was added and not signed"
                    )
                self._notes.visible[name] = None
            elif "/V" not in new:
                self._notes.say("an empty signature field {field} was added", field=name)
        yield from super().apply(context)


# (whether it is a time-stamp, whether it shows) → what was added
_ADDED: Final = {
    (False, False): "a signature was added in the field {field}",
    (False, True): "a signature was added in the field {field}, visible on a page",
    (True, False): "a document time-stamp was added in the field {field}",
    (True, True): "a document time-stamp was added in the field {field}, visible on a page",
}


class SignedFields(SigFieldModificationRule):
    """Empty signature fields may be signed, by persons and by time-stamping authorities."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self._notes = notes

    def check_form_field(self, fq_name: str, spec: Any, context: Any) -> Iterable[Any]:
        if spec.field_type == "/Sig" and spec.new_field_ref:
            before, after = spec.old_field, spec.new_field
            if "/V" in after and (before is None or "/V" not in before):
                value = after["/V"]
                stamp = isinstance(value, DictionaryObject) and (
                    entry(value, "/SubFilter") == "/ETSI.RFC3161"
                )
                shows = _shows(after)
                if shows:
                    self._notes.visible[fq_name] = None
                self._notes.say(_ADDED[stamp, shows], field=fq_name)
        yield from super().check_form_field(fq_name, spec, context)


def _is_signed_at_last(reference: Any, reader: Any) -> bool:
    """Whether a field that one revision adds is signed in the last one."""
    found = reader.get_historical_resolver(reader.total_revisions - 1)(reference)
    return isinstance(found, DictionaryObject) and entry(found, "/V") is not None


def _shows(field: DictionaryObject) -> bool:
    """Whether it takes room on a page: what it draws is not ours to bound, its box is."""
    box = entry(field, "/Rect")
    try:
        left, bottom, right, top = (float(one.get_object()) for one in list.__iter__(box))
    except (TypeError, ValueError):
        return box is not None
    return left != right and bottom != top


# --- filling in -----------------------------------------------------------------------------------


class FilledFields(GenericFieldModificationRule):
    """Fields may be filled in: a look that changes without the value is the shadow attack.

    Where the author said nothing of changes, only fields that were empty and showed nothing.
    """

    def __init__(self, notes: Notes, *, only_empty: bool) -> None:
        super().__init__(
            allow_in_place_appearance_stream_changes=True,
            value_update_keys=("/AP", "/AS", "/V", "/Type"),
            always_modifiable=frozenset({"/Type"}),
        )
        self._notes = notes
        self._only_empty = only_empty

    def check_form_field(self, fq_name: str, spec: Any, context: Any) -> Iterable[Any]:
        if spec.field_type != "/Sig" and spec.old_field_ref and spec.new_field_ref:
            self._judge(fq_name, spec.old_field, spec.new_field, context)
        yield from super().check_form_field(fq_name, spec, context)

    def _judge(self, name: str, old: Any, new: Any, context: Any) -> None:
        values = _value(old), _value(new)
        looks = _look(old), _look(new)
        if values[0] == values[1]:
            if looks[0] != looks[1] or _look_changed(old, context):
                raise SuspiciousModification(
                    f"the look of the field {name} was changed and its value was not"
                )
            return
        if self._only_empty:
            if values[0] not in ("", "/Off"):
                raise SuspiciousModification(f"the field {name} was not empty and was changed")
            if _draws(old):
                raise SuspiciousModification(f"the field {name} showed something and was changed")
        if ("/AS" in old or "/AS" in new) and looks[0][0] != looks[1][0]:
            raise SuspiciousModification(f"the states of the field {name} look otherwise")
        for raw in () if "/AS" in new else appearances(new):
            self._judge_look(name, raw.get_object(), str(values[1]), old, context)
        self._notes.say("the form field {field} was filled in", field=name)

    def _judge_look(self, name: str, look: Any, value: str, old: Any, context: Any) -> None:
        """The look of a filled field shows its value, and paints no more than it did before.

        An empty field over a whole page would else be a page that is drawn afterwards.
        """
        if not isinstance(look, StreamObject):
            raise SuspiciousModification(f"the field {name} has a look that is none")
        shown = drawn(look)
        before = [drawn(one) for raw in appearances(old) if (one := raw.get_object())]
        if (
            shown.pictures
            or (shown.fills and not any(one.fills for one in before))
            or (shown.strokes and not any(one.strokes for one in before))
        ):
            raise SuspiciousModification(f"the field {name} paints what it did not before")
        legible = shown.legible and uses_known_fonts(look, context.old)
        if not legible and self._only_empty:
            raise SuspiciousModification(f"what the field {name} shows cannot be read")
        if legible and "".join(shown.text.split()) not in ("", "".join(value.split())):
            raise SuspiciousModification(f"the field {name} shows something else than its value")


def _value(field: DictionaryObject) -> Any:
    value = entry(field, "/V")
    if value is None:
        return ""
    if isinstance(value, ArrayObject):
        return tuple(str(one.get_object()) for one in list.__iter__(value))
    return value.data if isinstance(value, StreamObject) else str(value)


def _look(field: DictionaryObject) -> Any:
    return (
        field.raw_get("/AP") if "/AP" in field else None,
        field.raw_get("/AS") if "/AS" in field else None,
    )


def _look_changed(old: DictionaryObject, context: Any) -> bool:
    """Whether a stream that it showed was replaced in place."""
    xrefs = context.old.reader.xrefs
    streams = [one for one in appearances(old) if isinstance(one, IndirectObject)]
    if "/AP" in old and isinstance(old.raw_get("/AP"), IndirectObject):
        streams.append(old.raw_get("/AP"))
    return any(
        xrefs.get_historical_ref(one.reference, context.old.revision)
        != xrefs.get_historical_ref(one.reference, context.new.revision)
        for one in streams
    )


def _draws(field: DictionaryObject) -> bool:
    """Whether its look writes or paints more than a border."""
    if entry(field, "/FT") == "/Btn" or "/AS" in field:
        return False  # its states are given beforehand
    for raw in appearances(field):
        one = raw.get_object()
        if isinstance(one, StreamObject) and writes(one):
            return True
    return False
