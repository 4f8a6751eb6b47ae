"""Lists of extensions: the quick reader says what the plain one says, of any octets."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from eds import der
from eds.errors import DecodeError
from eds.extensions import Extension, read_extensions

OIDS = st.sampled_from(("2.5.29.15", "2.5.29.17", "1.3.6.1.4.1.99999.1"))
ITEMS = st.lists(
    st.builds(Extension, OIDS, st.booleans(), st.binary(max_size=200)), min_size=1, max_size=4
)


def plainly(encoded: bytes) -> dict[str, tuple[bool, bytes]]:
    """The same by the readers of `der` alone, one field after another."""
    found: dict[str, tuple[bool, bytes]] = {}
    for item in der.decode(encoded).expect(der.SEQUENCE).children():
        fields = item.fields()
        oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
        critical = fields.optional(der.BOOLEAN)
        octets = fields.take(der.OCTET_STRING).octets
        fields.finish()
        if oid in found:
            item.fail("twice")
        found[oid] = critical is not None and critical.boolean(), octets
    if not found:
        raise DecodeError("empty")
    return found


def quickly(encoded: bytes) -> dict[str, tuple[bool, bytes]]:
    found = read_extensions(der.decode(encoded))
    return {oid: (one.critical, one.octets) for oid, one in found.items()}


def outcome(read: object, encoded: bytes) -> object:
    try:
        return read(encoded)  # type: ignore[operator]
    except DecodeError:
        return None


@given(items=ITEMS)
def test_extensions_are_read_as_they_were_written(items: list[Extension]) -> None:
    encoded = der.sequence(*(item.encoded for item in items))
    assert outcome(quickly, encoded) == outcome(plainly, encoded)


@given(items=ITEMS, place=st.integers(0, 2**16), octet=st.integers(0, 255))
def test_octet_changed_anywhere_is_read_or_refused_alike(
    items: list[Extension], place: int, octet: int
) -> None:
    encoded = bytearray(der.sequence(*(item.encoded for item in items)))
    encoded[place % len(encoded)] = octet
    assert outcome(quickly, bytes(encoded)) == outcome(plainly, bytes(encoded))


@given(octets=st.binary(max_size=40))
def test_any_octets_are_read_or_refused_alike(octets: bytes) -> None:
    encoded = der.sequence(octets)
    assert outcome(quickly, encoded) == outcome(plainly, encoded)


def test_values_of_extensions_are_not_shown() -> None:
    assert "secret" not in repr(Extension("2.5.29.17", False, b"secret"))
