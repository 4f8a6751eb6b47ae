"""The structure of a PDF document, through pyHanko's reader: signature fields, revisions, stores.

What pyHanko raises over hostile octets leaves as MalformedPdf, LimitExceeded or PdfEncrypted. Its
lookups are counted and timed, so that no graph of references makes it walk for ever.
"""

from __future__ import annotations

import binascii
import io
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final

from pyhanko.pdf_utils import generic, xref
from pyhanko.pdf_utils.crypt import AuthStatus, StandardSecurityHandler
from pyhanko.pdf_utils.decode_limits import DecodeLimits, DecodePurpose, DocumentDecodeBudget
from pyhanko.pdf_utils.generic import DictionaryObject, EncryptedObjAccess, Reference, StreamObject
from pyhanko.pdf_utils.misc import PdfDecodeLimitError, PdfError, PdfStreamError
from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader, process_data_at_eof

from ..certificatelists import CertificateList
from ..certificates import Certificate
from ..errors import DecodeError, EdsError, LimitExceeded, MalformedPdf, PdfEncrypted
from ..ocsp import OcspResponse
from .evidence import Evidence
from .policy import Budget

FIELDS_LIMIT: Final = 10_000
ENTRIES_LIMIT: Final = 1_000_000
_DEEPEST: Final = 32
_PIECE: Final = 4096
_DATE: Final = re.compile(
    r"D:(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:Z(?:00'?(?:00'?)?)?|([+-])(\d\d)'?(?:(\d\d)'?)?)?"
)

_STORE_KEYS: Final = frozenset({"/Type", "/VRI", "/Certs", "/CRLs", "/OCSPs"})
_ONE_KEYS: Final = frozenset({"/Type", "/Cert", "/CRL", "/OCSP", "/TU", "/TS"})
_BY_SIGNATURE: Final = re.compile("/[0-9A-Fa-f]{40,128}")  # SHA-1, as the standard says, or others

# Whatever the application does with logs: what stands in a document is not for them.
logging.getLogger("pyhanko").addHandler(logging.NullHandler())


def _read_hex_string(stream: Any) -> Any:
    """A hexadecimal string, read in pieces: pyHanko asks for each digit of /Contents anew.

    The same octets are read, the same refused, and the stream ends up in the same place.
    """
    stream.read(1)
    start = stream.tell()
    pieces = []
    while True:
        piece = stream.read(_PIECE)
        if not piece:
            raise PdfStreamError("Stream ended prematurely")
        end = piece.find(b">")
        if end >= 0:
            pieces.append(piece[:end])
            break
        pieces.append(piece)
    digits = b"".join(pieces)
    stream.seek(start + len(digits) + 1)
    if b"%" in digits or not digits.isalnum():
        digits = re.sub(rb"[\x00\t\n\x0c\r ]", b"", digits)
    try:
        return generic.pdf_string(binascii.unhexlify(digits + b"0" * (len(digits) % 2)))
    except binascii.Error as error:
        raise PdfStreamError("Unexpected token in hex string") from error


_parse_xref_stream: Final = xref.parse_xref_stream


def _parse_bounded(xref_stream: Any, strict: bool = True) -> Iterator[Any]:  # noqa: ARG001, FBT001, FBT002
    """The entries of a cross-reference stream, as many as it holds and no more than are allowed.

    pyHanko makes up entries where the data has ended, or where each is of no octets.
    """
    widths = xref_stream.get("/W")
    if not isinstance(widths, generic.ArrayObject) or sum(map(int, widths)) <= 0:
        raise PdfStreamError("Entries of no octets")
    reader = xref_stream.get_container_ref().get_pdf_handler()
    for number, found in enumerate(_parse_xref_stream(xref_stream, strict=True)):
        if number % 1024 == 0 and isinstance(reader, _Reader):
            reader.work.look_at_the_clock()
        if number >= ENTRIES_LIMIT:
            raise LimitExceeded(limit="entries of a cross-reference stream", allowed=ENTRIES_LIMIT)
        yield found


# The two places where pyHanko is bent; both are offered upstream.
generic.read_hex_string_from_stream = _read_hex_string
xref.parse_xref_stream = _parse_bounded


class _Spent(Exception):
    """More lookups or time than allowed: it passes through pyHanko and never leaves this module."""


class _Work:
    """Counts lookups."""

    def __init__(self, budget: Budget) -> None:
        self.allowed: Final = budget.pdf_objects
        self.spent = 0
        self._deadline = monotonic() + budget.seconds

    def spend(self) -> None:
        self.spent += 1
        if self.spent > self.allowed:
            raise _Spent
        if self.spent % 64 == 0:
            self.look_at_the_clock()

    def look_at_the_clock(self) -> None:
        """Raises _Spent after the deadline."""
        if monotonic() > self._deadline:
            raise _Spent


class _Reader(PdfFileReader):
    """The reader with its lookups counted."""

    def __init__(self, data: bytes, budget: Budget) -> None:
        self.work: Final = _Work(budget)
        limits = DecodeLimits(
            document_budget=DocumentDecodeBudget(
                base_allowance=budget.pdf_decoded_octets, max_ratio=0
            )
        )
        # Many honest producers are not as strict as pyHanko; what is appended to a signature is
        # held against stricter rules of our own.
        self._object_streams: dict[int, tuple[bytes, list[tuple[int, int]]]] = {}
        super().__init__(io.BytesIO(data), strict=False, decode_limits=limits)

    @property
    def encrypt_dict(self) -> DictionaryObject | None:
        found = self.trailer.raw_get("/Encrypt") if "/Encrypt" in self.trailer else None
        # An entry that is null is none (ISO 32000-2 §7.3.7).
        return None if isinstance(found, generic.NullObject) else super().encrypt_dict

    def get_object(self, *args: Any, **kwargs: Any) -> Any:
        self.work.spend()
        return super().get_object(*args, **kwargs)  # type: ignore[no-untyped-call]

    def _get_object_from_stream(self, idnum: int, stmnum: int, idx: int) -> Any:
        """An object of an object stream, whose list of contents is read once and not each time."""
        data, place = self.compressed(idnum, stmnum, idx)
        stream = io.BytesIO(data)
        stream.seek(place)
        found = generic.read_object(stream, generic.Reference(idnum, 0, self))
        if isinstance(found, StreamObject):
            raise MalformedPdf(reason="a stream in an object stream")
        return found

    def compressed_numbers(self, stmnum: int) -> list[int]:
        """The numbers of the objects in an object stream that was read, in their order."""
        return [number for number, _ in self._object_streams[stmnum][1]]

    def compressed(self, idnum: int, stmnum: int, idx: int) -> tuple[bytes, int]:
        """(octets of an object stream, where in them an object begins). Raises MalformedPdf."""
        kept = self._object_streams.get(stmnum)
        if kept is None:
            kept = self._object_streams[stmnum] = _contents_of_stream(
                generic.Reference(stmnum, 0, self).get_object()
            )
        data, places = kept
        # By its place in the list, as other readers do: a number may stand there twice.
        if not 0 <= idx < len(places) or places[idx][0] != idnum:
            raise MalformedPdf(reason=f"object {idnum} is not in its object stream")
        return data, places[idx][1]

    def get_historical_resolver(self, revision: int) -> HistoricalResolver:
        kept = self._historical_resolver_cache
        if revision not in kept:
            kept[revision] = _Resolver(self, revision)
        return kept[revision]


def _contents_of_stream(stream: Any) -> tuple[bytes, list[tuple[int, int]]]:
    """(octets, numbers and offsets of objects in their order) of an object stream."""
    if not isinstance(stream, StreamObject) or _name(stream, "/Type") != "ObjStm":
        raise MalformedPdf(reason="no object stream where one should be")
    data, first, count = (
        stream.read_data(DecodePurpose.OBJECT_STREAM),
        stream["/First"],
        stream["/N"],
    )
    numbers = [int(one) for one in data[:first].split()[: 2 * count]]
    return data, [
        (number, first + offset)
        for number, offset in zip(numbers[::2], numbers[1::2], strict=False)
    ]


class _Resolver(HistoricalResolver):
    """One revision, with its lookups counted, and dangling references read as null."""

    def get_object(self, *args: Any, **kwargs: Any) -> Any:
        self.reader.work.spend()  # type: ignore[attr-defined]
        return super().get_object(*args, **kwargs)

    def refs_freed_in_revision(self) -> set[Reference]:
        # Some producers list numbers as free that nothing ever had.
        xrefs = self.reader.xrefs
        freed = super().refs_freed_in_revision()  # type: ignore[no-untyped-call]
        numbers = {one.idnum for one in freed}
        used = {
            one.idnum
            for revision in (range(self.revision) if freed else ())
            for one in xrefs.explicit_refs_in_revision(revision)
            if one.idnum in numbers
        }
        return {one for one in freed if one.idnum in used}

    def _collect_indirect_references(
        self, obj: Any, seen: set[Reference], since_revision: int | None = None
    ) -> None:
        if isinstance(obj, generic.IndirectObject) and since_revision is not None:
            try:
                self.reader.xrefs.get_introducing_revision(obj.reference)
            except KeyError:
                # Nothing has that number: it is null, in every revision (ISO 32000-2 §7.3.10).
                return
        super()._collect_indirect_references(obj, seen, since_revision)  # type: ignore[no-untyped-call]


@contextmanager
def pdf_errors(budget: Budget) -> Iterator[None]:
    """Whatever hostile octets make pyHanko raise leaves as one of ours."""
    try:
        yield
    except EdsError:
        raise
    except _Spent as error:
        raise LimitExceeded(limit="lookups in the PDF", allowed=budget.pdf_objects) from error
    except PdfDecodeLimitError as error:
        raise LimitExceeded(
            limit="octets of streams in the PDF", allowed=budget.pdf_decoded_octets
        ) from error
    except RecursionError as error:
        raise MalformedPdf(reason="nested too deeply") from error
    except PdfError as error:
        raise MalformedPdf(reason=str(error)[:200]) from error
    except Exception as error:
        raise MalformedPdf(reason=f"it cannot be read ({type(error).__name__})") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureField:
    """A signature field that is signed, and what its dictionary says.

    `number` is the object number of the dictionary, `offset` its place in the file (None: in an
    object stream, or nowhere), `revision` the one that brought it. Entries that are absent or of
    another type are None; `byte_range` is empty then.
    """

    name: str
    number: int
    generation: int
    offset: int | None
    revision: int
    dictionary: Any = field(repr=False)
    field_dictionary: Any = field(repr=False)
    type: str | None
    subfilter: str | None
    byte_range: tuple[int, ...]
    contents: bytes | None = field(repr=False)
    certificates: tuple[bytes, ...] = field(repr=False)  # /Cert, of bare RSA values
    claimed_time: datetime | None


class PdfDocument:
    """A PDF document as far as signatures need it.

    Raises MalformedPdf, LimitExceeded, PdfEncrypted.
    """

    def __init__(self, data: bytes, *, budget: Budget) -> None:
        if len(data) > budget.pdf_octets:
            raise LimitExceeded(
                limit="octets of the PDF", allowed=budget.pdf_octets, found=len(data)
            )
        self.data: Final = data
        self.budget: Final = budget
        with pdf_errors(budget):
            self.reader: Final = _Reader(data, budget)
            self._unlock()

    def _unlock(self) -> None:
        """Open an encrypted document whose user password is empty: anyone can read it."""
        handler = self.reader.security_handler
        if handler is None:
            return
        if not isinstance(handler, StandardSecurityHandler):
            raise PdfEncrypted(handler="for certain recipients")
        # Not `decrypt`, which judges the MAC of ISO 32004 too: that one is for those with the key.
        found = handler.authenticate(b"", id1=self.reader.document_id[0])
        if found.status is AuthStatus.FAILED:
            raise PdfEncrypted(handler="with a password")

    @property
    def revisions(self) -> int:
        """How many there are."""
        return self.reader.total_revisions

    def signature_fields(self) -> tuple[SignatureField, ...]:
        """The signature fields that hold something, in the order of the form.

        Raises MalformedPdf, LimitExceeded.
        """
        with pdf_errors(self.budget):
            root = self.reader.root
            form = entry(root, "/AcroForm")
            if not isinstance(form, DictionaryObject) or "/Fields" not in form:
                return ()
            found: list[SignatureField] = []
            self._collect(form["/Fields"], "", None, found, set(), 0)
            return tuple(found)

    def _collect(
        self,
        fields: Any,
        parent: str,
        kind: str | None,
        found: list[SignatureField],
        seen: set[Reference],
        depth: int,
    ) -> None:
        if depth > _DEEPEST:
            raise MalformedPdf(reason="a form nested too deeply")
        if not isinstance(fields, generic.ArrayObject):
            return
        for raw in list.__iter__(fields):
            one = raw.get_object()
            if not isinstance(one, DictionaryObject):
                continue
            if isinstance(raw, generic.IndirectObject):
                if raw.reference in seen:
                    raise MalformedPdf(reason="a field that stands in the form twice")
                seen.add(raw.reference)
                if len(seen) > FIELDS_LIMIT:
                    raise LimitExceeded(limit="fields of the form", allowed=FIELDS_LIMIT)
            own = entry(one, "/T")
            name = parent
            if isinstance(own, str):
                name = f"{parent}.{own}" if parent else str(own)
            own_kind = entry(one, "/FT")
            inherited = str(own_kind) if own_kind is not None else kind
            if inherited == "/Sig" and "/V" in one:
                self._add(one, name, found)
            if "/Kids" in one:
                self._collect(one["/Kids"], name, inherited, found, seen, depth + 1)

    def _add(self, one: DictionaryObject, name: str, found: list[SignatureField]) -> None:
        raw = one.raw_get("/V")
        dictionary = raw.get_object()
        if isinstance(dictionary, generic.NullObject):
            return
        holder = raw.reference if isinstance(raw, generic.IndirectObject) else raw.container_ref
        xrefs = self.reader.xrefs
        marker = xrefs[holder] if isinstance(holder, Reference) else None
        if not isinstance(dictionary, DictionaryObject):
            dictionary = DictionaryObject()
        found.append(
            SignatureField(
                name=name,
                number=getattr(holder, "idnum", 0),
                generation=getattr(holder, "generation", 0),
                offset=marker if isinstance(marker, int) else None,
                revision=xrefs.get_last_change(holder) if marker is not None else 0,
                dictionary=dictionary,
                field_dictionary=one,
                type=_name(dictionary, "/Type"),
                subfilter=_name(dictionary, "/SubFilter"),
                byte_range=_numbers(dictionary),
                contents=_contents(dictionary),
                certificates=_certificates(dictionary),
                claimed_time=_time(dictionary),
            )
        )

    def covers_its_revision(self, one: SignatureField, end: int) -> bool:
        """Whether the octets up to `end` are whole revisions, the one of `one` the last.

        Raises MalformedPdf, LimitExceeded.
        """
        with pdf_errors(self.budget):
            xrefs = self.reader.xrefs
            stream = io.BytesIO(self.data)
            stream.seek(end)
            try:
                declared = process_data_at_eof(stream)
            except PdfError:
                return False
            return declared == xrefs.get_startxref_for_revision(one.revision) and all(
                xrefs.get_xref_container_info(revision).end_location <= end
                for revision in range(one.revision + 1)
            )

    def security_store(self, revision: int) -> tuple[Evidence, int]:
        """What the document security store held in that revision, VRI entries included.

        With it, how many of its streams could not be read: these prove nothing. Raises
        MalformedPdf, LimitExceeded.
        """
        with pdf_errors(self.budget):
            resolver = self.reader.get_historical_resolver(revision)
            root = resolver.root
            store = entry(root, "/DSS")
            if not isinstance(store, DictionaryObject):
                return Evidence(), 0
            read = _Store()
            read.add_all(store)
            return read.evidence, read.unreadable


def is_security_store(store: Any) -> bool:
    """Whether it is built as a document security store, of streams of encoded values alone."""
    if not isinstance(store, DictionaryObject):
        return False
    read = _Store()
    read.add_all(store)
    by_signature = entry(store, "/VRI")
    named = by_signature if isinstance(by_signature, DictionaryObject) else {}
    return (
        read.holds_something
        and not read.unreadable
        and _STORE_KEYS.issuperset(store)
        and all(
            one == "/Type" or (_BY_SIGNATURE.fullmatch(one) and _ONE_KEYS.issuperset(named[one]))
            for one in named
        )
    )


class _Store:
    """The streams of a document security store, each read once."""

    def __init__(self) -> None:
        self._octets: dict[tuple[str, bytes], None] = {}
        self._seen: set[Reference] = set()
        self.unreadable = 0

    @property
    def holds_something(self) -> bool:
        """Whether there is any stream."""
        return bool(self._octets)

    def add_all(self, store: DictionaryObject) -> None:
        """Its own streams and those that are named for single signatures."""
        self.add(store, "/Certs", "/CRLs", "/OCSPs")
        by_signature = entry(store, "/VRI")
        if isinstance(by_signature, DictionaryObject):
            for key in by_signature:
                one = entry(by_signature, key)
                if isinstance(one, DictionaryObject):
                    self.add(one, "/Cert", "/CRL", "/OCSP")

    def add(self, holder: DictionaryObject, certificates: str, lists: str, responses: str) -> None:
        for kind, key, purpose in (
            ("certificate", certificates, DecodePurpose.CERTIFICATE),
            ("list", lists, DecodePurpose.CRL),
            ("response", responses, DecodePurpose.OCSP_RESPONSE),
        ):
            streams = entry(holder, key)
            if not isinstance(streams, generic.ArrayObject):
                self.unreadable += streams is not None
                continue
            for raw in list.__iter__(streams):
                if isinstance(raw, generic.IndirectObject):
                    if raw.reference in self._seen:
                        continue
                    self._seen.add(raw.reference)
                stream = raw.get_object()
                octets = stream.read_data(purpose) if isinstance(stream, StreamObject) else b""
                if octets[:1] == b"\x30":
                    self._octets[kind, octets] = None
                else:
                    self.unreadable += 1

    @property
    def evidence(self) -> Evidence:
        certificates: list[Certificate] = []
        lists: list[CertificateList] = []
        responses: list[OcspResponse] = []
        for kind, octets in self._octets:
            try:
                if kind == "certificate":
                    certificates.append(Certificate(octets))
                elif kind == "list":
                    lists.append(CertificateList(octets))
                else:
                    responses.append(OcspResponse(octets))
            except DecodeError:
                self.unreadable += 1
        return Evidence(
            certificates=tuple(certificates), lists=tuple(lists), ocsp_responses=tuple(responses)
        )


# --- entries --------------------------------------------------------------------------------------


def usages(resolver: HistoricalResolver, reference: Reference) -> set[Any]:
    """The paths that lead to an object in a revision."""
    resolver._load_reverse_xref_cache()  # noqa: SLF001 - its only way to say so
    return resolver._get_usages_of_ref(reference)  # noqa: SLF001


def entry(dictionary: DictionaryObject, key: str) -> Any:
    """The value, resolved; None where it is absent or null."""
    if key not in dictionary:
        return None
    value = dictionary[key]
    return None if isinstance(value, generic.NullObject) else value


def _name(dictionary: DictionaryObject, key: str) -> str | None:
    value = entry(dictionary, key)
    return str(value)[1:] if isinstance(value, generic.NameObject) else None


def _numbers(dictionary: DictionaryObject) -> tuple[int, ...]:
    value = entry(dictionary, "/ByteRange")
    if not isinstance(value, generic.ArrayObject) or len(value) > 64:
        return ()
    numbers = tuple(one.get_object() for one in list.__iter__(value))
    if not all(type(one) is generic.NumberObject for one in numbers):
        return ()
    return tuple(int(one) for one in numbers)


def _contents(dictionary: DictionaryObject) -> bytes | None:
    if "/Contents" not in dictionary:
        return None
    # It is never encrypted (ISO 32000-2 §7.6.2).
    value = dictionary.raw_get("/Contents", decrypt=EncryptedObjAccess.RAW)
    if isinstance(value, generic.TextStringObject | generic.ByteStringObject):
        return bytes(value.original_bytes)
    return None


def _certificates(dictionary: DictionaryObject) -> tuple[bytes, ...]:
    value = entry(dictionary, "/Cert")
    several = list(value) if isinstance(value, generic.ArrayObject) else [value]
    return tuple(
        bytes(one.original_bytes)
        for one in several
        if isinstance(one, generic.TextStringObject | generic.ByteStringObject)
    )


def _time(dictionary: DictionaryObject) -> datetime | None:
    """/M as an instant; None where it is absent, not a date, or says no time zone."""
    value = entry(dictionary, "/M")
    found = _DATE.fullmatch(str(value)) if isinstance(value, str) else None
    if found is None:
        return None
    *parts, sign, hours, minutes = found.groups()
    away = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    day_and_time = (
        int(part or least) for part, least in zip(parts, (1, 1, 1, 0, 0, 0), strict=True)
    )
    try:
        local = datetime(*day_and_time, tzinfo=UTC)  # type: ignore[misc,arg-type]
        return local + away if sign == "-" else local - away
    except (ValueError, OverflowError):
        return None
