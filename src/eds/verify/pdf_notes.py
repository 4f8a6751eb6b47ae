"""What the rules about changes saw, in words for people."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import Sentence


@dataclass(slots=True)
class Notes:
    """Each said once, in its order. `visible` are fields of signatures that show on a page."""

    described: dict[Sentence, None] = field(default_factory=dict)
    visible: dict[str, None] = field(default_factory=dict)

    def say(self, words: str, **facts: str | int) -> None:
        """Tell people of a change: an English sentence with the names of facts in braces."""
        self.described[Sentence(words, **facts)] = None
