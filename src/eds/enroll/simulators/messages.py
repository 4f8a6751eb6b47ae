"""A message service that sends nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...errors import ProviderUnavailable
from ..encoding import to_data
from .voices import Simulator


class SimulatedNotifier(Simulator):
    """Sends nothing and keeps what it was given: in `sent`, and in a folder where one is named.

    The folder holds one file for each message, by its instant, for whoever plays the applicant.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder
        self.sent: list[tuple[str, str, Mapping[str, str]]] = []  # address, kind, words
        self.is_down = False

    def send(self, address: str, kind: str, words: Mapping[str, str], *, at: datetime) -> None:
        """Raises ProviderUnavailable."""
        if self.is_down:
            raise ProviderUnavailable(provider="notifier", reason="simulated outage")
        self.sent.append((address, kind, words))
        if self.folder is None:
            return
        message = {"address": address, "kind": kind, "words": dict(words), "at": to_data(at)}
        octets = (json.dumps(message, ensure_ascii=False, indent=1) + "\n").encode()
        name = (
            f"{at.astimezone(UTC):%Y%m%dT%H%M%S%fZ}-{kind}-{hashlib.sha256(octets).hexdigest()[:8]}"
        )
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            place = self.folder / f"{name}.json"
            number = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(number, "wb") as file:
                file.write(octets)
        except OSError as error:
            raise ProviderUnavailable(
                provider="notifier", reason=error.strerror or "its folder cannot be written"
            ) from None

    def __repr__(self) -> str:
        return f"<SimulatedNotifier {len(self.sent)} messages>"


def read_outbox(folder: Path) -> tuple[dict[str, Any], ...]:
    """The messages of a notifier's folder, the oldest first: address, kind, words, at."""
    if not folder.is_dir():
        return ()
    return tuple(json.loads(path.read_bytes()) for path in sorted(folder.glob("*.json")))
