"""GOST keys in ASN.1: as the NCA writes them, and whatever else somebody may send."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eds import der
from eds.algorithms import GOST_2004, GOST_2015_256, GOST_2015_512, SignatureAlgorithm
from eds.errors import (
    AlgorithmUnavailable,
    EdsError,
    InvalidKey,
    MalformedPublicKey,
    UnknownAlgorithm,
)
from eds.gost import SigningKey
from eds.gostkeys import GOST_PARAMETERS, gost_parameters
from eds.keys import pkcs12
from eds.keys.contract import Secret
from eds.keys.privatekeys import PrivateKey
from eds.keys.reading import Reading
from eds.publickeys import PublicKey
from tests.keys.test_pkcs12 import NCA, nca_password
from tests.material import needs_data

ROWS = [GOST_2015_512, GOST_2015_256, GOST_2004]
by_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def key_of(row: SignatureAlgorithm) -> SigningKey:
    return SigningKey(gost_parameters(row.key_type).curve, 0xEDD5 << 100)


def public_of(row: SignatureAlgorithm) -> PublicKey:
    return PublicKey.of(key_of(row).public())


@needs_data
def test_private_keys_are_written_octet_for_octet_as_the_nca_writes_them() -> None:
    seen = set()
    for path in NCA:
        found = pkcs12.read(path.read_bytes(), Secret(nca_password(path)), Reading(file=path.name))
        key = found.keys[0].private_key
        if key.key_type not in {row.key_type for row in GOST_PARAMETERS}:
            continue
        certificate = found.certificates[0].certificate
        assert PrivateKey.of(key.native()).encoded == key.encoded
        assert key.public_key().encoded == certificate.public_key.encoded
        seen.add(key.key_type)
    assert len(seen) == 2


@by_row
def test_a_key_is_read_as_it_was_written(row: SignatureAlgorithm) -> None:
    native = key_of(row)
    written = PrivateKey.of(native)
    assert written.key_type is row.key_type
    again = written.native()
    assert isinstance(again, SigningKey)
    assert again.number == native.number
    public = public_of(row)
    assert (public.key_type, public.bits) == (row.key_type, 8 * native.curve.size)
    assert public.gost.point == native.public().point
    assert der.decode(public.key_octets).octets == public.gost.octets
    with pytest.raises(AlgorithmUnavailable):
        _ = public.native


def spki(row: SignatureAlgorithm, parameters: bytes, octets: bytes) -> PublicKey:
    oid = gost_parameters(row.key_type).key_oid
    identifier = der.sequence(der.object_identifier(oid), parameters)
    return PublicKey(der.sequence(identifier, der.bit_string(octets)))


@by_row
def test_other_parameters_are_unknown_and_other_octets_malformed(row: SignatureAlgorithm) -> None:
    known = gost_parameters(row.key_type)
    octets = public_of(row).key_octets
    for parameters in (
        b"", der.null(), der.object_identifier(known.set_oid),
        der.sequence(der.object_identifier(known.set_oid)),
        der.sequence(der.object_identifier(known.digest_oid), der.object_identifier(known.set_oid)),
        known.encoded[:-1] + b"\x7f",
    ):  # fmt: skip
        with pytest.raises(UnknownAlgorithm):
            spki(row, parameters, octets).verify(b"", b"", algorithm=row)
    point = der.decode(octets).octets
    for wrong in (
        b"",
        point,
        der.octet_string(point + point),
        der.octet_string(b""),
        octets + b"x",
    ):
        with pytest.raises(MalformedPublicKey):
            spki(row, known.encoded, wrong).verify(b"", b"", algorithm=row)


@by_row
def test_numbers_that_are_none_are_no_private_keys(row: SignatureAlgorithm) -> None:
    known = gost_parameters(row.key_type)
    size, q = known.curve.size, known.curve.q

    def info(content: bytes, parameters: bytes = known.encoded) -> PrivateKey:
        identifier = der.sequence(der.object_identifier(known.key_oid), parameters)
        return PrivateKey(der.sequence(der.integer(0), identifier, der.octet_string(content)))

    contents = [b"", b"\x30\x00", der.null(), der.integer(-1), der.integer(0), der.integer(q)]
    contents += [der.octet_string(bytes(n)) for n in (0, size - 1, size, size + 1)]
    contents.append(der.octet_string(q.to_bytes(size, "little")))
    contents.append(der.octet_string(b"\xff" * size))
    for content in contents:
        with pytest.raises(InvalidKey):
            info(content).native()
    with pytest.raises(UnknownAlgorithm):
        info(der.integer(5), der.null()).native()


@settings(max_examples=60, deadline=None)
@given(
    row=st.sampled_from(ROWS),
    at=st.integers(0, 200),
    put=st.binary(max_size=3),
    cut=st.integers(0, 3),
    value=st.binary(max_size=130),
)
@example(row=GOST_2015_512, at=200, put=b"", cut=0, value=bytes(128))
def test_no_octets_of_a_key_or_signature_raise_anything_else(
    row: SignatureAlgorithm, at: int, put: bytes, cut: int, value: bytes
) -> None:
    for encoded, use in (
        (public_of(row).encoded, lambda key: PublicKey(key).verify(value, b"m", algorithm=row)),
        (PrivateKey.of(key_of(row)).encoded, lambda key: PrivateKey(key).native()),
    ):
        changed = encoded[:at] + put + encoded[at + cut :]
        try:
            found = use(changed)
        except EdsError:
            continue
        assert found is False or isinstance(found, SigningKey) or changed == encoded
