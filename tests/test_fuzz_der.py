"""Real objects, changed at random: only errors of ours, soon, and the same answer twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import ber, der, pem
from eds.errors import DecodeError
from tests import material
from tests.material import DATA, needs_data

CAMPAIGN = 60_000


@cache
def seeds() -> tuple[bytes, ...]:
    """A few of each kind, small ones."""
    kinds = (
        material.kz_certificates(),
        material.pkits_certificates(),
        material.lists(),
        material.ocsp_responses(),
        material.time_stamps(),
        {path.name: path.read_bytes() for path in sorted((DATA / "kz/cms").glob("*.der"))},
        {path.name: path.read_bytes() for path in sorted((DATA / "kz/p12").rglob("*.p12"))},
    )
    return tuple(
        encoded
        for kind in kinds
        for encoded in sorted({data for data in kind.values() if len(data) < 8192})[:12]
    )


def swapped(data: bytes, rng: random.Random) -> bytes:
    """One change: a bit, an octet, a piece cut out, doubled or moved, a length, a BER form."""
    place = rng.randrange(len(data))
    size = rng.randrange(1, 12)
    match rng.randrange(9):
        case 0:
            return data[:place] + bytes((data[place] ^ 1 << rng.randrange(8),)) + data[place + 1 :]
        case 1:
            return data[:place] + bytes((rng.randrange(256),)) + data[place + 1 :]
        case 2:
            return data[:place] + data[place + size :]
        case 3:
            return data[: place + size] + data[place:]
        case 4:
            return data[:place]
        case 5:
            return data[:place] + rng.randbytes(size) + data[place:]
        case 6:
            return data[:place] + rng.choice((b"\x80", b"\x84", b"\xff")) + data[place + 1 :]
        case 7:  # the outermost value of indefinite length
            return b"\x30\x80" + data[4:] + b"\0\0"
        case _:
            wanted = rng.choice((b"\x30\x80", b"\0\0", b"\x24\x80", b"\x06\x80", b"\x7f\x81"))
            return data[:place] + wanted + data[place + 2 :]


def walk(data: bytes) -> None:
    """Read whatever can be read, without asking `check` first."""
    pending = [(der.decode(data), 0)]
    readers: tuple[Callable[[der.Element], object], ...] = (
        der.Element.boolean,
        der.Element.integer,
        der.Element.object_identifier,
        der.Element.null,
        der.Element.bits,
        der.Element.named_bits,
        der.Element.text,
        der.Element.time,
        der.Element.time_with_fraction,
        der.Element.only_child,
        lambda element: element.fields(element.tag).take(der.SEQUENCE),
    )
    while pending:
        element, depth = pending.pop()
        assert 0 <= element.start < element.content <= element.end <= len(data)
        for read in readers:
            try:
                read(element)
            except DecodeError:
                continue
        if element.is_constructed and depth < 40:
            try:
                pending += [(child, depth + 1) for child in element.children()]
            except DecodeError:
                continue


def judge(data: bytes) -> None:
    """Read `data` in every way; anything but a DecodeError gets out."""
    try:
        der.check(data)
        is_der = True
    except DecodeError:
        is_der = False
    try:
        walk(data)
    except DecodeError:
        assert not is_der
    try:
        made = ber.to_der(data)
    except DecodeError:
        assert not is_der
    else:
        if is_der:
            assert made.encoded is data
        again = ber.to_der(made.encoded)
        assert again.encoded is made.encoded
        assert not again.tolerances
    try:
        pem.read(data)
    except DecodeError:
        pass
    else:
        assert pem.is_pem(data) or data[:1] == b"0"


@pytest.mark.untraced
@needs_data
@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 4))
def test_changed_objects_raise_decode_errors_only(rng: random.Random, changes: int) -> None:
    data = rng.choice(seeds())
    for _ in range(changes):
        data = swapped(data, rng) or b"\0"
    judge(data)


@pytest.mark.untraced
@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_noise_raises_decode_errors_only(data: bytes) -> None:
    judge(data)


@needs_data
def test_every_prefix_of_a_certificate_is_refused() -> None:
    encoded = min(material.kz_certificates().values(), key=len)
    for size in range(len(encoded)):
        with pytest.raises(DecodeError):
            der.check(encoded[:size])
        with pytest.raises(DecodeError):
            ber.to_der(encoded[:size])


@pytest.mark.untraced
@needs_data
@settings(max_examples=100, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(1, 4))
def test_changed_text_raises_decode_errors_only(rng: random.Random, changes: int) -> None:
    text = b"".join(pem.write(pem.CERTIFICATE, rng.choice(seeds())[:400]) for _ in range(2))
    for _ in range(changes):
        text = swapped(text, rng) or b"\0"
    judge(text)


@pytest.mark.campaign
@needs_data
def test_campaign() -> None:
    rng = random.Random(1)
    slowest = 0.0
    for _ in range(CAMPAIGN):
        data = rng.choice(seeds())
        for _ in range(rng.randrange(1, 5)):
            data = swapped(data, rng) or b"\0"
        begin = time.process_time()
        judge(data)
        slowest = max(slowest, time.process_time() - begin)
    assert slowest < 1
