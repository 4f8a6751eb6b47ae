"""The quick road of the lint: certificates of the usual form, read once from front to back.

It knows one answer, "every rule is kept", and gives it only of bytes that differ from a
certificate that kept all rules of `eds.ca.lint_rules` in nothing but serial number, validity,
subject, key, key identifier and mail address, and only after it has held these against the same
rules. Of all else it says nothing: then every rule is asked, and rules alone find and name. One
function instead of thirty, as reading the same octets for each costs more than a signature. A
test holds the two against each other, octet by octet.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from .. import der, names
from ..errors import DecodeError
from ..names import ATTRIBUTE_TYPES
from .lint_rules import (
    BACK_DATED,
    DISTINCT_SERIAL_OCTETS,
    MAILBOX,
    POST_DATED,
    SERIAL_OCTETS,
    SIZE_LIMIT,
)
from .lint_view import ALTERNATIVE_NAME, KEY_HEADS, KEY_IDENTIFIER, View
from .profiles import (
    CertificateKind,
    CertificateProfile,
    SerialNumbers,
    could_be_host_name,
)
from .tbs import IssuerFacts


class _Frame(NamedTuple):
    """The extensions of a certificate that kept all rules: before its own ones, and after."""

    before: bytes
    after: bytes


class _Place(NamedTuple):
    """One attribute that may stand in the subject, in the string type it must have."""

    number: int
    departure: Callable[..., str | None]  # of the profile's row
    codec: str
    bound: int
    printable: bool  # PrintableString has few characters
    is_common_name: bool


_VERSION: Final = b"\xa0\x03\x02\x01\x02"
# SEQUENCE of two octets of length, version, INTEGER of 19 octets: the serial number is at 11.
_SERIAL_HEAD: Final = _VERSION + bytes((der.INTEGER, SERIAL_OCTETS))
_SERIAL_END: Final = 11 + SERIAL_OCTETS
_EXTENSIONS: Final = struct.Struct(">4H")  # [3] and SEQUENCE, lengths of two octets
_MAILBOX: Final = re.compile(MAILBOX.encode())
_FRAMES: Final = 8  # of one list: choices among optional purposes and policies
_LISTS: Final = 32768
_LEAST: Final = 260  # octets, so that the outer lengths take two each


class Usual:
    """The usual form of the certificates of one profile and issuer."""

    def __init__(self, profile: CertificateProfile, issuer: IssuerFacts) -> None:
        self._profile = profile
        self._issuer = issuer
        self._issuer_key = issuer.public_key.encoded
        self._middle = issuer.algorithm.identifier + issuer.name.encoded
        self._frames: dict[int | None, tuple[_Frame, ...]] = {}
        self._before: dict[bytes, bytes] = {}  # all lists share a few
        self._places = _places(profile)
        numbers = {row.oid: number for number, row in enumerate(profile.subject)}
        # Sets of attributes as bits of an integer: all of the first, one of each other.
        self._required = sum(1 << numbers[row.oid] for row in profile.subject if row.required)
        self._one_of = [
            sum(1 << numbers[oid] for oid in group if oid in numbers) for group in profile.one_of
        ]
        curves = {rule.curve for rule in profile.keys}
        self._keys = [head for curve, head in KEY_HEADS.items() if curve in curves]
        self._window = lru_cache(maxsize=1024)(self._read_window)
        self._is_known = (
            profile.kind is not CertificateKind.ROOT
            and profile.serial_number is SerialNumbers.RANDOM
            and len(numbers) == len(profile.subject)
        )

    def learn(self, view: View, shard: int | None) -> None:
        """Remember the extensions of a certificate in which no rule found anything."""
        frames = self._frames.get(shard, ())
        frame = _frame(view)
        if not self._is_known or frame is None or frame in frames or len(frames) == _FRAMES:
            return
        if frames or len(self._frames) < _LISTS:
            before = self._before.setdefault(frame.before, frame.before)
            self._frames[shard] = (*frames, _Frame(before, frame.after))

    def keeps_all(self, tbs: bytes, *, at: datetime, shard: int | None) -> bool:
        """Whether these bytes are known to keep every rule. `at` is the instant of issue."""
        frames = self._frames.get(shard)
        if frames is None or not _LEAST <= len(tbs) <= SIZE_LIMIT or tbs[:2] != b"\x30\x82":
            return False
        position = _SERIAL_END
        serial = tbs[11:position]
        if (
            tbs[2] << 8 | tbs[3] != len(tbs) - 4
            or tbs[4:11] != _SERIAL_HEAD
            or not 0 < serial[0] < 0x80
            or len(set(serial[1:])) < DISTINCT_SERIAL_OCTETS
            or not tbs.startswith(self._middle, position)
        ):
            return False
        position += len(self._middle)
        window = self._window(tbs[position : position + 32])
        if window is None or not window[0] <= at <= window[1]:
            return False
        position = self._subject(tbs, position + 32, at)
        if not position:
            return False
        for head in self._keys:
            point = position + len(head)
            if tbs.startswith(head, position) and tbs[point : point + 1] == b"\x04":
                end = position + 2 + head[1]
                if tbs[position:end] == self._issuer_key:
                    return False
                identifier = hashlib.sha1(tbs[point:end], usedforsecurity=False).digest()
                return self._extensions(tbs, end, identifier, frames)
        return False

    def _read_window(self, validity: bytes) -> tuple[datetime, datetime] | None:
        """The first and last instant at which a certificate of that validity may be issued."""
        try:
            fields = der.decode(validity).expect(der.SEQUENCE).fields()
            not_before = fields.take(der.UTC_TIME).time()
            not_after = fields.take(der.UTC_TIME).time()
            fields.finish()
        except DecodeError:
            return None
        longest = self._profile.maximum_validity
        begin = self._issuer.not_before.replace(microsecond=0)
        lawful = begin <= not_before < not_after <= self._issuer.not_after
        if not lawful or not_after - not_before > longest:
            return None
        return not_before - POST_DATED, not_before + BACK_DATED

    def _subject(self, tbs: bytes, start: int, at: datetime) -> int:
        """The offset behind a subject that keeps all rules; 0 where that is not known."""
        if start + 64 > len(tbs):
            return 0
        length, position = tbs[start + 1], start + 2
        if length == 0x81:
            length, position = tbs[start + 2], start + 3
            if length < 0x80:
                return 0
        elif length > 0x81:
            return 0
        end = position + length
        if tbs[start] != der.SEQUENCE or end > len(tbs) - 64:
            return 0
        found, last, places, day = 0, -1, self._places, at.date()
        while position < end:
            # An RDN of one attribute, each length in one octet.
            size = tbs[position + 1]
            stop = position + 2 + size
            place = places.get(tbs[position + 4 : position + 10])
            if place is None:
                return 0
            number, departure, codec, bound, printable, is_common_name = place
            if (
                number <= last
                or tbs[position] != der.SET
                or tbs[position + 2] != der.SEQUENCE
                or not size == tbs[position + 3] + 2 == tbs[position + 10] + 9
                or size >= 0x80
                or stop > end
            ):
                return 0
            try:
                text = tbs[position + 11 : stop].decode(codec)
            except UnicodeDecodeError:
                return 0
            if (
                not 0 < len(text) <= bound
                or not text.isprintable()
                or text[0] == " "
                or text[-1] == " "
                or (printable and not der.is_printable(text))
                or (is_common_name and could_be_host_name(text))
                or departure(text, on=day) is not None
            ):
                return 0
            last = number
            found |= 1 << number
            position = stop
        if found & self._required != self._required or not found:
            return 0
        if not all(found & group for group in self._one_of):
            return 0
        return 0 if tbs[start:end] == self._issuer.name.encoded else end

    def _extensions(
        self, tbs: bytes, start: int, identifier: bytes, frames: tuple[_Frame, ...]
    ) -> bool:
        """Whether what begins here are the extensions of a frame, with that key identifier."""
        size = len(tbs) - start - 8
        if size < _LEAST or tbs[start : start + 8] != _EXTENSIONS.pack(
            0xA382, size + 4, 0x3082, size
        ):
            return False
        start += 8
        for before, after in frames:
            own = start + len(before)
            rest = own + len(KEY_IDENTIFIER) + len(identifier)
            end = len(tbs) - len(after)
            if (
                tbs.startswith(before, start)
                and tbs[own:rest] == KEY_IDENTIFIER + identifier
                and tbs.endswith(after)
                and (rest == end or (self._profile.email and _is_address(tbs[rest:end])))
            ):
                return True
        return False


@lru_cache(maxsize=256)
def usual(profile: CertificateProfile, issuer: IssuerFacts) -> Usual:
    """The usual form of that profile and issuer, with what was learnt of it."""
    return Usual(profile, issuer)


def _frame(view: View) -> _Frame | None:
    """What stands before and after the extensions that are this certificate's own."""
    _, _, _, *shared = view.shared_octets
    if not shared:
        return None
    before, after = shared[0], b"".join(shared[1:])
    own = view.tbs.find(before + KEY_IDENTIFIER)
    rest = own + len(before) + len(KEY_IDENTIFIER) + 20
    address = view.tbs[rest : len(view.tbs) - len(after)]
    if own < 0 or not view.tbs.endswith(after) or (address and not _is_address(address)):
        return None
    return _Frame(before, after)


def _is_address(encoded: bytes) -> bool:
    """Whether this is the extension of alternative names with one mailbox, in short lengths."""
    size = len(encoded)
    return (
        13 < size < 0x80
        and encoded[2:8] == ALTERNATIVE_NAME
        and (encoded[0], encoded[9], encoded[11]) == (der.SEQUENCE, der.SEQUENCE, 0x81)
        and (encoded[1], encoded[8], encoded[10], encoded[12])
        == (size - 2, size - 9, size - 11, size - 13)
        and _MAILBOX.fullmatch(encoded, 13) is not None
    )


_CODECS: Final = {der.UTF8_STRING: "utf-8", der.PRINTABLE_STRING: "ascii"}
_TYPES: Final = {row.oid: row for row in ATTRIBUTE_TYPES}


def _places(profile: CertificateProfile) -> Mapping[bytes, _Place]:
    """Encoded OID and tag of the string → the attribute: those of X.520 that the profile has."""
    found: dict[bytes, _Place] = {}
    for number, row in enumerate(profile.subject):
        kind = _TYPES.get(row.oid)
        oid = der.object_identifier(row.oid)
        if kind is None or len(oid) != 5 or kind.tag not in _CODECS:
            continue
        found[oid + bytes((kind.tag,))] = _Place(
            number=number,
            departure=row.departure,
            codec=_CODECS[kind.tag],
            bound=kind.upper_bound,
            printable=kind.tag == der.PRINTABLE_STRING,
            is_common_name=row.oid == names.COMMON_NAME,
        )
    return MappingProxyType(found)
