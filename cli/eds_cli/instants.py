"""Instants on the command line: the clock, and what people write."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import click


def now() -> datetime:
    """The clock, in UTC."""
    return datetime.now(UTC)


class Instant(click.ParamType["datetime"]):
    """RFC 3339, or a date: its first second in UTC."""

    name = "instant"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        return "INSTANT"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        if isinstance(value, datetime):
            return value
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            value += "T00:00:00+00:00"
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail("an instant of RFC 3339 is wanted, such as 2026-11-24T12:00:00Z", param, ctx)
        if found.utcoffset() is None:
            self.fail("an instant without a time zone", param, ctx)
        return found.astimezone(UTC)
