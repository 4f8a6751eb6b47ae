"""Streebog and GOST 34.311-95: published answers, another implementation, every back end alike."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eds import gost
from eds.algorithms import DIGESTS, digest_algorithm
from eds.errors import AlgorithmUnavailable
from eds.gost import PURE, Hash, accelerators
from eds.gost.acceleration import (
    DIGEST_CHECKS,
    Accelerators,
    check_digest,
    libgcrypt_digests,
    nettle_digests,
)
from eds.gost.hashing import PURE_DIGESTS

NATIVE = [
    pytest.param(make, name, id=f"{name}-{library}")
    for library, makers in (("nettle", nettle_digests()), ("libgcrypt", libgcrypt_digests()))
    for name, make in makers.items()
]
needs_native = pytest.mark.skipif(not NATIVE, reason="neither nettle nor libgcrypt on this system")

# RFC 6986 §10: the standard prints messages and digests with the last octet first.
M1 = b"012345678901234567890123456789012345678901234567890123456789012"
M2 = bytes.fromhex(
    "fbe2e5f0eee3c820fbeafaebef20fffbf0e1e0f0f520e0ed20e8ece0ebe5f0f2f120fff0eeec20f1"
    "20faf2fee5e2202ce8f6f3ede220e8e6eee1e8f0f2d1202ce8f0f2e5e220e5d1"
)[::-1]
PUBLISHED = [
    (
        "streebog512",
        M1,
        "486f64c1917879417fef082b3381a4e211c324f074654c38823a7b76f830ad00fa1fbae42b1285c0352f227524bc9ab16254288dd6863dccd5b9f54a1ad0541b",
    ),
    ("streebog256", M1, "00557be5e584fd52a449b16b0251d05d27f94ab76cbaa6da890b59d8ef1e159d"),
    (
        "streebog512",
        M2,
        "28fbc9bada033b1460642bdcddb90c3fb3e56c497ccd0f62b8a2ad4935e85f037613966de4ee00531ae60f3b5a47f8dae06915d5f2f194996fcabf2622e6881e",
    ),
    ("streebog256", M2, "508f7e553c06501d749a66fc28c6cac0b005746d97537fa85d9e40904efed29d"),
]
# RFC 5831 §7.3, as the octets lie; the last two are of the Crypto++ and RHash test sets.
OCTETS = [
    (
        b"This is message, length=32 bytes",
        "b1c466d37519b82e8319819ff32595e047a28cb6f83eff1c6916a815a637fffa",
    ),
    (
        b"Suppose the original message has length = 50 bytes",
        "471aba57a60a770d3a76130635c1fbea4ef14de51f78b4ae57dd893b62f55208",
    ),
    (b"", "ce85b99cc46752fffee35cab9a7b0278abb4c2d2055cff685af4912c49490f8d"),
    (b"abc", "f3134348c44fb1b2a277729e2285ebb5cb5e0f29c975bc753b70497c06a4d51d"),
    (b"message digest", "ad4434ecb18f2c99b60cbe59ec3d2469582b65273f48de72db2fde16a4889a4d"),
]


@pytest.mark.parametrize(("name", "message", "digest"), PUBLISHED)
def test_streebog_gives_the_answers_of_its_standard(name: str, message: bytes, digest: str) -> None:
    for using in (PURE, accelerators()):
        assert gost.digest(name, message, using=using)[::-1].hex() == digest


@pytest.mark.parametrize(("message", "digest"), OCTETS)
def test_gost_34311_gives_the_published_answers(message: bytes, digest: str) -> None:
    for using in (PURE, accelerators()):
        assert gost.digest("gost34311", message, using=using).hex() == digest


@pytest.mark.parametrize("name", sorted(PURE_DIGESTS))
def test_the_pure_code_gives_the_answers_that_libraries_are_held_against(name: str) -> None:
    assert check_digest(PURE_DIGESTS[name]) == DIGEST_CHECKS[name]


@settings(max_examples=8, deadline=None)
@given(message=st.binary(max_size=300))
def test_gostcrypto_agrees_on_streebog(message: bytes) -> None:
    gosthash = pytest.importorskip("gostcrypto.gosthash")
    for name in ("streebog256", "streebog512"):
        theirs = gosthash.new(name, data=bytearray(message)).digest()
        assert gost.digest(name, message, using=PURE) == bytes(theirs)


@needs_native
@pytest.mark.parametrize(("make", "name"), NATIVE)
@settings(max_examples=12, deadline=None)
@given(pieces=st.lists(st.binary(max_size=150), max_size=6))
def test_libraries_and_pure_code_agree(
    make: Callable[[], Hash], name: str, pieces: list[bytes]
) -> None:
    ours, theirs = PURE_DIGESTS[name](), make()
    assert (theirs.digest_size, theirs.block_size) == (ours.digest_size, ours.block_size)
    for piece in pieces:
        ours.update(memoryview(piece))
        theirs.update(bytearray(piece))
        assert theirs.digest() == ours.digest()


@pytest.mark.parametrize("using", [PURE, accelerators()], ids=["pure", "system"])
@pytest.mark.parametrize("name", sorted(PURE_DIGESTS))
def test_a_digest_may_be_asked_for_copied_and_gone_on_with(name: str, using: Accelerators) -> None:
    whole = gost.digest(name, b"a" * 100 + b"b" * 77, using=using)
    found = gost.new(name, using=using)
    found.update(b"a" * 100)
    between = found.digest()
    branch = found.copy()
    branch.update(b"c")
    found.update(b"b" * 77)
    assert found.digest() == found.digest() == whole
    assert between == gost.digest(name, b"a" * 100, using=using)
    assert branch.digest() == gost.digest(name, b"a" * 100 + b"c", using=using)
    assert len(whole) == found.digest_size


def test_a_long_message_fits_no_single_piece() -> None:
    message = bytes(range(256)) * 8193  # over two pieces of a megabyte
    for name in sorted(PURE_DIGESTS):
        if accelerators().digest(name) is None:
            continue
        found = gost.new(name)
        found.update(memoryview(message))
        assert found.digest() == gost.digest(name, message)


def test_another_name_is_refused() -> None:
    with pytest.raises(AlgorithmUnavailable):
        gost.new("md5")


def test_every_row_of_the_table_has_a_digest_of_its_size() -> None:
    for row in DIGESTS:
        found = row.new()
        found.update(b"abc")
        assert found.digest() == row.digest(b"abc")
        assert len(found.digest()) == row.size
    assert digest_algorithm("sha256").digest(b"abc") == hashlib.sha256(b"abc").digest()
