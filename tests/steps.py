"""The steps a process takes with its database: each a moment at which it may die."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, event

from eds.audit.statements import Statement
from eds.ca.database import Line


def at_each_step(engine: Engine, step: Callable[..., object]) -> None:
    """Call `step` before and after each statement, and where a transaction begins and ends.

    In this process, from now on: what goes past SQLAlchemy is met in its own place.
    """
    for name in ("before_cursor_execute", "after_cursor_execute", "begin", "commit"):
        event.listen(engine, name, step)
    for kind, name in ((Statement, "__call__"), (Line, "begin"), (Line, "commit")):
        setattr(kind, name, _stepping(getattr(kind, name), step))


def _stepping(act: Callable[..., Any], step: Callable[..., object]) -> Callable[..., Any]:
    def stepping(*arguments: Any) -> Any:
        step()
        found = act(*arguments)
        step()
        return found

    return stepping
