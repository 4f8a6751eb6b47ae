"""People as the desk knows them: what a register says of them, and keyed pseudonyms.

Personal numbers have about 10⁹ plausible values, so a bare hash of one is no secret: indexes,
logs and audit records hold HMAC-SHA-256 under a key that the caller keeps.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from typing import Final

from ..errors import InvalidArgument

_KEY_OCTETS: Final = 32


class Pseudonyms:
    """Names of people, papers and telephones that tell nothing without the key (32 octets or more).

    `version` names the key; it stands before each pseudonym, so that a new key can come. Raises
    InvalidArgument for a short key.
    """

    __slots__ = ("_key", "_version")

    def __init__(self, key: bytes, *, version: str = "1") -> None:
        if len(key) < _KEY_OCTETS:
            raise InvalidArgument(argument="key", reason=f"{_KEY_OCTETS} octets are wanted")
        self._key = key
        self._version = version

    def person(self, personal_number: str) -> str:
        """Of a natural person, by the number a state gave."""
        return self._of("person", personal_number)

    def document(self, country: str, number: str) -> str:
        """Of a travel or identity document."""
        return self._of("document", f"{country}\0{number}")

    def organisation(self, number: str) -> str:
        """Of a legal entity, whose number may look like a person's."""
        return self._of("organisation", number)

    def contact(self, address: str) -> str:
        """Of a telephone number or another address."""
        return self._of("contact", address)

    def device(self, identifier: str) -> str:
        """Of the device that an application came from."""
        return self._of("device", identifier)

    def key_of(self, use: str) -> bytes:
        """A key of 32 octets for another use, such as codes."""
        return self._mac("key", use)

    def code(self, application: str, purpose: str, salt: bytes, code: str) -> bytes:
        """A digest of something short that was said: without the key it cannot be guessed."""
        return self._mac("code", f"{application}\0{purpose}\0{salt.hex()}\0{code}")

    def _of(self, kind: str, text: str) -> str:
        return f"{self._version}:{self._mac(kind, text).hex()}"

    def _mac(self, kind: str, text: str) -> bytes:
        return hmac.new(self._key, f"eds.enroll\0{kind}\0{text}".encode(), hashlib.sha256).digest()

    def __repr__(self) -> str:
        return "<Pseudonyms>"


class Residency(Enum):
    """What the register says of a person; it never mixes with the profile of the other."""

    RESIDENT = "resident"
    NON_RESIDENT = "non_resident"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What the population register said of one person at one instant.

    `subject` is the name of the certificate, attribute by attribute (`eds.ca.subjects`): it comes
    from here and never from a request. `permission_until` bounds the stay of a non-resident.
    """

    personal_number: str = field(repr=False)
    subject: Mapping[str, str] = field(repr=False)
    born: date = field(repr=False)
    alive: bool
    residency: Residency
    taken_at: datetime
    has_photo: bool = False
    permission_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentIdentity:
    """A person as a document names them: what the register allots a number to."""

    country: str
    number: str = field(repr=False)
    surname: str = field(repr=False)
    given_name: str | None = field(default=None, repr=False)
    born: date = field(repr=False)
    nationality: str
    expires: date
    permission_until: datetime | None = None


def age(born: date, *, at: datetime) -> int:
    """Whole years on the day of `at` (UTC)."""
    today = at.date()
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))
