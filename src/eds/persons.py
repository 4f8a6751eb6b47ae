"""Natural and legal persons as certificates name them (ETSI EN 319 412-1, -2, -3).

A person is read from a name and written to one; which attributes a country asks for, and how
its identity numbers are checked, is the country's business. Identifiers and names of people
never show in a repr or an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Self

from eds import names
from eds.errors import MalformedName, NameRefused
from eds.names import Name

# The semantics identifiers that a qcStatement names (EN 319 412-1 §5.1.1).
SEMANTICS_NATURAL: Final = "0.4.0.194121.1.1"
SEMANTICS_LEGAL: Final = "0.4.0.194121.1.2"

# Identity type references of EN 319 412-1 §5.1.3 and §5.1.4.
NATURAL_SCHEMES: Final = frozenset({"PAS", "IDC", "PNO", "TAX", "TIN"})
LEGAL_SCHEMES: Final = frozenset({"VAT", "NTR", "PSD", "LEI"})

_SEMANTICS: Final = re.compile(r"([A-Z]{3}|[A-Z]{2}:)([A-Z]{2})-(.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class SemanticsIdentifier:
    """An identifier that says what it is: scheme, country, number (EN 319 412-1 §5.1).

    `scheme` is three letters, or two and a colon for a scheme that a country made ("EI:");
    `country` is ISO 3166-1 alpha-2 (XG where it is global). Raises NameRefused.
    """

    scheme: str
    country: str
    number: str = field(repr=False)

    def __post_init__(self) -> None:
        found = _SEMANTICS.fullmatch(self.text)
        if found is None or found.groups() != (self.scheme, self.country, self.number):
            raise NameRefused(attribute="identifier", reason="not in the form of EN 319 412-1 §5.1")
        if not self.is_natural and not self.is_legal:
            raise NameRefused(attribute="identifier", reason="no such identity type")

    @classmethod
    def parse(cls, text: str) -> Self:
        """`PNOKZ-…`, `PASUZ-…`, `NTRKZ-…`, `LEIXG-…` Raises NameRefused."""
        found = _SEMANTICS.fullmatch(text)
        if found is None:
            raise NameRefused(attribute="identifier", reason="not in the form of EN 319 412-1 §5.1")
        return cls(scheme=found[1], country=found[2], number=found[3])

    @property
    def text(self) -> str:
        """The identifier as it stands in a name. It may be a personal number."""
        return f"{self.scheme}{self.country}-{self.number}"

    @property
    def is_natural(self) -> bool:
        """Whether it can name a person; a country's own scheme can name either."""
        return self.scheme in NATURAL_SCHEMES or self.scheme[-1:] == ":"

    @property
    def is_legal(self) -> bool:
        """Whether it can name an organisation; a country's own scheme can name either."""
        return self.scheme in LEGAL_SCHEMES or self.scheme[-1:] == ":"


@dataclass(frozen=True, slots=True, kw_only=True)
class NaturalPerson:
    """A person as the subject of a certificate (EN 319 412-2 §4.2.4).

    There is a surname, a given name or both, or else a pseudonym. `serial_number` is the
    attribute of that name: what tells this person from others, often a semantics identifier.
    Raises NameRefused.
    """

    common_name: str = field(repr=False)
    country: str
    surname: str | None = field(default=None, repr=False)
    given_name: str | None = field(default=None, repr=False)
    pseudonym: str | None = field(default=None, repr=False)
    serial_number: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        named = self.surname is not None or self.given_name is not None
        if named is (self.pseudonym is not None):
            raise NameRefused(
                attribute="name", reason="either surname and given name, or a pseudonym"
            )
        _ = self.name

    @property
    def name(self) -> Name:
        """The X.501 name, in the order of EN 319 412-2's examples."""
        return _name(
            (names.COUNTRY, self.country),
            (names.COMMON_NAME, self.common_name),
            (names.SURNAME, self.surname),
            (names.GIVEN_NAME, self.given_name),
            (names.PSEUDONYM, self.pseudonym),
            (names.SERIAL_NUMBER, self.serial_number),
        )

    @classmethod
    def of(cls, name: Name) -> Self:
        """The person that `name` names, other attributes passed over.

        Raises MalformedName where it names no natural person, or two.
        """
        try:
            return cls(
                common_name=_one(name, names.COMMON_NAME) or "",
                country=_one(name, names.COUNTRY) or "",
                surname=_one(name, names.SURNAME),
                given_name=_one(name, names.GIVEN_NAME),
                pseudonym=_one(name, names.PSEUDONYM),
                serial_number=_one(name, names.SERIAL_NUMBER),
            )
        except NameRefused as error:
            raise MalformedName(reason=f"not a natural person: {error}") from error

    @property
    def identifier(self) -> SemanticsIdentifier | None:
        """The serial number, where it is a semantics identifier of a natural person."""
        found = _identifier(self.serial_number)
        return found if found is not None and found.is_natural else None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalPerson:
    """An organisation as the subject of a certificate (EN 319 412-3 §4.2.1).

    `organization_identifier` differs from its name: a semantics identifier, or what the
    country prescribes. Raises NameRefused.
    """

    organization_name: str
    organization_identifier: str
    country: str
    common_name: str | None = None

    def __post_init__(self) -> None:
        _ = self.name

    @property
    def name(self) -> Name:
        """The X.501 name; the common name is the organisation's where none is given."""
        return _name(
            (names.COUNTRY, self.country),
            (names.ORGANIZATION, self.organization_name),
            (names.ORGANIZATION_IDENTIFIER, self.organization_identifier),
            (names.COMMON_NAME, self.common_name or self.organization_name),
        )

    @classmethod
    def of(cls, name: Name) -> Self:
        """The organisation that `name` names, other attributes passed over.

        Raises MalformedName where it names no organisation, or two.
        """
        try:
            return cls(
                organization_name=_one(name, names.ORGANIZATION) or "",
                organization_identifier=_one(name, names.ORGANIZATION_IDENTIFIER) or "",
                country=_one(name, names.COUNTRY) or "",
                common_name=_one(name, names.COMMON_NAME),
            )
        except NameRefused as error:
            raise MalformedName(reason=f"not a legal person: {error}") from error

    @property
    def identifier(self) -> SemanticsIdentifier | None:
        """The organisation identifier, where it is a semantics identifier of a legal person."""
        found = _identifier(self.organization_identifier)
        return found if found is not None and found.is_legal else None


def _name(*attributes: tuple[str, str | None]) -> Name:
    return Name.build((oid, text) for oid, text in attributes if text is not None)


def _one(name: Name, oid: str) -> str | None:
    found = name.values(oid)
    if len(found) > 1:
        raise NameRefused(attribute=oid, reason="stands there more than once")
    return found[0] if found else None


def _identifier(text: str | None) -> SemanticsIdentifier | None:
    try:
        return None if text is None else SemanticsIdentifier.parse(text)
    except NameRefused:
        return None
