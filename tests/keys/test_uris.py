"""Where keys live, as text: the examples of RFC 7512, refusals, and there and back again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eds.errors import MalformedKeyUri
from eds.keys.uris import FileUri, TokenUri, parse_key_uri

# RFC 7512 §3, without the two that carry a PIN.
EXAMPLES = {
    "pkcs11:": TokenUri(),
    "pkcs11:object=my-pubkey;type=public": TokenUri(object="my-pubkey", type="public"),
    "pkcs11:object=my-key;type=private": TokenUri(object="my-key", type="private"),
    "pkcs11:slot-description=Sun%20Metaslot": TokenUri(slot_description="Sun Metaslot"),
    "pkcs11:token=Software%20PKCS%2311%20softtoken;manufacturer=Snake%20Oil,%20Inc.": TokenUri(
        token="Software PKCS#11 softtoken", manufacturer="Snake Oil, Inc."
    ),
    "pkcs11:object=my-sign-key;type=private?module-name=mypkcs11": TokenUri(
        object="my-sign-key", type="private", module_name="mypkcs11"
    ),
    "pkcs11:object=my-sign-key;type=private?module-path=/mnt/libmypkcs11.so.1": TokenUri(
        object="my-sign-key", type="private", module_path="/mnt/libmypkcs11.so.1"
    ),
    "pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;"
    "model=1.0;object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial=": TokenUri(
        token="The Software PKCS#11 Softtoken",
        manufacturer="Snake Oil, Inc.",
        model="1.0",
        object="my-certificate",
        type="cert",
        id=bytes.fromhex("69953e5cf4bdec91"),
        serial="",
    ),
    "pkcs11:token=my%20token%25%20created%20by%20Joe;library-version=3": TokenUri(
        token="my token% created by Joe", library_version="3"
    ),
    "pkcs11:token=A%20name%20with%20a%20substring%20%25%3B;object=my-certificate;type=cert": (
        TokenUri(token="A name with a substring %;", object="my-certificate", type="cert")
    ),
    "pkcs11:token=Name%20with%20a%20small%20A%20with%20acute:%20%C3%A1;object=x;type=cert": (
        TokenUri(token="Name with a small A with acute: á", object="x", type="cert")
    ),
    "pkcs11:token=my-token;object=my-certificate;type=cert;vendor-aaa=value-a": TokenUri(
        token="my-token",
        object="my-certificate",
        type="cert",
        vendor=(("vendor-aaa", "value-a"),),
    ),
    "pkcs11:token=x?vendor-bbb=value-b": TokenUri(token="x"),
}

REFUSED = (
    "",
    "\0",
    "pkcs11:token",
    "pkcs11:token=a;token=b",
    "pkcs11:token=a;",
    "pkcs11:=a",
    "pkcs11:token=%zz",
    "pkcs11:token=%F",
    "pkcs11:token=%FF",
    "pkcs11:token=a\nb",
    "pkcs11:type=key",
    "pkcs11:slot-id=one",
    "pkcs11:slot-id=-1",
    "pkcs11:slot-id=" + "9" * 30,
    "pkcs11:token=a?pin-value=1234",
    "pkcs11:token=a?pin-source=file:/etc/token_pin",
    "pkcs11:token=a;pin-value=1234",
    "pkcs11:token=a;module-path=/x.so",
    "pkcs11:token=a?token=b?c",
    "file:",
    "file://elsewhere/keys",
    "file:/keys?x=1",
    "https://example/keys",
    "~nobody-of-that-name/keys",
)


@pytest.mark.parametrize("text", EXAMPLES)
def test_the_examples_of_the_standard_are_read(text: str) -> None:
    assert parse_key_uri(text) == EXAMPLES[text]
    assert parse_key_uri(text.replace("pkcs11:", "PKCS11:", 1)) == EXAMPLES[text]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_place_for_keys_is_refused(text: str) -> None:
    with pytest.raises(MalformedKeyUri) as caught:
        parse_key_uri(text)
    assert "1234" not in str(caught.value)  # not even a PIN that should not have been there


def test_a_file_is_named_by_uri_or_path() -> None:
    assert parse_key_uri("file:/keys/a%20b") == FileUri(path=Path("/keys/a b"))
    assert parse_key_uri("file:///keys") == FileUri(path=Path("/keys"))
    assert parse_key_uri("file://localhost/keys") == FileUri(path=Path("/keys"))
    assert parse_key_uri("keys/a%20b") == FileUri(path=Path("keys/a%20b"))
    assert str(FileUri(path=Path("/keys/a b"))) == "file:/keys/a%20b"


printable = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
uris = st.builds(
    TokenUri,
    **dict.fromkeys(
        (
            *("token", "manufacturer", "serial", "model", "object", "library_manufacturer"),
            *("library_version", "library_description", "slot_manufacturer"),
            *("slot_description", "module_name", "module_path"),
        ),
        st.none() | printable,
    ),
    type=st.none() | st.sampled_from(("public", "private", "cert", "secret-key", "data")),
    id=st.none() | st.binary(max_size=20),
    slot_id=st.none() | st.integers(0, 2**64 - 1),
    vendor=st.just(()) | printable.map(lambda text: (("vendor-aaa", text),)),
)


@given(uris)
def test_what_is_written_is_read_back(uri: TokenUri) -> None:
    assert parse_key_uri(str(uri)) == uri


@given(printable)
def test_a_path_comes_back(name: str) -> None:
    path = Path("/keys") / name.replace("/", "")
    assert parse_key_uri(str(FileUri(path=path))) == FileUri(path=path)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    for candidate in (text, "pkcs11:" + text, "file:" + text):
        try:
            place = parse_key_uri(candidate)
        except MalformedKeyUri:
            continue
        if isinstance(place, TokenUri):
            assert parse_key_uri(str(place)) == place
