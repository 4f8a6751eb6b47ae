"""SignedData: read as asn1crypto reads it, with every part a slice of the input."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import pytest
from asn1crypto import cms
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import ber, der
from eds.errors import EdsError, LimitExceeded, MalformedDer, MalformedSignedData
from eds.signeddata import DATA as DATA_TYPE
from eds.signeddata import SignedData, SignerInfo
from eds.tolerances import CONSTRUCTED_STRING, INDEFINITE_LENGTH, NON_MINIMAL_LENGTH
from tests.material import DATA, needs_data

SHA256 = der.sequence(der.object_identifier("2.16.840.1.101.3.4.2.1"), der.null())
SID = der.sequence(der.sequence(), der.integer(7))


def attribute(oid: str, *values: bytes) -> bytes:
    return der.sequence(der.object_identifier(oid), der.value(der.SET, *values))


def signer_info(*, version: int = 1, sid: bytes = SID, rest: tuple[bytes, ...] = ()) -> bytes:
    signed = der.value(
        der.context(0),
        attribute("1.2.840.113549.1.9.3", der.object_identifier(DATA_TYPE)),
        attribute("1.2.840.113549.1.9.4", der.octet_string(bytes(32))),
    )
    parts = (der.integer(version), sid, SHA256, signed, SHA256, der.octet_string(b"signature"))
    return der.sequence(*parts, *rest)


def signed_data(*infos: bytes, content: bytes | None = None, sets: tuple[bytes, ...] = ()) -> bytes:
    inside = () if content is None else (der.explicit(0, content),)
    encapsulated = der.sequence(der.object_identifier(DATA_TYPE), *inside)
    body = der.sequence(
        *(der.integer(1), der.set_of(SHA256), encapsulated, *sets, der.value(der.SET, *infos))
    )
    return der.sequence(der.object_identifier("1.2.840.113549.1.7.2"), der.explicit(0, body))


@cache
def messages() -> dict[str, bytes]:
    paths = (
        *sorted((DATA / "dss-cades/files").rglob("*.p7*")),
        *sorted((DATA / "dss-cades/files").rglob("*.pkcs7")),
        *sorted((DATA / "kz/cms").glob("*.der")),
    )
    found = {path.name: path.read_bytes() for path in paths}
    return {name: data for name, data in found.items() if data[:1] == b"0"}


@pytest.mark.untraced
@needs_data
def test_what_is_read_is_what_asn1crypto_reads() -> None:
    read = 0
    for name, data in messages().items():
        try:
            ours = SignedData(data)
        except MalformedSignedData:
            continue
        theirs = cms.ContentInfo.load(ber.to_der(data).encoded)["content"]
        content = theirs["encap_content_info"]["content"]
        assert ours.content_type == theirs["encap_content_info"]["content_type"].dotted, name
        assert ours.is_detached is (content.native is None), name
        if content.native is not None:
            assert ours.content == content.contents, name
        assert ours.version == int(theirs["version"]), name
        certificates = [one.dump() for one in theirs["certificates"] or ()]
        assert list(ours.certificates_encoded) == certificates, name
        assert len(ours.signer_infos) == len(theirs["signer_infos"])
        for mine, other in zip(ours.signer_infos, theirs["signer_infos"], strict=True):
            assert mine.encoded == other.dump()
            assert mine.signature == other["signature"].native
            assert mine.digest_algorithm == other["digest_algorithm"].dump()
            assert mine.signature_algorithm == other["signature_algorithm"].dump()
            signed = other["signed_attrs"]
            assert [one.encoded for one in mine.signed_attributes or ()] == [
                one.dump() for one in signed
            ]
            assert [one.encoded for one in mine.unsigned_attributes] == [
                one.dump() for one in other["unsigned_attrs"]
            ]
            if mine.issuer_and_serial_number is not None:
                number = other["sid"].chosen["serial_number"].native
                assert mine.issuer_and_serial_number[1] == number
            read += 1
    assert read >= 40


def test_signed_attributes_keep_their_octets_and_take_the_tag_of_a_set() -> None:
    info = SignedData(signed_data(signer_info())).signer_infos[0]
    assert info.signed_attributes_encoded is not None
    assert info.signed_attributes_encoded[:1] == b"\x31"
    assert info.signed_attributes_encoded[1:] in info.encoded
    assert [one.oid for one in info.signed_attributes or ()] == [
        *("1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4")
    ]
    assert (info.signed_attributes or ())[1].value().octets == bytes(32)


def test_signer_named_by_key_identifier() -> None:
    sid = der.value(der.context(0, constructed=False), b"key")
    info = SignerInfo(signer_info(version=3, sid=sid))
    assert (info.subject_key_identifier, info.issuer_and_serial_number) == (b"key", None)
    other = SignerInfo(signer_info())
    assert other.subject_key_identifier is None
    assert other.issuer_and_serial_number is not None
    assert other.issuer_and_serial_number[1] == 7


def test_what_stands_before_unsigned_attributes_stays_when_one_is_added() -> None:
    plain = SignerInfo(signer_info())
    added = der.value(der.context(1), attribute("1.2.3", der.null()))
    grown = SignerInfo(signer_info(rest=(added,)))
    assert plain.before_unsigned_attributes == grown.before_unsigned_attributes
    assert der.sequence(plain.before_unsigned_attributes) == plain.encoded
    assert [one.oid for one in grown.unsigned_attributes] == ["1.2.3"]


def test_attribute_of_several_values_has_no_single_one() -> None:
    added = der.value(der.context(1), attribute("1.2.3", der.null(), der.null()), attribute("1.2"))
    several, none = SignerInfo(signer_info(rest=(added,))).unsigned_attributes
    assert len(several.values) == 2
    for one in (several, none):
        with pytest.raises(MalformedDer):
            one.value()


def test_content_that_is_no_octet_string_is_refused_when_read() -> None:
    old = SignedData(signed_data(signer_info(), content=der.sequence(der.integer(1))))
    with pytest.raises(MalformedSignedData):
        _ = old.content
    assert not old.is_detached


def test_ber_of_a_stream_reads_as_the_same_and_is_named() -> None:
    plain = SignedData(signed_data(signer_info(), content=der.octet_string(b"owed: 10")))
    oid, wrapped = der.decode(plain.encoded).children()
    version, digests, _, infos = wrapped.only_child().children()
    pieces = b"\x24\x80" + der.octet_string(b"owed") + der.octet_string(b": 10") + b"\0\0"
    content = b"\x30\x80" + der.object_identifier(DATA_TYPE) + b"\xa0\x80" + pieces + b"\0\0\0\0"
    body = version.encoded + digests.encoded + content + infos.encoded
    read = SignedData(b"\x30\x80" + oid.encoded + b"\xa0\x80\x30\x80" + body + b"\0\0" * 3)
    assert (read.content, plain.content) == (b"owed: 10", b"owed: 10")
    assert read.signer_infos == plain.signer_infos
    assert read.tolerances == {INDEFINITE_LENGTH, CONSTRUCTED_STRING}
    assert plain.tolerances == frozenset()
    inside = der.decode(plain.encoded).octets
    padded = SignedData(b"\x30\x83" + len(inside).to_bytes(3) + inside)
    assert padded.tolerances == {NON_MINIMAL_LENGTH}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0\0",
        b"0\x80\0\0",
        signed_data(signer_info()) + b"\0",
        signed_data(signer_info())[:-1],
        signed_data(signer_info(), sets=(der.integer(1),)),
        signed_data(signer_info(), content=der.octet_string(b"") * 2),
        signed_data(signer_info()).replace(b"\x02\x01\x01", b"\x02\x01\x06", 1),
        der.sequence(der.object_identifier(DATA_TYPE), der.explicit(0, der.octet_string(b""))),
    ],
)
def test_bytes_that_are_no_signed_data_are_malformed(data: bytes) -> None:
    with pytest.raises(MalformedSignedData):
        SignedData(data)


@pytest.mark.parametrize(
    "info",
    [
        der.sequence(),
        signer_info(version=9),
        signer_info(sid=der.integer(1)),
        signer_info(rest=(der.null(),)),
        signer_info(rest=(der.value(der.context(1)), der.null())),
        signer_info() + b"\0",
    ],
)
def test_signer_that_is_none_is_malformed(info: bytes) -> None:
    with pytest.raises(MalformedSignedData):
        SignerInfo(info)


def test_more_than_the_limit_is_not_looked_at() -> None:
    with pytest.raises(LimitExceeded):
        SignedData(b"0" * (64 * 1024 * 1024 + 1))
    with pytest.raises((LimitExceeded, MalformedSignedData)):
        _ = SignedData(signed_data(*[signer_info()] * 1001)).signer_infos


@needs_data
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_messages_raise_only_errors_of_this_library(data: st.DataObject) -> None:
    pool = [one for one in messages().values() if len(one) < 40_000]
    encoded = bytearray(data.draw(st.sampled_from(pool)))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(encoded) - 1))
        encoded[place] = data.draw(st.integers(0, 255))
    try:
        found = SignedData(bytes(encoded))
    except EdsError:
        return
    values: list[SignedData | SignerInfo] = [found]
    with suppress(EdsError):
        values += found.signer_infos
    for value in values:
        for name in sorted(set(dir(type(value))) - set(dir(object)) - {"load", "load_all"}):
            if not name.startswith("_"):
                with suppress(EdsError):
                    _ = getattr(value, name)
