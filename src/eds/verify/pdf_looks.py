"""Appearance streams: what a field or an annotation draws on a page (ISO 32000-2 §12.5.5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from pyhanko.pdf_utils.generic import DictionaryObject, StreamObject

from .pdf_reader import entry

_WRITES: Final = re.compile(rb"(?:^|[\s\])>])(?:Tj|TJ|'|\"|Do|BI|sh)(?=$|[\s/\[(<])")


def writes(look: StreamObject) -> bool:
    """Whether it shows text, images or other forms: more than lines and areas."""
    return _WRITES.search(look.data) is not None


def appearances(field: DictionaryObject) -> Iterator[Any]:
    """The entries of its appearance dictionary, states included, as they are referred to."""
    looks = entry(field, "/AP")
    if isinstance(looks, DictionaryObject):
        for key in looks:
            one = looks[key]
            if isinstance(one, StreamObject):
                yield looks.raw_get(key)
            elif isinstance(one, DictionaryObject):
                for state in one:
                    yield one.raw_get(state)
