"""What a browser is given: one ES module and its style sheet, as octets with their type and tag."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

from ...errors import InvalidArgument

FILES: Final[Mapping[str, str]] = MappingProxyType(
    {"eds-login.js": "text/javascript; charset=utf-8", "eds-login.css": "text/css; charset=utf-8"}
)
"""Name → media type."""

LANGUAGES: Final = ("kk", "ru", "en", "tg")
"""Of the texts in the module."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserFile:
    """Octets to be served as they are. `tag` is a strong entity tag (RFC 9110 §8.8.3)."""

    name: str
    media_type: str
    content: bytes
    tag: str


@cache
def browser_file(name: str) -> BrowserFile:
    """One of `FILES`. Raises InvalidArgument for any other name."""
    media_type = FILES.get(name)
    if media_type is None:
        raise InvalidArgument(argument="name", reason=f"one of {', '.join(FILES)}")
    content = files(__name__).joinpath(name).read_bytes()
    tag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    return BrowserFile(name=name, media_type=media_type, content=content, tag=tag)
