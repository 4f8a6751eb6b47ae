"""`eds-login:1`: a login as a statement to be signed with CMS, by software that knows no logins.

What is signed is canonical JSON and says what it is. Two kinds, which are never taken for one
another or for a document:

* the typed one has an eContentType of its own, that no policy for documents allows;
* software that signs everything as id-data (NCALayer) signs the other one, which begins with a
  line that says, in three languages, that this is no document. A validator of documents can only
  see data there: so this method is off unless the rules ask for it, and its facts say so.

The server never believes what a statement says: it writes the statement anew from the challenge
it kept, and the signed octets must be those.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final, NamedTuple

from .. import pem
from ..errors import DecodeError, MalformedLoginChallenge, MalformedLoginToken
from ..signeddata import DATA, SignedData
from . import canonical
from .challenges import LoginChallenge
from .methods import Method

LOGIN_STATEMENT: Final = "2.25.317305317113940834954764270183602412437"
"""The eContentType of a login statement: an arc that a UUID makes its own (X.667 §6)."""

DATA_PREFIX: Final = (
    "EDS LOGIN STATEMENT 1 - NOT A DOCUMENT - "
    "БҰЛ ҚҰЖАТ ЕМЕС, ТЕК КІРУ - ЭТО НЕ ДОКУМЕНТ, ТОЛЬКО ВХОД\n"
).encode()

SIZE_LIMIT: Final = 256 * 1024

CONTENT_TYPES: Final = {Method.STATEMENT: LOGIN_STATEMENT, Method.STATEMENT_AS_DATA: DATA}
_METHODS: Final = {oid: method for method, oid in CONTENT_TYPES.items()}


class SignedStatement(NamedTuple):
    """A CMS that claims to be a login: nothing in it is believed yet."""

    encoded: bytes
    signed_data: SignedData
    method: Method
    content: bytes


def write_statement(challenge: LoginChallenge, *, method: Method) -> bytes:
    """The octets that the user's software has to sign for one of both CMS methods."""
    said = challenge.members() | {"code": challenge.code, "type": method.value}
    prefix = DATA_PREFIX if method is Method.STATEMENT_AS_DATA else b""
    return prefix + canonical.write(said)


def read_statement(content: bytes) -> LoginChallenge:
    """What a portal asks to be signed, for software that shows it to its user before it signs.

    The typed statement alone, octet for octet as `write_statement` writes it. Raises
    MalformedLoginChallenge.
    """
    challenge = LoginChallenge.decode(content[:SIZE_LIMIT])
    if write_statement(challenge, method=Method.STATEMENT) != content:
        raise MalformedLoginChallenge(reason="not a statement as it is written")
    return challenge


def read_signed_statement(token: bytes) -> SignedStatement:
    """A CMS in DER or BER, or base64 or PEM of it, at most 256 KiB.

    It has its content inside, of one of both types, and one signer. Raises MalformedLoginToken.
    """
    if len(token) > SIZE_LIMIT:
        raise MalformedLoginToken(reason=f"more than {SIZE_LIMIT} octets")
    try:
        signed_data = SignedData(token if token[:1] == b"\x30" else _decoded(token))
        method = _METHODS.get(signed_data.content_type)
        content = signed_data.content
        signers = len(signed_data.signer_infos)
    except DecodeError as error:
        raise MalformedLoginToken(reason=error.code) from error
    if method is None:
        raise MalformedLoginToken(reason="the type of the content is no login statement's")
    if content is None:
        raise MalformedLoginToken(reason="the statement is not inside")
    if signers != 1:
        raise MalformedLoginToken(reason="one signer is wanted")
    return SignedStatement(signed_data.encoded, signed_data, method, content)


def _decoded(text: bytes) -> bytes:
    if pem.is_pem(text):
        return pem.read_one(text, "CMS").encoded
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error as error:
        raise MalformedLoginToken(reason="neither JSON nor CMS") from error
