"""Fixtures for key stores, and the marker of long campaigns."""

from __future__ import annotations

from pathlib import Path

import pytest

from eds.keys.contract import KeyStore
from tests.keys.harness import HARNESSES, Harness, Pins


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "campaign: minutes, not seconds; run with `-m campaign`")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "campaign" in str(config.option.markexpr):
        return
    for item in items:
        if item.get_closest_marker("campaign"):
            item.add_marker(pytest.mark.skip(reason="a campaign; run with `-m campaign`"))


@pytest.fixture(params=sorted(HARNESSES))
def harness(request: pytest.FixtureRequest) -> Harness:
    return HARNESSES[request.param]


@pytest.fixture
def store(harness: Harness, tmp_path: Path) -> KeyStore:
    return harness.make(tmp_path)


@pytest.fixture
def pin(harness: Harness) -> Pins:
    return Pins(current=harness.pin, new=None)
