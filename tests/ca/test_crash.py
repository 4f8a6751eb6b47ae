"""Processes that die while they issue, databases that fail, and many that work at once.

The long runs are campaigns.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from eds.ca.database import open_database
from eds.ca.register import Register
from eds.errors import AuditUnavailable, EdsError, RegisterUnavailable
from tests.ca.crash import (
    LATER,
    Telling,
    Told,
    new_authority,
    new_request,
    open_register,
    problems,
    recovered,
)
from tests.ca.hierarchy import NOON, authority
from tests.ca.status_desk import ISSUER, signer_of
from tests.untraced import untraced

ROOT = Path(__file__).parents[2]


def run(program: str, url: str, *counts: int) -> dict[str, int]:
    """A program of its own, for it forks; its figures."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.ca.{program}", url, *map(str, counts)],
        cwd=ROOT, env=untraced(), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    figures: dict[str, int] = json.loads(done.stdout or "{}")
    return figures


def test_an_issuer_killed_at_any_moment_leaves_no_signature_without_a_row(
    register_url: str,
) -> None:
    figures = run("crash", register_url, 16)
    assert figures["kills"] == 16
    assert figures["signatures"] > 0


def test_many_at_once_leave_a_history_that_the_model_allows(register_url: str) -> None:
    figures = run("crowd", register_url, 2, 8, 5)
    assert figures["changes"] > 0


def test_a_register_can_be_carried_over_a_fork(register_url: str) -> None:
    run("forked", register_url)


# --- a database that fails ------------------------------------------------------------------------


@pytest.fixture
def register(register_url: str) -> Iterator[Register]:
    engine = open_database(register_url)
    made = open_register(engine, 1)
    made.add_issuer(
        ISSUER, label="Example", certificate=authority("issuing-ca").certificate,
        key_uri="file:ca", settings="{}", actor="ceremony", at=NOON,
    )  # fmt: skip
    yield made
    engine.dispose()


def issue(register: Register, told: Told, *, number: int, at_signing: Callable[[], None]) -> None:
    signer: Any = Telling(signer_of(authority("issuing-ca").key), told.hear, at_signing)
    issuing = new_authority(register, signer)
    prepared = issuing.prepare(new_request(f"failing-{number}"), at=NOON)
    told.delivered.append(issuing.issue(prepared, at=NOON).fingerprint.hex())


@pytest.mark.parametrize("register_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("moment", ["before", "between"])
def test_a_full_disk_stops_the_issuing_and_spoils_nothing(register: Register, moment: str) -> None:
    def limit(pages: int) -> None:
        # Of the connection that the next transaction has, too.
        with register.writing() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        limit(1)  # SQLite takes the least that the file has already for a smaller number

    told = Told()
    if moment == "before":
        fill()

    def issue_until_full() -> None:
        for number in range(100):
            issue(register, told, number=number, at_signing=fill)

    with pytest.raises(EdsError) as refused:
        issue_until_full()
    issued = len(told.delivered)
    assert isinstance(refused.value, RegisterUnavailable | AuditUnavailable)
    limit(1 << 30)
    assert [*problems(register, told), *recovered(register)] == []
    issue(register, told, number=issued, at_signing=lambda: None)  # the same request, anew
    assert [*problems(register, told)] == []


@pytest.mark.parametrize("register_url", ["postgresql"], indirect=True)
def test_a_server_that_hangs_up_after_the_signature_leaves_an_intent(
    register: Register, register_url: str
) -> None:
    other = open_database(register_url)

    def hang_up() -> None:
        with other.connect() as connection:
            connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )

    told = Told()
    with pytest.raises(RegisterUnavailable):
        issue(register, told, number=1, at_signing=hang_up)
    other.dispose()
    assert (len(told.signed), told.delivered) == (1, [])
    assert len(register.open_intents(before=LATER)) == 1
    assert [*problems(register, told), *recovered(register)] == []
    issue(register, told, number=1, at_signing=lambda: None)
    assert [*problems(register, told)] == []
