"""Textual encodings (RFC 7468): DER in base64 between BEGIN and END lines.

Blank space is forgiven as in the lax grammar of the RFC (§3); what carries meaning is not: the
base64 alphabet, its padding, labels that match. Text around the blocks is kept, and so are the
headers of RFC 1421 that old encrypted keys have, for those who can read such keys or refuse them
by name. Nothing backtracks; the time is linear in the size of the input.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from .errors import InvalidArgument, LimitExceeded, MalformedPem

CERTIFICATE: Final = "CERTIFICATE"
CERTIFICATION_REQUEST: Final = "CERTIFICATE REQUEST"
CERTIFICATE_LIST: Final = "X509 CRL"
PRIVATE_KEY: Final = "PRIVATE KEY"
ENCRYPTED_PRIVATE_KEY: Final = "ENCRYPTED PRIVATE KEY"
PUBLIC_KEY: Final = "PUBLIC KEY"
CMS: Final = "CMS"
PKCS7: Final = "PKCS7"

_BEGIN: Final = b"-----BEGIN "
_END: Final = b"-----END "
_DASHES: Final = b"-----"
_BLANK: Final = b" \t\r\n\v\f"  # W of RFC 7468 §3
_LINE: Final = 64  # characters of base64, RFC 7468 §2

# RFC 7468 §3: printable characters but the hyphen, single spaces or hyphens between them.
_LABEL: Final = re.compile(rb"[!-,.-~]+(?:[- ][!-,.-~]+)*")
_LABEL_SIZE: Final = 64
# RFC 822 field names, which RFC 1421 §4.4 uses.
_HEADER: Final = re.compile(rb"([!-9;-~]+):[ \t]*(.*)", re.DOTALL)
_HEADERS_SIZE: Final = 4096
_BLANK_LINE: Final = re.compile(rb"(?:\r\n|\n|\r)[ \t]*(?:\r\n|\n|\r)")
_LINE_END: Final = re.compile(rb"[\r\n]")
_NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class PemLimits:
    """How much a reader is willing to look at."""

    size: int = 64 * 1024 * 1024  # octets of input
    blocks: int = 10_000


LIMITS: Final = PemLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class PemBlock:
    """One object: what it says it is, and its bytes.

    `preamble` is the text between the block before (or the beginning) and this one, without
    blank space at its ends. `headers` are those of RFC 1421, in their order. Bytes may be a
    private key: they are not shown.
    """

    label: str
    encoded: bytes = field(repr=False)
    preamble: str = field(default="", repr=False)
    headers: Mapping[str, str] = field(default_factory=lambda: _NO_HEADERS)

    @property
    def is_legacy_encrypted(self) -> bool:
        """Whether `encoded` is ciphertext in the way of RFC 1421, as old OpenSSL keys are."""
        return "ENCRYPTED" in self.headers.get("Proc-Type", "").upper() or (
            "DEK-Info" in self.headers
        )


def is_pem(data: bytes) -> bool:
    """Whether `data` is text with a block in it, and not DER whose content holds such text."""
    if data[:1] == b"0" and len(data) > 1 and (data[1] >= 0x80 or len(data) == 2 + data[1]):
        return False  # a SEQUENCE
    return _next_line(data, _BEGIN, _start(data)) >= 0


def read(data: bytes, *, limits: PemLimits = LIMITS) -> tuple[PemBlock, ...]:
    """Every block in `data`, in order; at least one.

    Raises MalformedPem, LimitExceeded.
    """
    if not isinstance(data, bytes):
        raise InvalidArgument(argument="data", reason="bytes are wanted")
    if len(data) > limits.size:
        raise LimitExceeded(limit="octets of input", allowed=limits.size, found=len(data))
    blocks: list[PemBlock] = []
    position = _start(data)
    while (begin := _next_line(data, _BEGIN, position)) >= 0:
        if len(blocks) == limits.blocks:
            raise LimitExceeded(limit="blocks of text", allowed=limits.blocks)
        preamble = _text_around(data[position:begin])
        label, body = _boundary(data, begin, _BEGIN)
        end = data.find(_DASHES, body)
        if end < 0 or not data.startswith(_END, end):
            raise MalformedPem(reason=f"{label}: begun and not ended")
        last, position = _boundary(data, end, _END)
        if last != label:
            raise MalformedPem(reason=f"{label}: ended as {last}")
        headers, encoded = _body(data[body:end], label)
        blocks.append(
            PemBlock(
                label=label,
                encoded=encoded,
                preamble=preamble,
                headers=headers,
            )
        )
    _text_around(data[position:])
    if not blocks:
        raise MalformedPem(reason="no BEGIN line")
    return tuple(blocks)


def read_one(data: bytes, label: str, *, limits: PemLimits = LIMITS) -> PemBlock:
    """The only block of that label; blocks of other labels may stand beside it.

    Raises MalformedPem, LimitExceeded.
    """
    found = [block for block in read(data, limits=limits) if block.label == label]
    if len(found) != 1:
        raise MalformedPem(reason=f"{len(found)} blocks of {label} where one is wanted")
    return found[0]


def write(label: str, encoded: bytes, *, preamble: str = "") -> bytes:
    """One block in the strict form of RFC 7468 §3: lines of 64, LF; after `preamble` if given.

    Raises InvalidArgument.
    """
    name = label.encode("utf-8")
    if len(name) > _LABEL_SIZE or not _LABEL.fullmatch(name):
        raise InvalidArgument(argument="label", reason="not a label of RFC 7468")
    if not encoded:
        raise InvalidArgument(argument="encoded", reason="a block holds at least one octet")
    text = preamble.strip()
    if "-----" in text:
        raise InvalidArgument(argument="preamble", reason="dashes that could begin a block")
    base = base64.b64encode(encoded)
    lines = [base[index : index + _LINE] for index in range(0, len(base), _LINE)]
    return b"\n".join(
        (
            *((text.encode(),) if text else ()),
            _BEGIN + name + _DASHES,
            *lines,
            _END + name + _DASHES,
            b"",
        )
    )


def _start(data: bytes) -> int:
    """Past the byte order mark that some editors put before UTF-8."""
    return 3 if data.startswith(b"\xef\xbb\xbf") else 0


def _text_around(text: bytes) -> str:
    if _next_line(text, _END, 0) >= 0:
        raise MalformedPem(reason="an END line without its BEGIN")
    return text.decode("utf-8", "replace").strip()


def _next_line(data: bytes, start: bytes, position: int) -> int:
    """Where `start` begins a line, blank space before it not counted; or -1.

    `position` must be the beginning of a line or the end of one.
    """
    at_line = True
    while (found := data.find(start, position)) >= 0:
        line = max(data.rfind(b"\n", position, found), data.rfind(b"\r", position, found))
        if (at_line or line >= 0) and not data[max(line, position) : found].strip(_BLANK):
            return found
        at_line = False
        position = found + len(start)
    return -1


def _boundary(data: bytes, position: int, start: bytes) -> tuple[str, int]:
    """The label in a BEGIN or END line, and the offset of that line's end."""
    first = position + len(start)
    last = data.find(_DASHES, first, first + _LABEL_SIZE + len(_DASHES))
    label = data[first:last] if last >= 0 else b""
    if not _LABEL.fullmatch(label):
        raise MalformedPem(reason=f"{start.decode().strip('- ')} without a label")
    after = last + len(_DASHES)
    line_end = _LINE_END.search(data, after)
    end = line_end.start() if line_end else len(data)
    if data[after:end].strip(_BLANK):
        raise MalformedPem(reason=f"{label.decode()}: something follows on its boundary line")
    return label.decode(), end


def _body(body: bytes, label: str) -> tuple[Mapping[str, str], bytes]:
    """Headers of RFC 1421, if any, and the bytes that the base64 stands for."""
    headers = _NO_HEADERS
    if b":" in body:  # which base64 does not have
        head, blank, body = _split(body.lstrip(_BLANK))
        if not blank:
            raise MalformedPem(reason=f"{label}: headers without a blank line after them")
        headers = _headers(head, label)
    text = body.translate(None, _BLANK)
    try:
        encoded = binascii.a2b_base64(text, strict_mode=True)
        # Strict mode lets pass what the last character says beyond the last octet.
        exact = binascii.b2a_base64(binascii.a2b_base64(text[-4:]), newline=False) == text[-4:]
    except binascii.Error:
        exact, encoded = False, b""
    if not exact:
        raise MalformedPem(reason=f"{label}: not base64")
    if not encoded:
        raise MalformedPem(reason=f"{label}: empty")
    return headers, encoded


def _split(body: bytes) -> tuple[bytes, bytes, bytes]:
    found = _BLANK_LINE.search(body)
    if found is None:
        return body, b"", b""
    return body[: found.start()], found.group(), body[found.end() :]


def _headers(head: bytes, label: str) -> Mapping[str, str]:
    if len(head) > _HEADERS_SIZE:
        raise LimitExceeded(limit="octets of PEM headers", allowed=_HEADERS_SIZE, found=len(head))
    headers: dict[str, str] = {}
    name = ""
    for line in head.splitlines():
        match = _HEADER.fullmatch(line)
        if line[:1] in (b" ", b"\t") and name:
            headers[name] += " " + line.decode("ascii", "replace").strip()
        elif match and match[1].decode() not in headers:
            name = match[1].decode()
            headers[name] = match[2].decode("ascii", "replace").strip()
        else:
            raise MalformedPem(reason=f"{label}: a header that is not one, or is there twice")
    return MappingProxyType(headers)
