"""`eds centre init`, `found`, `run`, `upgrade` and `doctor`."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eds_cli.desks import acting, desk_option, issuing
from eds_cli.instants import Instant, now
from eds_cli.output import done, escape, json_option, show, show_json
from eds_cli.pins import Secrets, secret_options
from eds_cli.speech import say
from eds_cli.stores import store_option

if TYPE_CHECKING:
    from eds.enroll.folder import DeskFolder


@click.command("init")
@click.argument("folder", metavar="FOLDER")
@click.option("--name", metavar="LABEL", required=True, help="What the desk is called.")
@click.option(
    "--authority",
    metavar="FOLDER",
    envvar="EDS_AUTHORITY",
    required=True,
    help="The authority that issues; or $EDS_AUTHORITY.",
)
@click.option("--issuer", metavar="LABEL", help="Its issuer, where there are several.")
@click.option(
    "--audience",
    metavar="NAME",
    required=True,
    help="To whom providers address what they sign, such as desk.example.kz.",
)
@click.option(
    "--station",
    "stations",
    metavar="NAME",
    multiple=True,
    required=True,
    help="A place where people are received; several times if need be.",
)
@click.option("--terms", metavar="FILE", required=True, help="What applicants agree to.")
@click.option("--country", metavar="CODE", help="Whose rules of numbers and profiles hold.")
@click.option(
    "--trust",
    metavar="FOLDER",
    required=True,
    help="Anchors for officials' signatures (see `eds trust add`).",
)
@click.option(
    "--database",
    metavar="URL",
    help="A file, or postgresql://HOST/NAME; that of the authority, if not said.",
)
@click.option(
    "--node",
    type=click.IntRange(1, 127),
    default=1,
    show_default=True,
    help="Number of this desk: its chain in the audit log.",
)
@click.option(
    "--issue-with",
    metavar="FILE",
    help="A file in the desk's folder with the password of the issuing key, "
    "for desks that issue without a person.",
)
@click.option(
    "--demonstration",
    is_flag=True,
    help="Simulators stand in for registers and messages. Nobody real may apply.",
)
@json_option
def init(
    folder: str,
    name: str,
    authority: str,
    issuer: str | None,
    audience: str,
    stations: tuple[str, ...],
    terms: str,
    country: str | None,
    trust: str,
    database: str | None,
    node: int,
    issue_with: str | None,
    demonstration: bool,
    as_json: bool,
) -> None:
    """Make the folder of a desk: settings, keys of its own, tables beside the authority's.

    Limits, times, providers and more are said in its desk.toml. A desk in production wants real
    providers there before it opens: `eds centre doctor` says what is missing.
    """
    from eds.enroll.desksettings import DeskSettings, Setting
    from eds.enroll.folder import make_desk

    place = Path(folder)
    settings = DeskSettings(
        name=name,
        setting=Setting.DEMONSTRATION if demonstration else Setting.PRODUCTION,
        country=country or "",
        node=node,
        authority=_seen_from(place, authority),
        issuer=issuer or "",
        database=database or "",
        audience=audience,
        stations=stations,
        issuer_password=issue_with or "",
        trust=_seen_from(place, trust),
    )
    made = make_desk(place, settings, terms=Path(terms).read_bytes(), at=now())
    facts: dict[str, Any] = {
        "folder": str(made.path),
        "name": name,
        "setting": settings.setting.value,
        "policy": made.policy.version,
    }
    if as_json:
        show_json(facts)
        return
    done(say("made the desk {name} in {folder}", name=name, folder=folder))
    show(facts, as_json=False, words=say)
    command = f"eds centre found --desk {escape(folder)} --key KEY --key KEY"
    click.echo(say("next: {command}", command=command))


def _seen_from(folder: Path, other: str) -> str:
    """A place as the settings of the folder name it."""
    return os.path.relpath(Path(other).absolute(), folder.absolute())


@click.command("found")
@click.option(
    "--key",
    "keys",
    metavar="KEY",
    multiple=True,
    required=True,
    help="The key of an officer; at least two, of different people.",
)
@store_option
@click.option("--out", metavar="FILE", help="Write the record of it to this new file.")
@desk_option
@secret_options()
@json_option
def found(
    keys: tuple[str, ...],
    store: str,
    out: str | None,
    folder: DeskFolder,
    secrets: Secrets,
    as_json: bool,
) -> None:
    """Put the first security officers in office: all are here, and each signs the record.

    It happens once. From then on two officers appoint whoever comes.
    """
    from eds.enroll.casework import found as found_desk
    from eds_cli.output import write_public

    with ExitStack() as stack:
        officers = tuple(
            stack.enter_context(acting(folder, key, store, (), secrets)) for key in keys
        )
        record = found_desk(folder.desk, folder.settings.name, officers, at=now())
        people = sorted(each.person for each in officers)
    if out is not None:
        write_public(record, out)
    if as_json:
        show_json({"officers": people, "out": out})
    else:
        done(say("{count} security officers are in office", count=len(people)))


@click.command("run")
@desk_option
@secret_options()
@json_option
def run_desk(folder: DeskFolder, secrets: Secrets, as_json: bool) -> None:
    """Do what waits for nobody: ask registers again, issue what is confirmed, end what is over.

    To be run every few minutes. The password or PIN is that of the issuing key, and is wanted only
    where something is to be issued.
    """
    from eds.enroll import issuing as issuing_steps
    from eds.enroll.states import State
    from eds.errors import EdsError
    from eds_cli.main import complain_of

    at = now()
    ended = issuing_steps.tick(folder.desk, folder.issuing, at=at)
    issue = issuing(folder) or _asking(folder, secrets)
    reception = folder.reception(now=now, issue=issue)
    moved = []
    for state in (State.SUBMITTED, State.VERIFIED, State.LIVING_KEY_PROVED, State.CONFIRMED,
                  State.ISSUING):  # fmt: skip
        for before in folder.store.waiting([state], limit=10_000):
            try:
                after = reception.go_on(before.application)
            except EdsError as error:
                complain_of(error, about=before.application)
                continue
            if after.version != before.version:
                moved.append((after.application, state.value, after.state.value))
    if as_json:
        show_json(
            {
                "ended": [each.application for each in ended],
                "moved": [{"application": a, "from": b, "to": c} for a, b, c in moved],
            }
        )
        return
    for application, before_, after_ in moved:
        click.echo(f"{application}  {before_} → {after_}")
    done(say("{moved} went on, {ended} ended", moved=len(moved), ended=len(ended)))


def _asking(folder: DeskFolder, secrets: Secrets) -> Any:
    def issue(application: str, at: datetime) -> object:
        with folder.authority.signer_of(folder.issuer, pin=secrets.pin) as signer:
            return folder.issue(signer, application, at=at)

    return issue


@click.command("upgrade")
@desk_option
@json_option
def upgrade(folder: DeskFolder, as_json: bool) -> None:
    """Bring the tables of the desk to the revision of this program: all or nothing."""
    from eds.enroll.folder import upgrade_desk

    before, after = upgrade_desk(folder.database_url)
    if as_json:
        show_json({"before": before, "after": after})
    else:
        done(
            say("the desk is at {after}", after=after)
            if before == after
            else say("the desk is at {after}, from {before}", after=after, before=before)
        )


@click.command("doctor")
@click.option("--at", type=Instant(), help="As things will be at that instant; now if not given.")
@desk_option
@json_option
def doctor(at: datetime | None, folder: DeskFolder, as_json: bool) -> int:
    """Look for what is wrong with the desk, or soon will be. Asks for no PIN.

    Permissions, providers (no simulator in production), limits, the authority's profiles, enough
    officials, fresh revocation lists, what is overdue. The status is 1 where there is anything.
    """
    from eds.enroll.doctor import examine
    from eds_cli.diagnoses import tell

    return tell(examine(folder, at=at or now()), as_json=as_json)
