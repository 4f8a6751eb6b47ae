"""What all tests share: long campaigns run when asked for, and nothing depends on speed."""

from __future__ import annotations

import signal
import sys
from collections.abc import Generator

import pytest
from hypothesis import settings

# The time an example takes on a busy machine says nothing about the code.
settings.register_profile("eds", deadline=None)
settings.load_profile("eds")

# Who starts tests in the background ignores interrupts, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Count no lines in a test marked `untraced`.

    Not `no_cover` of pytest-cov: in a worker, the coverage that `patch = ["subprocess"]` began
    there goes on where that of pytest-cov pauses.
    """
    if not item.get_closest_marker("untraced"):
        return (yield)
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "campaign" in str(config.option.markexpr):
        return
    for item in items:
        if item.get_closest_marker("campaign"):
            item.add_marker(pytest.mark.skip(reason="a campaign; run with `-m campaign`"))
