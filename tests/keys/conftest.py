"""Fixtures for key stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from eds.keys.contract import KeyStore
from tests.keys.harness import HARNESSES, Harness, Pins


@pytest.fixture(params=sorted(HARNESSES))
def harness(request: pytest.FixtureRequest) -> Harness:
    return HARNESSES[request.param]


@pytest.fixture
def store(harness: Harness, tmp_path: Path) -> KeyStore:
    return harness.make(tmp_path)


@pytest.fixture
def pin(harness: Harness) -> Pins:
    return Pins(current=harness.pin, new=None)
