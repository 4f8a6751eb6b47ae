"""Hostile input: whatever the bytes, a typed answer, soon, and in bounded memory.

The inputs of the security page that reach the validator of CMS: wrong shapes, bombs, loops, and
every kind of change to honest messages. Long runs of the same are `make campaign-mutate`.
"""

from __future__ import annotations

import random
import resource
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import der
from eds.verify.indications import Indication
from eds.verify.report import ValidationReport
from tests.verify.cms_house import (
    CONTENT_TYPE,
    COUNTER_SIGNATURE,
    MESSAGE_DIGEST,
    OWED,
    SIGNATURE_TIME_STAMP,
    SIGNING_CERTIFICATE_V2,
    House,
    attribute,
    authority,
    leaf,
    message,
    rsa_leaf,
    signature_value,
    signed,
    token,
    tsa,
    with_unsigned,
)
from tests.verify.status_house import HOUR, NOON

CERTIFICATES = [leaf().certificate.encoded, authority().encoded]
OID = der.object_identifier("1.2.840.113549.1.7.2")


def nested(levels: int, tag: int = der.SEQUENCE) -> bytes:
    made = b"\x05\x00"
    for _ in range(levels):
        made = der.value(tag, made)
    return made


def oid(size: int) -> bytes:
    return der.value(der.OBJECT_IDENTIFIER, b"\x81" * (size - 1) + b"\x01")


def with_type(identifier: bytes) -> bytes:
    body = der.sequence(
        der.integer(1),
        der.set_of(),
        der.sequence(identifier, der.explicit(0, der.octet_string(OWED))),
        der.value(der.SET, leaf().info(OWED)),
    )
    return der.sequence(OID, der.explicit(0, body))


def with_attribute(*values: bytes) -> bytes:
    return signed(more=[attribute("1.2.3.4", *values)])


def countersigned(depth: int) -> bytes:
    info = leaf().info(OWED)
    chain = [info]
    for _ in range(depth):
        chain.append(leaf().info(signature_value(chain[-1]), content_type=None))
    made = chain.pop()
    while chain:
        made = with_unsigned(chain.pop(), attribute(COUNTER_SIGNATURE, made))
    return message(made, content=OWED, certificates=CERTIFICATES)


INPUTS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "one octet": lambda: b"\x30",
    "zeros": lambda: bytes(1_000_000),
    "ones": lambda: b"\xff" * 1_000_000,
    "length of 2^32": lambda: b"\x30\x84\xff\xff\xff\xff" + bytes(100),
    "length of 2^64": lambda: b"\x30\x88" + b"\xff" * 8 + bytes(100),
    "length of 126 octets": lambda: b"\x30\xfe" + b"\xff" * 126,
    "nesting in DER": lambda: nested(10_000),
    "nesting without lengths": lambda: b"\x30\x80" * 500_000,
    "nesting of strings": lambda: b"\x30\x80" + OID + b"\xa0\x80" + b"\x24\x80" * 300_000,
    "ends without beginning": lambda: b"\x30\x80" + b"\0\0" * 500_000,
    "OID of 64 kB": lambda: with_type(oid(65_000)),
    "OID of 400 kB": lambda: with_type(oid(400_000)),
    "OID without end": lambda: with_type(der.value(der.OBJECT_IDENTIFIER, b"\x81" * 60)),
    "version of 20,000 octets": lambda: der.sequence(
        OID, der.explicit(0, der.sequence(der.value(der.INTEGER, b"\x7f" * 20_000)))
    ),
    "serial number of 20,000 octets": lambda: message(
        leaf().info(
            OWED,
            sid=der.sequence(authority().subject.encoded, der.value(der.INTEGER, b"\x7f" * 20_000)),
        ),
        content=OWED,
        certificates=CERTIFICATES,
    ),
    "100,000 signers": lambda: message(*[b"\x30\x00"] * 100_000, content=OWED),
    "1,000 signers": lambda: message(
        *[leaf().info(OWED)] * 1000, content=OWED, certificates=CERTIFICATES
    ),
    "100,000 certificates": lambda: message(
        leaf().info(OWED), content=OWED, certificates=[b"\x30\x00"] * 100_000
    ),
    "1,000 certificates that are none": lambda: message(
        leaf().info(OWED),
        content=OWED,
        certificates=[b"\x30\x03\x02\x01\x01"] * 999 + CERTIFICATES[:1],
    ),
    "100,000 lists": lambda: message(
        leaf().info(OWED), content=OWED, certificates=CERTIFICATES, lists=[b"\x30\x00"] * 100_000
    ),
    "100,000 signed attributes": lambda: signed(
        attributes=[attribute(f"1.2.3.{number}", der.null()) for number in range(20_000)]
    ),
    "attribute of 100,000 values": lambda: with_attribute(*[der.null()] * 100_000),
    "attribute that is deep": lambda: with_attribute(nested(5_000)),
    "digest of a megabyte": lambda: signed(
        attributes=[
            attribute(MESSAGE_DIGEST, der.octet_string(bytes(1_000_000))),
            attribute(CONTENT_TYPE, der.object_identifier("1.2.840.113549.1.7.1")),
        ]
    ),
    "100,000 references": lambda: signed(
        refer=None,
        more=[
            attribute(
                SIGNING_CERTIFICATE_V2,
                der.sequence(der.sequence(*[der.sequence(der.octet_string(b""))] * 20_000)),
            )
        ],
    ),
    "500 time-stamps": lambda: message(
        with_unsigned(
            leaf().info(OWED), attribute(SIGNATURE_TIME_STAMP, *[token(tsa(), b"", at=NOON)] * 500)
        ),
        content=OWED,
        certificates=CERTIFICATES,
    ),
    "time-stamp that is deep": lambda: message(
        with_unsigned(leaf().info(OWED), attribute(SIGNATURE_TIME_STAMP, nested(5_000))),
        content=OWED,
        certificates=CERTIFICATES,
    ),
    "counter-signatures of counter-signatures": lambda: countersigned(12),
    "16 MB without an end": lambda: b"\x30\x80" + OID + b"\xa0\x80\x30\x80" + bytes(16_000_000),
    "pieces of nothing": lambda: (
        b"\x30\x80" + OID + b"\xa0\x80" + b"\x24\x80" + b"\x04\x00" * 500_000
    ),
    "text": lambda: b"-----BEGIN CMS-----\n" + b"A" * 1_000_000 + b"\n-----END CMS-----\n",
}


BESIDE_AN_HONEST_SIGNATURE = {
    "attribute of 100,000 values",
    "attribute that is deep",
    "500 time-stamps",
    "time-stamp that is deep",
    "counter-signatures of counter-signatures",
}


@pytest.mark.parametrize("name", INPUTS)
def test_hostile_input_has_a_typed_answer(name: str) -> None:
    data = INPUTS[name]()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for content in (None, OWED):
        report = House().validate(data, content=content)
        assert isinstance(report, ValidationReport)
        if name in BESIDE_AN_HONEST_SIGNATURE:
            continue
        assert report.indication is not Indication.TOTAL_PASSED
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 256 * 1024  # kB


# --- a slice of the mutation campaign -------------------------------------------------------------


def honest() -> list[tuple[bytes, bytes | None, frozenset[int]]]:
    """(message, content beside it, places of octets that nobody signs and no rule is about)."""
    made = []
    for signer in (leaf(), rsa_leaf()):
        info = signer.info(OWED)
        stamp = token(tsa(), signature_value(info), at=NOON - HOUR)
        for one in (info, with_unsigned(info, attribute(SIGNATURE_TIME_STAMP, stamp))):
            certificates = [signer.certificate.encoded, authority().encoded]
            for content in (None, OWED):
                data = message(one, content=None if content else OWED, certificates=certificates)
                made.append((data, content, _free(data, stamp)))
    return made


def _free(data: bytes, stamp: bytes) -> frozenset[int]:
    """Another certificate than the signer's, and unsigned attributes."""
    free: set[int] = set()
    other = data.find(authority().encoded)
    free.update(range(other, other + len(authority().encoded)))
    at = data.find(stamp)
    if at >= 0:  # with the heads of attribute, set and [1]
        free.update(range(at - 40, at + len(stamp)))
    return frozenset(free)


def _changed(data: bytes, rng: random.Random) -> tuple[int, bytes]:
    place = rng.randrange(len(data))
    way = rng.randrange(4)
    if way == 0:
        return place, data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[
            place + 1 :
        ]
    if way == 1:
        return place, data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
    if way == 2:
        return place, data[:place] + data[place + 1 :]
    return place, data[:place] + bytes([rng.randrange(256)]) + data[place:]


@pytest.mark.parametrize("seed", range(4))
def test_no_change_outside_what_nobody_signs_is_accepted(seed: int) -> None:
    rng = random.Random(seed)
    house = House()
    for data, content, free in honest():
        assert house.validate(data, content=content).indication is Indication.TOTAL_PASSED
        for _ in range(60):
            place, mutant = _changed(data, rng)
            report = house.validate(mutant, content=content)
            if place not in free and mutant != data:
                assert report.indication is not Indication.TOTAL_PASSED, (place, mutant.hex())


@cache
def one_message() -> bytes:
    return signed()


def judge_octets(data: st.DataObject) -> None:
    junk = data.draw(st.binary(max_size=200))
    base = one_message()
    place = data.draw(st.integers(0, len(base)))
    house = House()
    for made in (junk, base[:place] + junk + base[place:], base[:place] + junk):
        for content in (None, junk):
            assert isinstance(house.validate(made, content=content), ValidationReport)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_any_octets_as_signature_or_part_of_one_are_judged(data: st.DataObject) -> None:
    judge_octets(data)


@pytest.mark.campaign
def test_campaign() -> None:
    settings(max_examples=50_000, deadline=None)(given(st.data())(judge_octets))()
