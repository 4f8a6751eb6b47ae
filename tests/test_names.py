"""Names: text, comparison, writing, and the people and organisations behind them."""

from __future__ import annotations

import contextlib

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from eds import der, names
from eds.errors import MalformedName, NameRefused
from eds.names import Name, NameAttribute, prepare

NUMBER = "123456789011"
SUBJECT = (
    (names.COUNTRY, "KZ"),
    (names.COMMON_NAME, "Тестов, Тест"),
    (names.SERIAL_NUMBER, f"PNOKZ-{NUMBER}"),
)


def test_text_has_the_last_rdn_first_and_escapes_what_separates() -> None:
    assert Name.build(SUBJECT).rfc4514 == f"serialNumber=PNOKZ-{NUMBER},CN=Тестов\\, Тест,C=KZ"


# RFC 4514 §4
@pytest.mark.parametrize(
    ("text", "attributes"),
    [
        (
            "UID=jsmith,DC=example,DC=net",
            [("DC", "net"), ("DC", "example"), ("UID", "jsmith")],
        ),
        (r"CN=James \"Jim\" Smith\, III", [("CN", 'James "Jim" Smith, III')]),
        (r"CN=Lu\C4\8Di\C4\87", [("CN", "Lučić")]),
        ("1.3.6.1.4.1.1466.0=#04024869", [("1.3.6.1.4.1.1466.0", "#04024869")]),
        (r"CN=\#1\=2\+3", [("CN", "#1=2+3")]),
        ("  cn = Anna Berg  , o=X ", [("O", "X"), ("CN", "Anna Berg")]),
        ("", []),
    ],
)
def test_text_is_parsed_as_rfc4514_says(text: str, attributes: list[tuple[str, str]]) -> None:
    name = Name.parse(text)
    assert [(part.type_name, part.text) for part in name.attributes] == attributes
    assert Name.parse(name.rfc4514) == name


def test_rdn_of_two_attributes() -> None:
    name = Name.parse("OU=Sales+CN=J.  Smith,DC=example,DC=net")
    assert [len(rdn) for rdn in name.rdns] == [1, 1, 2]
    assert name.matches(Name.parse("CN=j. smith+OU=SALES,DC=Example,DC=net"))
    assert not name.matches(Name.parse("CN=J. Smith,OU=Sales,DC=example,DC=net"))


@pytest.mark.parametrize(
    "text",
    [
        *("CN", "CN=a,", "=a", "nonsense=a", r"CN=a\x", "CN=a;O=b", 'CN="a"', r"CN=\FF", "CN="),
        *("C=Kazakhstan", "C=kz", "CN=" + "x" * 65, "CN=a\u202eb", r"CN=a\00b", r"CN=\ a"),
        *("serialNumber=№1", "DC=ж", "2.999.1=#0402", "9.9.9=a", "CN=#zz+", "1.2=" + "a" * 70000),
    ],
)
def test_text_that_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(NameRefused):
        Name.parse(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Acme", "ACME"),
        ("  Acme   Ltd ", "acme ltd"),
        ("Straße", "STRASSE"),
        ("ＡＢＣ", "abc"),
        ("Тест", "ТЕСТ"),
        ("soft\u00adhyphen", "softhyphen"),
        ("a\tb", "a b"),
        ("e\u0301", "É"),
    ],
)
def test_case_spaces_and_forms_do_not_count(one: str, other: str) -> None:
    assert prepare(one) == prepare(other)


@pytest.mark.parametrize(("one", "other"), [("ab", "a b"), ("a", "а"), ("İ", "ı"), ("1", "l")])
def test_letters_that_only_look_alike_differ(one: str, other: str) -> None:
    assert prepare(one) != prepare(other)


def test_string_type_does_not_count_in_a_comparison() -> None:
    def name(tag: int) -> Name:
        attribute = der.sequence(der.object_identifier("2.5.4.3"), der.value(tag, b"Acme"))
        return Name(der.sequence(der.set_of(attribute)))

    assert name(der.UTF8_STRING) != name(der.PRINTABLE_STRING)
    assert name(der.UTF8_STRING).matches(name(der.PRINTABLE_STRING))
    assert not name(der.UTF8_STRING).matches(name(der.OCTET_STRING))


def test_subtree_holds_names_that_begin_with_it() -> None:
    base = Name.parse("O=Acme,C=KZ")
    assert Name.parse("CN=a,O=ACME,C=KZ").is_within(base)
    assert base.is_within(base)
    assert not Name.parse("C=KZ").is_within(base)
    assert not Name.parse("O=Acme,CN=a,C=KZ").is_within(base)


def test_long_texts_are_read_but_not_written() -> None:
    attribute = der.sequence(der.object_identifier("2.5.4.3"), der.utf8_string("x" * 200))
    assert Name(der.sequence(der.set_of(attribute))).values(names.COMMON_NAME) == ("x" * 200,)
    with pytest.raises(NameRefused) as refused:
        Name.build([(names.COMMON_NAME, "x" * 200)])
    assert (refused.value.code, refused.value.attribute) == ("names.refused", "CN")


def test_value_that_is_no_string_stays_readable() -> None:
    attribute = der.sequence(der.object_identifier("2.5.4.45"), der.bit_string(b"\x01"))
    name = Name(der.sequence(der.set_of(attribute)))
    assert name.attributes == (NameAttribute("2.5.4.45", "#03020001", der.BIT_STRING),)
    assert name.rfc4514 == "2.5.4.45=#03020001"
    assert Name.parse(name.rfc4514) == name


def test_nothing_personal_shows_by_accident() -> None:
    name = Name.build(SUBJECT)
    shown = f"{name}{name!r}{name.attributes}{name.rdns}"
    assert NUMBER not in shown
    assert "Тест" not in shown


@given(
    st.lists(
        st.tuples(
            st.sampled_from([row.oid for row in names.ATTRIBUTE_TYPES] + ["2.999.7"]),
            st.text(max_size=20),
        ),
        max_size=5,
    )
)
def test_what_can_be_written_is_read_the_same_everywhere(pairs: list[tuple[str, str]]) -> None:
    try:
        name = Name.build(pairs)
    except NameRefused:
        return
    assert [(part.oid, part.text) for part in name.attributes] == pairs
    assert Name.parse(name.rfc4514) == name
    theirs = x509.Name(
        [x509.NameAttribute(x509.ObjectIdentifier(oid), text) for oid, text in pairs]
    )
    again = Name(theirs.public_bytes())
    assert again.matches(name)


@given(st.text(max_size=40))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        name = Name.parse(text)
    except NameRefused:
        return
    assert Name.parse(name.rfc4514).matches(name)


def prepared_from_rdns(name: Name) -> object:
    return tuple(
        tuple(sorted((one.oid, prepare(one.text) if one.is_string else one.text) for one in rdn))
        for rdn in name.rdns
    )


SHORT = Name.build(
    [(names.COUNTRY, "KZ"), (names.ORGANIZATION, "Ёжик Ltd"), (names.COMMON_NAME, "CA")]
)


@given(st.lists(st.tuples(st.integers(0, len(SHORT.encoded) - 1), st.integers(0, 255)), max_size=3))
def test_a_name_read_in_place_is_the_one_its_rdns_give(changes: list[tuple[int, int]]) -> None:
    encoded = bytearray(SHORT.encoded)
    for place, octet in changes:
        encoded[place] = octet
    try:
        expected = prepared_from_rdns(Name(bytes(encoded)))
    except MalformedName:
        with pytest.raises(MalformedName):
            _ = Name(bytes(encoded)).prepared
    else:
        assert Name(bytes(encoded)).prepared == expected


@given(st.binary(max_size=80))
def test_any_bytes_are_a_name_or_malformed(data: bytes) -> None:
    name = Name(b"0" + bytes((len(data),)) + data)
    with contextlib.suppress(MalformedName):
        _ = name.rdns, name.rfc4514, name.matches(name), name.is_within(Name(b"0\0"))
