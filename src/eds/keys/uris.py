"""Where keys live, as URIs: `pkcs11:` (RFC 7512) and `file:` (RFC 8089) or a plain path. Pure.

A PIN never travels in a URI: `pin-value` and `pin-source` are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from eds.errors import MalformedKeyUri

_PATH_ATTRIBUTES: Final = {
    "token": "token",
    "manufacturer": "manufacturer",
    "serial": "serial",
    "model": "model",
    "library-manufacturer": "library_manufacturer",
    "library-version": "library_version",
    "library-description": "library_description",
    "object": "object",
    "type": "type",
    "id": "id",
    "slot-manufacturer": "slot_manufacturer",
    "slot-description": "slot_description",
    "slot-id": "slot_id",
}
_QUERY_ATTRIBUTES: Final = {"module-name": "module_name", "module-path": "module_path"}
_TYPES: Final = frozenset({"public", "private", "cert", "secret-key", "data"})
_SAFE_PATH: Final = ":[]@!$'()*+,=&"  # RFC 7512 §2.3: pk11-path-res-avail and sub-delims
_SAFE_QUERY: Final = ":[]@!$'()*+,=/?|"
_NAME: Final = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenUri:
    """A `pkcs11:` URI: what a token and an object in it must match; None matches anything.

    `vendor` are the attributes of its path that RFC 7512 does not know: no token matches them.
    """

    token: str | None = None
    manufacturer: str | None = None
    serial: str | None = None
    model: str | None = None
    library_manufacturer: str | None = None
    library_version: str | None = None
    library_description: str | None = None
    object: str | None = None
    type: str | None = None
    id: bytes | None = None
    slot_manufacturer: str | None = None
    slot_description: str | None = None
    slot_id: int | None = None
    module_name: str | None = None
    module_path: str | None = None
    vendor: tuple[tuple[str, str], ...] = field(default=())

    def __str__(self) -> str:
        path = []
        for name, attribute in _PATH_ATTRIBUTES.items():
            value = getattr(self, attribute)
            if value is None:
                continue
            if isinstance(value, bytes):
                shown = "".join(f"%{octet:02X}" for octet in value)
            else:
                shown = quote(str(value), safe=_SAFE_PATH)
            path.append(f"{name}={shown}")
        path += [f"{name}={quote(value, safe=_SAFE_PATH)}" for name, value in self.vendor]
        query = [
            f"{name}={quote(value, safe=_SAFE_QUERY)}"
            for name, attribute in _QUERY_ATTRIBUTES.items()
            if (value := getattr(self, attribute)) is not None
        ]
        return "pkcs11:" + ";".join(path) + ("?" + "&".join(query) if query else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUri:
    """A `file:` URI or a plain path: a folder of key files, or one key file."""

    path: Path

    def __str__(self) -> str:
        return "file:" + quote(str(self.path), safe="/")


def parse_key_uri(text: str) -> TokenUri | FileUri:
    """Read a `pkcs11:` URI, a `file:` URI or a plain path. Raises MalformedKeyUri."""
    if not text or "\0" in text:
        raise MalformedKeyUri(reason="an empty place for keys")
    scheme, colon, rest = text.partition(":")
    if colon and scheme.lower() == "pkcs11":
        return _token_uri(rest)
    if colon and scheme.lower() == "file":
        return _file_uri(rest)
    if colon and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]+", scheme) and rest.startswith("//"):
        raise MalformedKeyUri(reason=f"keys are not kept at {scheme}: addresses")
    try:
        return FileUri(path=Path(text).expanduser())
    except RuntimeError:
        raise MalformedKeyUri(reason="the home folder of that user is not known") from None


def _file_uri(rest: str) -> FileUri:
    if rest.startswith("//"):
        host, slash, path = rest[2:].partition("/")
        if host not in ("", "localhost"):
            raise MalformedKeyUri(reason="a file: URI names another host")
        rest = slash + path
    if "?" in rest or "#" in rest:
        raise MalformedKeyUri(reason="a file: URI takes no query and no fragment")
    path_text = _decoded(rest, "path")
    if not path_text:
        raise MalformedKeyUri(reason="a file: URI without a path")
    return FileUri(path=Path(path_text))


def _token_uri(rest: str) -> TokenUri:
    path, _, query = rest.partition("?")
    values: dict[str, object] = {}
    vendor: list[tuple[str, str]] = []
    for name, value in _pairs(path, ";"):
        attribute = _PATH_ATTRIBUTES.get(name)
        if name in _QUERY_ATTRIBUTES or name.startswith("pin-"):
            raise MalformedKeyUri(reason=f"{name} does not belong into the path")
        if attribute is None:
            vendor.append((name, _decoded(value, name)))
            continue
        values[attribute] = _value(attribute, value)
    for name, value in _pairs(query, "&"):
        if name in ("pin-value", "pin-source"):
            raise MalformedKeyUri(reason=f"{name}: a PIN never travels in a URI")
        if name in _PATH_ATTRIBUTES:
            raise MalformedKeyUri(reason=f"{name} does not belong into the query")
        text = _decoded(value, name)
        attribute = _QUERY_ATTRIBUTES.get(name)
        # What the query says beyond that is for other readers (RFC 7512 §2.3).
        if attribute is not None:
            values[attribute] = text
    return TokenUri(vendor=tuple(vendor), **values)  # type: ignore[arg-type]


def _value(attribute: str, value: str) -> object:
    if attribute == "id":
        _check_escapes(value, "id")
        return unquote_to_bytes(value)
    text = _decoded(value, attribute)
    if attribute == "slot_id":
        if not (text.isascii() and text.isdigit() and len(text) <= 20):
            raise MalformedKeyUri(reason="slot-id is not a number")
        return int(text)
    if attribute == "type" and text not in _TYPES:
        raise MalformedKeyUri(reason="type is none of RFC 7512")
    return text


def _pairs(text: str, separator: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for part in text.split(separator) if text else ():
        name, equals, value = part.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise MalformedKeyUri(reason="a part of the URI is not name=value")
        if any(name == known for known, _ in pairs):
            raise MalformedKeyUri(reason=f"{name} stands twice")
        pairs.append((name, value))
    return pairs


def _check_escapes(value: str, name: str) -> None:
    if re.search(r"%(?![0-9A-Fa-f]{2})", value) or not value.isprintable():
        raise MalformedKeyUri(reason=f"{name} is not percent-encoded")


def _decoded(value: str, name: str) -> str:
    _check_escapes(value, name)
    try:
        return unquote_to_bytes(value).decode()
    except UnicodeDecodeError:
        raise MalformedKeyUri(reason=f"{name} is not UTF-8") from None
