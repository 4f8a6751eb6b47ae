"""How people name a certificate: serial number, fingerprint, or whoever it is of. No guessing.

A serial number of digits alone could be read in two ways, and the wrong certificate would be
revoked. So hexadecimal says so, and short digits are refused.
"""

from __future__ import annotations

import re
from typing import Final

from .. import der
from ..errors import CertificateNotFound, InvalidArgument, ReferenceAmbiguous
from .register import Issued, Register

_HEX: Final = re.compile(r"(?:0x)?([0-9a-f]+|[0-9a-f]{1,2}(?::[0-9a-f]{2})+)", re.IGNORECASE)
_DECIMAL: Final = re.compile(r"(?:dec:)?([0-9]+)", re.ASCII)
_FINGERPRINT: Final = re.compile(r"(?:sha256:)?((?:[0-9a-f]{2}:?){31}[0-9a-f]{2})", re.IGNORECASE)
# Serial numbers of ours have 19 octets and begin with the node: 38 digits in hexadecimal, 44 and
# more in decimal.
_DECIMAL_DIGITS: Final = 40


def parse_serial(text: str) -> bytes:
    """The content octets of a serial number.

    Hexadecimal has `0x`, colons or a letter; decimal has `dec:`, or 40 digits and more. Raises
    InvalidArgument for digits that could be either, and beyond 20 octets.
    """
    text = text.strip()
    if len(text) > 128:
        raise InvalidArgument(argument="serial number", reason="too long")
    if (decimal := _DECIMAL.fullmatch(text)) is not None:
        if not text.startswith("dec:") and len(text) < _DECIMAL_DIGITS:
            raise InvalidArgument(
                argument="serial number",
                reason="hexadecimal or decimal? write 0x… or dec:…",
            )
        return _octets(int(decimal[1]))
    if (hexadecimal := _HEX.fullmatch(text)) is None:
        raise InvalidArgument(argument="serial number", reason="neither hexadecimal nor decimal")
    return _octets(int(hexadecimal[1].replace(":", ""), 16))


def _octets(number: int) -> bytes:
    if not 0 < number < 1 << 159:
        raise InvalidArgument(argument="serial number", reason="positive, at most 20 octets")
    return der.decode(der.integer(number)).octets


def find_certificate(register: Register, reference: str, *, issuer: str | None = None) -> Issued:
    """The one certificate of that serial number or SHA-256 (64 digits, or `sha256:`).

    `issuer` is its identifier; without it all are searched. Raises CertificateNotFound,
    ReferenceAmbiguous, InvalidArgument.
    """
    print_ = _FINGERPRINT.fullmatch(reference.strip())
    if print_ is not None:
        digits = print_[1].replace(":", "").lower()
        found = register.find_by(fingerprint=bytes.fromhex(digits))
    else:
        found = register.find_by(serial=parse_serial(reference))
    found = tuple(one for one in found if issuer is None or one.issuer == issuer)
    if not found:
        raise CertificateNotFound(serial_number=reference[:128])
    if len(found) > 1:
        raise ReferenceAmbiguous(reference=reference[:128], count=len(found))
    return found[0]
