"""One key file while it is read: its limits, what was spent, and the ways to write a password.

A file says how much work a password costs, so a file can ask for hours. The unit of work is one
iteration of PBKDF2-HMAC-SHA-256 (half a microsecond where this was measured), and the price of a
step is charged before the step is taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NoReturn

from eds.errors import (
    DamagedKeyFile,
    PasswordIncorrect,
    PasswordRefused,
    UnsupportedKeyFile,
    WorkFactorExceeded,
)
from eds.keys.contract import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFileLimits:
    """What one key file may cost to open. With the defaults: under 1 s and 100 MB.

    `work` counts iterations of PBKDF2-HMAC-SHA-256 or what costs as much, over the whole file;
    `memory` is in octets and what scrypt alone asks for; `rsa_bits` limits the modulus, because
    the check of a larger key takes seconds; the others bound sizes and counts.
    """

    size: int = 1024 * 1024
    work: int = 1_300_000
    memory: int = 64 * 1024 * 1024
    salt: int = 4096
    objects: int = 256
    nesting: int = 4
    rsa_bits: int = 4096


LIMITS: Final = KeyFileLimits()


@dataclass(kw_only=True)
class Reading:
    """One file while it is read: its name for errors, its limits and the work done so far."""

    file: str
    limits: KeyFileLimits = LIMITS
    spent: int = 0
    objects: int = 0
    # What was derived already: both parts of a PKCS#12 may share one salt.
    derived: dict[object, bytes] = field(default_factory=dict, repr=False)

    def charge(self, work: int, *, parameter: str) -> None:
        """Pay for `work`. Raises WorkFactorExceeded."""
        self.require(work, parameter=parameter)
        self.spent += work

    def require(self, work: int, *, parameter: str) -> None:
        """Raises WorkFactorExceeded unless `work` can be paid for."""
        if self.spent + work > self.limits.work:
            raise WorkFactorExceeded(
                file=self.file,
                parameter=parameter,
                allowed=self.limits.work,
                found=self.spent + work,
            )

    def count(self) -> None:
        """One more key, certificate or bag. Raises UnsupportedKeyFile."""
        self.objects += 1
        if self.objects > self.limits.objects:
            self.unsupported(f"a file of over {self.limits.objects} objects")

    def damaged(self, reason: str) -> NoReturn:
        """Raise DamagedKeyFile."""
        raise DamagedKeyFile(file=self.file, reason=reason)

    def unsupported(self, algorithm: str) -> NoReturn:
        """Raise UnsupportedKeyFile."""
        raise UnsupportedKeyFile(file=self.file, algorithm=algorithm)

    def password_incorrect(self) -> NoReturn:
        """Raise PasswordIncorrect."""
        raise PasswordIncorrect(file=self.file)


class Password:
    """One way to write a password in octets: as UTF-8 text, and as PKCS#12 wants it.

    Its repr shows nothing.
    """

    __slots__ = ("bmp", "text")

    def __init__(self, *, text: bytes, bmp: bytes) -> None:
        self.text = text
        self.bmp = bmp

    def __repr__(self) -> str:
        return "<password>"

    def __reduce__(self) -> str:
        raise TypeError("a password is not pickled")

    @staticmethod
    def of(secret: Secret) -> Password:
        """The usual way: BMPString with its two zero octets (RFC 7292 §B.1), and UTF-8."""
        return Password.candidates(secret)[0]

    @staticmethod
    def candidates(secret: Secret) -> tuple[Password, ...]:
        """Every way that software is known to have written this password, the usual first.

        No password at all may be two zero octets or none. Before 1.1, OpenSSL took the octets
        of a password that is not ASCII for Latin-1. Characters beyond the BMP are surrogates.
        Raises PasswordRefused when the octets are not UTF-8.
        """
        bmp = secret.reveal_text().encode("utf-16-be") + b"\0\0"
        octets = secret.reveal()
        found = [Password(text=octets, bmp=bmp)]
        if not octets:
            found.append(Password(text=b"", bmp=b""))
        elif not octets.isascii():
            latin = octets.decode("latin-1").encode("utf-16-be") + b"\0\0"
            found.append(Password(text=octets, bmp=latin))
        return tuple(found)


def require_new_password(secret: Secret) -> Password:
    """The password for something new. Raises PasswordRefused when it is empty or not text."""
    if not secret:
        raise PasswordRefused(reason="a new password must not be empty")
    return Password.of(secret)
