"""What in a PDF document could show something else tomorrow than what is signed today.

A shadow attack is prepared before signing: what is hidden, scripted or fetched when the signer
looks is shown after ("Shadow Attacks: Hiding and Replacing Content in Signed PDFs", NDSS 2021).
Every object that leads from the trailer is looked at, and those that do not are, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import DictionaryObject, IndirectObject, StreamObject
from pyhanko.sign.fields import MDPPerm

from ..errors import DocumentRefused, Sentence

OBJECTS_LIMIT: Final = 1_000_000
"""Values that are looked at; a document with more is refused."""


class Severity(Enum):
    """ACTIVE may change what is shown by itself or unseen; NOTICE is for people to look at."""

    ACTIVE = "active"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """One kind of thing that was found, and how often. `code` is stable."""

    code: str
    severity: Severity
    says: str
    count: int = 1


_ROWS: Final = {
    code: (severity, says)
    for severity, code, says in (
        (Severity.ACTIVE, "javascript", "it runs scripts"),
        (Severity.ACTIVE, "automatic_action", "it acts when it is opened, seen or printed"),
        (Severity.ACTIVE, "launch", "it starts programs or opens other files"),
        (Severity.ACTIVE, "hides_content", "it shows and hides content on a click"),
        (Severity.ACTIVE, "multimedia", "it plays sound, film or three-dimensional content"),
        (Severity.ACTIVE, "xfa", "it has a form that is drawn anew whenever it is opened (XFA)"),
        (Severity.ACTIVE, "hidden_layer", "it has layers that are hidden or that print otherwise"),
        (Severity.ACTIVE, "external_content", "it shows content that is not in the file"),
        (Severity.ACTIVE, "hidden_page", "it holds pages that lead nowhere and may be swapped in"),
        (Severity.ACTIVE, "unlisted_object", "it holds objects that its own table does not list"),
        (Severity.ACTIVE, "author_allows_nothing", "its author's signature would not stay valid"),
        (Severity.NOTICE, "orphan_object", "it holds objects that nothing leads to"),
        (Severity.NOTICE, "layers", "it has layers that can be switched off"),
        (Severity.NOTICE, "form_fields", "it has fields that can still be filled in"),
        (Severity.NOTICE, "drawn_by_viewer", "each viewer draws its form anew"),
        (Severity.NOTICE, "annotations", "it has notes or stamps over its pages"),
        (Severity.NOTICE, "hidden_annotation", "it has annotations that are not shown"),
        (Severity.NOTICE, "links", "it links to addresses"),
        (Severity.NOTICE, "submits_form", "it sends a form to an address"),
        (Severity.NOTICE, "embedded_files", "it carries other files"),
        (Severity.NOTICE, "earlier_revisions", "it was changed since it was made"),
        (Severity.NOTICE, "encrypted", "it is encrypted"),
    )
}
ACTIVE_CODES: Final = frozenset(
    code for code, (severity, _) in _ROWS.items() if severity is Severity.ACTIVE
)

_ACTIONS: Final = {
    "/JavaScript": "javascript",
    "/Launch": "launch",
    "/GoToE": "launch",
    "/GoToR": "launch",
    "/ImportData": "launch",
    "/Hide": "hides_content",
    "/SetOCGState": "hides_content",
    "/Rendition": "multimedia",
    "/Movie": "multimedia",
    "/Sound": "multimedia",
    "/RichMediaExecute": "multimedia",
    "/GoTo3DView": "multimedia",
    "/SubmitForm": "submits_form",
    "/URI": "links",
}
_PLAIN_ANNOTATIONS: Final = frozenset({"/Link", "/Widget", "/Popup", "/PrinterMark", "/TrapNet"})
_ANNOTATIONS: Final = {
    **dict.fromkeys(("/Movie", "/Sound", "/Screen", "/3D", "/RichMedia"), "multimedia"),
    "/FileAttachment": "embedded_files",
}
_INVISIBLE: Final = 0b10_0011  # Invisible, Hidden, NoView (ISO 32000-2 table 167)
_READ_ONLY: Final = 1
_OBJECT_OR_STREAM: Final = re.compile(
    rb"stream\r?\n|(?<![0-9])(\d{1,10})[ \r\n\t]+(\d{1,5})[ \r\n\t]+obj\b"
)
_STREAM_END: Final = b"endstream"


def screen(reader: Any, data: bytes) -> tuple[Risk, ...]:
    """The risks of a document, active ones first, each kind once.

    `reader` is pyHanko's, opened with the password where one is needed; `data` is the document.
    Raises DocumentRefused for more than OBJECTS_LIMIT values, and what pyHanko raises.
    """
    found: dict[str, int] = {}

    def note(code: str) -> None:
        found[code] = found.get(code, 0) + 1

    reached = _walk(reader, note)
    linearized = _orphans(reader, reached, note)
    _outside(reader, data, note)
    _revisions(reader, note, first=2 if linearized else 1)
    if reader.encrypted:
        note("encrypted")
    return tuple(
        Risk(code=code, severity=severity, says=says, count=found[code])
        for code, (severity, says) in _ROWS.items()
        if code in found
    )


def require_harmless(risks: Iterable[Risk], *, accepted: frozenset[str]) -> None:
    """Raises DocumentRefused where there are active risks that were not accepted."""
    refused = [one for one in risks if one.severity is Severity.ACTIVE and one.code not in accepted]
    if refused:
        raise DocumentRefused(
            reason=Sentence.together(
                Sentence("{risk} ({code})", risk=Sentence(one.says), code=one.code)
                for one in refused
            )
        )


# --- what the trailer leads to --------------------------------------------------------------------


def _walk(reader: Any, note: Any) -> set[tuple[int, int]]:
    """Look at every value that the trailer leads to. Returns the objects met."""
    reached: set[tuple[int, int]] = set()
    trailer = reader.trailer
    stack: list[Any] = [trailer.raw_get(key) for key in ("/Root", "/Info") if key in trailer]
    if "/Encrypt" in trailer and isinstance(found := trailer.raw_get("/Encrypt"), IndirectObject):
        # How the document is opened: nothing to look at.
        reached.add((found.idnum, found.generation))
    left = OBJECTS_LIMIT
    while stack:
        left -= 1
        if not left:
            raise DocumentRefused(
                reason=Sentence("it has more than {count} values", count=OBJECTS_LIMIT)
            )
        one = _bare(stack.pop())
        if isinstance(one, IndirectObject):
            key = (one.idnum, one.generation)
            if key in reached:
                continue
            reached.add(key)
            one = _bare(one.get_object())
        if isinstance(one, DictionaryObject):
            _look(one, note)
            stack += dict.values(one)
        elif isinstance(one, generic.ArrayObject):
            stack += list.__iter__(one)
    return reached


def _bare(value: Any) -> Any:
    """The value without pyHanko's wrapping of what is encrypted."""
    return value.decrypted if isinstance(value, generic.DecryptedObjectProxy) else value


def _look(one: DictionaryObject, note: Any) -> None:
    """Whether this dictionary is one of those that can change what is shown."""
    for code in _codes(one):
        note(code)


def _codes(one: DictionaryObject) -> Iterator[str]:
    action = _name(one, "/S")
    if action in _ACTIONS:
        yield _ACTIONS[action]
    if "/AA" in one:
        yield "automatic_action"
    if isinstance(one, StreamObject):
        if "/F" in one or "/Ref" in one:
            yield "external_content"
        if _name(one, "/Type") == "/EmbeddedFile":
            yield "embedded_files"
        return
    if "/OpenAction" in one and isinstance(_get(one, "/OpenAction"), DictionaryObject):
        opened = _get(one, "/OpenAction")
        if _name(opened, "/S") != "/GoTo" or "/Next" in opened:
            yield "automatic_action"
    if "/XFA" in one:
        yield "xfa"
    if "/NeedAppearances" in one and _get(one, "/NeedAppearances") == generic.BooleanObject(True):  # noqa: FBT003
        yield "drawn_by_viewer"
    if "/OCGs" in one and isinstance(default := _get(one, "/D"), DictionaryObject):
        yield "hidden_layer" if _hides(default) else "layers"
    kind = _name(one, "/Subtype")
    if "/Rect" in one and kind is not None:
        yield from _annotation(one, kind)
    if _is_open_field(one):
        yield "form_fields"


def _hides(default: DictionaryObject) -> bool:
    """Whether the layers are not all shown, or are switched by themselves (§8.11.4)."""
    hidden = any(
        isinstance(found := _get(default, key), generic.ArrayObject) and len(found)
        for key in ("/OFF", "/AS")
        if key in default
    )
    return hidden or _name(default, "/BaseState") not in (None, "/ON")


def _annotation(one: DictionaryObject, kind: str) -> Iterator[str]:
    flags = _integer(one, "/F")
    area = _get(one, "/Rect")
    is_flat = isinstance(area, generic.ArrayObject) and len(area) == 4 and (
        area[0] == area[2] or area[1] == area[3]
    )  # fmt: skip
    if flags & _INVISIBLE and not is_flat and kind != "/Popup":
        yield "hidden_annotation"
    if kind in _ANNOTATIONS:
        yield _ANNOTATIONS[kind]
    elif kind not in _PLAIN_ANNOTATIONS:
        yield "annotations"


def _is_open_field(one: DictionaryObject) -> bool:
    if _name(one, "/FT") is None or _integer(one, "/Ff") & _READ_ONLY:
        return False
    return _name(one, "/FT") != "/Sig"


def _get(one: DictionaryObject, key: str) -> Any:
    """The value, also where it stands in an object of its own; None where it is absent."""
    found = _bare(dict.get(one, generic.NameObject(key)))
    return _bare(found.get_object()) if isinstance(found, IndirectObject) else found


def _name(one: DictionaryObject, key: str) -> str | None:
    found = _get(one, key)
    return str(found) if isinstance(found, generic.NameObject) else None


def _integer(one: DictionaryObject, key: str) -> int:
    found = _get(one, key)
    return int(found) if isinstance(found, generic.NumberObject) else 0


# --- what nothing leads to ------------------------------------------------------------------------


def _orphans(reader: Any, reached: set[tuple[int, int]], note: Any) -> bool:
    """Note listed objects that nothing leads to. Returns whether the file is linearized."""
    xrefs = reader.xrefs
    listed = {
        (one.idnum, one.generation): one
        for revision in range(xrefs.total_revisions)
        for one in xrefs.explicit_refs_in_revision(revision)
    }
    orphans = []
    linearized = False
    for key in sorted(listed.keys() - reached):
        try:
            one = _bare(reader.get_object(listed[key], never_decrypt=True))
        except Exception:  # noqa: BLE001, S112 - deleted, or not to be read: it shows nothing
            continue
        if isinstance(one, DictionaryObject):
            linearized = linearized or "/Linearized" in one
            orphans.append(_name(one, "/Type"))
    for kind in orphans:
        if kind in ("/Page", "/Pages", "/Catalog"):
            note("hidden_page")
        # Linearized files have a table of hints that only an offset leads to.
        elif kind not in ("/XRef", "/ObjStm") and not linearized:
            note("orphan_object")
    return linearized


def _outside(reader: Any, data: bytes, note: Any) -> None:
    """Note objects in the file that no table lists at their place."""
    places = set()
    newest: dict[Any, int] = {}
    xrefs = reader.xrefs
    for revision in range(xrefs.total_revisions):
        for one in xrefs.explicit_refs_in_revision(revision):
            place = xrefs.get_historical_ref(one, revision)
            if isinstance(place, int):
                places.add(place)
                newest[one] = place
        places.add(xrefs.get_startxref_for_revision(revision))
    shift = max(0, data.find(b"%PDF-", 0, 1024))
    references = {place + shift: one for one, place in newest.items()}

    def content(place: int) -> bytes:
        """Of the stream that is listed there and was read already; empty where none was."""
        try:
            found = _bare(reader.get_object(references[place], never_decrypt=True))
        except Exception:  # noqa: BLE001 - not listed, or not to be read
            return b""
        return found.encoded_data if isinstance(found, StreamObject) else b""

    stray = [place for place in _objects(data, content) if not _listed(place, data, places, shift)]
    if stray:
        # PDF documents carried as they are have objects of their own.
        inside = list(_bodies(reader, data))
        for place in stray:
            if not any(start <= place < end for start, end in inside):
                note("unlisted_object")


def _objects(data: bytes, content: Callable[[int], bytes]) -> Iterator[int]:
    """Where objects begin that do not stand in a stream.

    A stream without an end is none. `content` tells what the stream of the object at a place
    holds: it is compared, and what follows begins behind it. Other streams end where `find`
    finds the keyword, many times as fast as an expression that matches them.
    """
    place, last, may_end = 0, -1, True
    while found := _OBJECT_OR_STREAM.search(data, place):
        place = found.end()
        if found[1] is not None:
            last = found.start()
            yield last
        elif may_end:
            held, last = content(last), -1
            start = place + len(held) if data.startswith(held, place) else place
            # At most an end of line stands before the keyword (ISO 32000-2 §7.3.8.1).
            end = data.find(_STREAM_END, start, start + len(_STREAM_END) + 2)
            end = end if held and end >= 0 else data.find(_STREAM_END, place)
            may_end = end >= 0
            place = end + len(_STREAM_END) if may_end else place


def _bodies(reader: Any, data: bytes) -> Iterator[tuple[int, int]]:
    """Where the listed streams stand that hold a keyword of PDF themselves."""
    xrefs = reader.xrefs
    for revision in range(xrefs.total_revisions):
        for reference in xrefs.explicit_refs_in_revision(revision):
            place = xrefs.get_historical_ref(reference, revision)
            if not isinstance(place, int):
                continue
            try:
                one = _bare(reader.get_object(reference, revision=revision, never_decrypt=True))
            except Exception:  # noqa: BLE001, S112 - no stream then
                continue
            if isinstance(one, StreamObject) and b"endstream" in one.encoded_data:
                start = data.find(one.encoded_data, place)
                if start >= 0:
                    yield start, start + len(one.encoded_data)


def _listed(place: int, data: bytes, places: set[int], shift: int) -> bool:
    """Tables may point at the white space before an object, and count from the header on."""
    while True:
        if place in places or place - shift in places:
            return True
        if not place or data[place - 1 : place] not in (b" ", b"\n", b"\r", b"\t"):
            return False
        place -= 1


def _revisions(reader: Any, note: Any, *, first: int) -> None:
    """Note changes that no signature vouches for."""
    signatures = reader.embedded_signatures
    signed = {one.signed_revision for one in signatures}
    if any(one.docmdp_level is MDPPerm.NO_CHANGES for one in signatures):
        note("author_allows_nothing")
    if any(revision not in signed for revision in range(first, reader.xrefs.total_revisions)):
        note("earlier_revisions")
