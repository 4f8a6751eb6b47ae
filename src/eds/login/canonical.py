"""JSON to be signed or believed: one text for one value, and nothing that can be read two ways."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

_DEEPEST = 8


def write(value: Mapping[str, Any]) -> bytes:
    """Members in order of their names, no spaces, UTF-8: RFC 8785 for text and nested objects."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return text.encode()


def read(text: str) -> Any:
    """The value of strict JSON (RFC 8259): no member twice, no NaN, eight levels at most.

    The caller bounds the length. Raises ValueError.
    """
    _require_shallow(text)
    return json.loads(text, object_pairs_hook=_once, parse_constant=_refuse)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member stands there twice")
    return found


def _refuse(_: str) -> NoReturn:
    raise ValueError("a number that JSON does not have")


def _require_shallow(text: str) -> None:
    """Before the parser recurses."""
    depth, quoted, escaped = 0, False, False
    for character in text:
        if quoted:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                quoted = False
        elif character == '"':
            quoted = True
        elif character in "{[":
            depth += 1
            if depth > _DEEPEST:
                raise ValueError("nested too deep")
        elif character in "}]":
            depth -= 1
