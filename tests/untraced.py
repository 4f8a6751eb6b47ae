"""Processes whose lines nobody counts: crowds, what is killed, and what is measured."""

from __future__ import annotations

import os
from collections.abc import Mapping


def untraced(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """That environment without what makes a Python process count its lines."""
    return {name: value for name, value in environment.items() if not name.startswith("COVERAGE")}
