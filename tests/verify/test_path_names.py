"""Name constraints, form by form (RFC 5280 §4.2.1.10)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from eds import der
from eds.verify.path import prove
from eds.verify.policy import BASIC
from eds.verify.trust import Purpose

from .chains import NOON, house, make, make_authority

DNS = x509.DNSName
MAIL = x509.RFC822Name._init_without_validation  # odd addresses too
URI = x509.UniformResourceIdentifier


def IP(text: str) -> x509.IPAddress:  # noqa: N802 - a form of name like the others
    return x509.IPAddress(ipaddress.ip_network(text) if "/" in text else ipaddress.ip_address(text))


def DN(*pairs: tuple[x509.ObjectIdentifier, str]) -> x509.DirectoryName:  # noqa: N802
    return x509.DirectoryName(x509.Name([x509.NameAttribute(*pair) for pair in pairs]))


KZ = (NameOID.COUNTRY_NAME, "KZ")
ORG = (NameOID.ORGANIZATION_NAME, "Example")
OTHER = x509.OtherName(x509.ObjectIdentifier("1.2.3.4"), b"\x0c\x01a")
MAILBOX = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.5.5.7.8.9"), b"\x0c\x03a@b")


def broken(
    *names: x509.GeneralName,
    permitted: Sequence[x509.GeneralName] | None = None,
    excluded: Sequence[x509.GeneralName] | None = None,
    subject: x509.Name | str = "somebody",
) -> str | None:
    """The rule broken by a certificate of these names under an authority so constrained."""
    constraints = x509.NameConstraints(permitted, excluded)
    authority = make_authority("limited", by=house().root, extensions=[(constraints, True)])
    alternatives = [(x509.SubjectAlternativeName(names), True)] if names else []
    certificate = make(subject, by=authority, key_name="somebody", extensions=alternatives)
    result = prove(
        certificate.certificate,
        trust=house().trust,
        purpose=Purpose.ANY,
        at=NOON,
        policy=BASIC,
        certificates=[authority.certificate],
    )
    return None if result.sub_indication is None else result.findings[0].code


@pytest.mark.parametrize(
    ("base", "inside", "outside"),
    [
        (DNS("example.kz"), DNS("example.kz"), DNS("example.org")),
        (DNS("example.kz"), DNS("a.b.EXAMPLE.kz"), DNS("badexample.kz")),
        (DNS("example.kz"), DNS("*.example.kz"), DNS("*.kz")),
        (MAIL("a@example.kz"), MAIL("a@EXAMPLE.kz"), MAIL("A@example.kz")),
        (MAIL("example.kz"), MAIL("b@example.kz"), MAIL("b@mail.example.kz")),
        (MAIL(".example.kz"), MAIL("b@mail.example.kz"), MAIL("b@example.kz")),
        (URI("example.kz"), URI("https://example.kz/a"), URI("https://a.example.kz/")),
        (URI(".example.kz"), URI("ldap://a.example.kz:389"), URI("https://example.kz")),
        (URI("example.kz"), URI("https://user@example.kz"), URI("https://example.kz@evil.org")),
        (IP("10.1.0.0/16"), IP("10.1.2.3"), IP("10.2.2.3")),
        (IP("2001:db8::/32"), IP("2001:db8::1"), IP("2001:db9::1")),
        (IP("0.0.0.0/0"), IP("10.1.2.3"), IP("::1")),
        (DN(KZ), DN(KZ, ORG), DN(ORG, KZ)),
    ],
)
def test_permitted_holds_what_lies_within_and_excluded_the_rest(
    base: x509.GeneralName, inside: x509.GeneralName, outside: x509.GeneralName
) -> None:
    subject = x509.Name([x509.NameAttribute(*KZ)])
    assert broken(inside, permitted=[base], subject=subject) is None
    assert broken(outside, permitted=[base], subject=subject) == "path.name_constraints"
    if isinstance(base, x509.DirectoryName):
        subject = x509.Name([x509.NameAttribute(*ORG)])
    assert broken(inside, excluded=[base], subject=subject) == "path.name_constraints"
    if outside != DNS("*.kz"):  # a wildcard that reaches into what is excluded
        assert broken(outside, excluded=[base], subject=subject) is None


def test_wildcard_that_reaches_into_an_excluded_subtree_is_refused() -> None:
    assert broken(DNS("*.kz"), excluded=[DNS("example.kz")]) == "path.name_constraints"


def test_forms_without_a_constraint_are_free() -> None:
    assert broken(MAIL("a@example.org"), permitted=[DNS("example.kz")]) is None
    assert broken(OTHER, DNS("example.kz"), permitted=[DNS("example.kz")]) is None
    assert broken(permitted=[DNS("example.kz")]) is None


def test_exclusion_goes_before_permission() -> None:
    limits = {"permitted": [DNS("kz")], "excluded": [DNS("bad.kz")]}
    assert broken(DNS("good.kz"), **limits) is None  # type: ignore[arg-type]
    assert broken(DNS("bad.kz"), **limits) == "path.name_constraints"  # type: ignore[arg-type]


def test_every_name_must_lie_within() -> None:
    found = broken(DNS("a.kz"), DNS("a.org"), permitted=[DNS("kz")])
    assert found == "path.name_constraints"


def test_empty_base_holds_every_host() -> None:
    """So an authority for people says that it never certifies a server."""
    assert broken(DNS("a.kz"), excluded=[DNS("")]) == "path.name_constraints"


def test_address_in_the_subject_is_under_constraints_on_addresses() -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.EMAIL_ADDRESS, "a@example.org")])
    limits = [MAIL("example.kz")]
    assert broken(subject=subject, permitted=limits) == "path.name_constraints"
    assert broken(subject=subject, permitted=[MAIL("example.org")]) is None
    # Where an alternative name gives the address, that one counts (RFC 5280 §4.2.1.10).
    assert broken(MAIL("a@example.kz"), subject=subject, permitted=limits) is None


@pytest.mark.parametrize(
    ("base", "name"),
    [
        (OTHER, OTHER),
        (x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),) * 2,
        (MAIL("example.kz"), MAILBOX),
    ],
)
def test_forms_that_are_not_understood_are_refused_under_a_constraint(
    base: x509.GeneralName, name: x509.GeneralName
) -> None:
    assert broken(name, permitted=[base]) == "path.name_constraints"
    assert broken(name, excluded=[base]) == "path.name_constraints"


@pytest.mark.parametrize(
    ("base", "name"),
    [
        (MAIL("example.kz"), MAIL('"a b"@example.kz')),
        (MAIL("example.kz"), MAIL("a@b@example.kz")),
        (MAIL("example.kz"), MAIL("@example.kz")),
        (MAIL("example.kz"), MAIL("example.kz")),
        (URI("example.kz"), URI("urn:uuid:example.kz")),
        (URI("example.kz"), URI("https://127.0.0.1/")),
        (URI("example.kz"), URI("https://[::1]/")),
        (URI("example.kz"), URI("https://[example.kz/")),
        (DNS("example.kz"), DNS(".example.kz")),
        (DNS("example.kz"), DNS("a b.example.kz")),
        (DNS("example.kz"), DNS("a..example.kz")),
        (DNS("example.kz"), DNS("*a.example.kz")),
        (DNS("example.kz"), DNS("example.kz.")),
    ],
)
def test_name_that_makes_no_sense_is_refused_under_a_constraint(
    base: x509.GeneralName, name: x509.GeneralName
) -> None:
    assert broken(name, permitted=[base]) == "path.name_constraints"
    assert broken(name, excluded=[base]) == "path.name_constraints"


@pytest.mark.parametrize(
    "base", [DNS(".example.kz"), DNS("a..kz"), MAIL("a b"), MAIL("@"), URI("https://a.kz")]
)
def test_constraint_that_makes_no_sense_refuses_everything(base: x509.GeneralName) -> None:
    assert broken(excluded=[base]) == "path.name_constraints"


@pytest.mark.parametrize(
    "subtree",
    [
        der.sequence(der.value(0x87, bytes.fromhex("0a000000ff00ff00"))),  # a mask with a hole
        der.sequence(der.value(0x87, bytes.fromhex("0a000000ff0000"))),
        der.sequence(der.value(0x82, b"kz"), der.value(0x80, b"\x01")),  # a minimum
        der.sequence(der.value(0x82, b"kz"), der.value(0x81, b"\x01")),  # a maximum
    ],
)
def test_constraint_that_nobody_should_write_refuses_everything(subtree: bytes) -> None:
    constraints = x509.UnrecognizedExtension(
        x509.ObjectIdentifier("2.5.29.30"), der.sequence(der.value(0xA1, subtree))
    )
    authority = make_authority("limited", by=house().root, extensions=[(constraints, True)])
    result = prove(
        make("somebody", by=authority).certificate,
        trust=house().trust,
        purpose=Purpose.ANY,
        at=NOON,
        policy=BASIC,
        certificates=[authority.certificate],
    )
    assert result.findings[0].code == "path.name_constraints"


def test_constraints_of_all_authorities_hold_together() -> None:
    wide = x509.NameConstraints([DNS("kz")], None)
    narrow = x509.NameConstraints([DNS("example.kz"), DNS("example.org")], None)
    first = make_authority("first", by=house().root, extensions=[(wide, True)])
    second = make_authority("second", by=first, extensions=[(narrow, True)])

    def passes(host: str) -> bool:
        names = x509.SubjectAlternativeName([DNS(host)])
        certificate = make("somebody", by=second, extensions=[(names, False)])
        result = prove(
            certificate.certificate,
            trust=house().trust,
            purpose=Purpose.ANY,
            at=NOON,
            policy=BASIC,
            certificates=[first.certificate, second.certificate],
        )
        return result.sub_indication is None

    assert [host for host in ("a.example.kz", "b.kz", "example.org") if passes(host)] == [
        "a.example.kz"
    ]


def test_self_issued_authority_is_free_of_constraints_on_names() -> None:
    constraints = x509.NameConstraints([DN(ORG)], None)
    limited = make_authority("limited", by=house().root, extensions=[(constraints, True)])
    renewed = make_authority("limited", by=limited, key_name="limited's new key")
    subject = x509.Name([x509.NameAttribute(*ORG)])
    result = prove(
        make(subject, by=renewed, key_name="somebody").certificate,
        trust=house().trust,
        purpose=Purpose.ANY,
        at=NOON,
        policy=BASIC,
        certificates=[limited.certificate, renewed.certificate],
    )
    assert result.sub_indication is None
