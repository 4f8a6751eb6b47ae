"""`eds doctor`: what is wrong with everything that is installed here, or soon will be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eds_cli import machine
from eds_cli.diagnoses import tell
from eds_cli.instants import Instant, now
from eds_cli.output import json_option
from eds_cli.stores import default_store, store_option
from eds_cli.trusting import trust_folders, trust_option

if TYPE_CHECKING:
    from eds.diagnosis import Diagnosis

Check = Callable[[], Iterable["Diagnosis"]]


@click.command()
@click.option(
    "--authority", metavar="FOLDER", envvar="EDS_AUTHORITY", help="An authority; or $EDS_AUTHORITY."
)
@click.option("--desk", metavar="FOLDER", envvar="EDS_DESK", help="A desk; or $EDS_DESK.")
@click.option(
    "--backups", metavar="FOLDER", envvar="EDS_BACKUPS", help="Where copies go; or $EDS_BACKUPS."
)
@store_option
@trust_option
@click.option("--at", type=Instant(), help="As things will be at that instant; now if not given.")
@json_option
def doctor(
    authority: str | None,
    desk: str | None,
    backups: str | None,
    store: str,
    folders: tuple[str, ...],
    at: datetime | None,
    as_json: bool,
) -> int:
    """Look for what is wrong with what is installed here, or soon will be. Asks for no PIN.

    Packages and data, the module of tokens, room on the disk; keys and their certificates; trust
    anchors; an authority, a desk and copies where they are named. Changes nothing. The status is
    1 where there is anything.
    """
    when = at or now()
    return tell(
        _examined(
            authority=authority,
            desk=desk,
            backups=None if backups is None else Path(backups),
            keys=None if ":" in store else Path(store),
            trust=_trust(folders),
            at=when,
        ),
        as_json=as_json,
    )


def _examined(
    *,
    authority: str | None,
    desk: str | None,
    backups: Path | None,
    keys: Path | None,
    trust: tuple[Path, ...],
    at: datetime,
) -> Iterator[tuple[str, tuple[Diagnosis, ...]]]:
    import eds
    from eds.keys import doctor as of_keys
    from eds.verify import doctor as of_trust

    checks: dict[str, Check] = {
        "packages": lambda: machine.packages(machine.requirements(), version=machine.installed),
        "data": lambda: machine.data(Path(eds.__file__).parent),
        "tokens": lambda: machine.token_module(environment=os.environ.get("EDS_PKCS11_MODULE")),
        "disk": lambda: machine.disk(_existing(authority, keys), least_free=machine.LEAST_FREE),
    }
    if keys is not None and keys.is_dir():
        checks["keys"] = lambda: of_keys.examine(keys, at=at)
    if trust:
        checks["trust"] = lambda: of_trust.examine(trust, at=at)
    if backups is not None:
        checks["backups"] = lambda: machine.backups(backups, at=at)
    for name, check in checks.items():
        yield name, _carried_out(name, check)
    if authority is not None:
        yield from _authority(authority, at)
    if desk is not None:
        yield from _desk(desk, at)


def _carried_out(name: str, check: Check) -> tuple[Diagnosis, ...]:
    """A check that cannot be carried out is a finding of its own."""
    from eds.diagnosis import Diagnosis
    from eds.errors import EdsError

    found: list[Diagnosis] = []
    try:
        found.extend(check())
    except EdsError as error:
        detail = f"{error} [{error.code}]"
        found.append(Diagnosis(code="doctor.check_failed", place=name, detail=detail))
    except OSError as error:
        detail = error.strerror or type(error).__name__
        found.append(Diagnosis(code="doctor.check_failed", place=name, detail=detail))
    return tuple(found)


def _authority(place: str, at: datetime) -> Iterator[tuple[str, tuple[Diagnosis, ...]]]:
    from eds.ca.doctor import Limits, examine
    from eds.ca.folder import AuthorityFolder

    for name, found in examine(AuthorityFolder(Path(place)), at=at, limits=Limits()):
        yield f"authority: {name}", found


def _desk(place: str, at: datetime) -> Iterator[tuple[str, tuple[Diagnosis, ...]]]:
    from eds.enroll.doctor import examine
    from eds_cli.desks import open_desk

    for name, found in examine(open_desk(place), at=at):
        yield f"desk: {name}", found


def _trust(folders: tuple[str, ...]) -> tuple[Path, ...]:
    """What is named must be there; the user's own folder may not be made yet."""
    places = trust_folders(folders)
    named = folders or os.environ.get("EDS_TRUST")
    return places if named else tuple(place for place in places if place.exists())


def _existing(authority: str | None, keys: Path | None) -> Path:
    """A folder on the disk that is written to."""
    place = Path(authority) if authority is not None else keys or Path(default_store())
    while not place.exists() and place != place.parent:
        place = place.absolute().parent
    return place
