"""`eds centre officials`: two security officers appoint, one removes, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eds_cli.desks import (
    acting,
    at_address,
    desk_option,
    given,
    is_address,
    open_desk,
    place_option,
    source_option,
)
from eds_cli.instants import now
from eds_cli.lazy import HELP_NAMES
from eds_cli.output import done, json_option, show_json, show_table, write_public
from eds_cli.pins import Secrets, secret_options
from eds_cli.signing import key_options
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.enroll.casework import By
    from eds.enroll.folder import DeskFolder

_ROLES = ("operator", "checker", "security-officer", "auditor")


@click.group("officials", context_settings=HELP_NAMES)
def officials() -> None:
    """Appoint, remove and list officials.

    A role belongs to a person, told by the personal number: by their certificate (--of), or by
    the number from a file (--person).
    """


@officials.command("appoint")
@click.option("--of", "certificate", metavar="FILE", help="The certificate of the person.")
@source_option("--person", "The personal number of the person", parameter="person")
@click.option("--role", "roles", type=click.Choice(_ROLES), multiple=True, help="What they may do.")
@click.option("--station", "stations", metavar="NAME", multiple=True, help="Where they work.")
@click.option("--conflicts", metavar="FILE",
              help="Personal numbers of those they may not judge, one a line.")  # fmt: skip
@click.option("--proposal", metavar="FILE", help="Sign what the first officer has proposed.")
@click.option("--out", metavar="FILE", help="Where the proposal goes, for the second officer.")
@key_options
@place_option
@secret_options()
@json_option
def appoint(
    certificate: str | None,
    person: str | None,
    roles: tuple[str, ...],
    stations: tuple[str, ...],
    conflicts: str | None,
    proposal: str | None,
    out: str | None,
    key: str | None,
    store: str,
    certificate_files: tuple[str, ...],
    desk: str,
    secrets: Secrets,
    as_json: bool,
) -> None:
    """Give a person roles, in place of those before, by two security officers.

    The first names the person and the roles and writes a proposal (--out); the second signs the
    same with --proposal, within minutes.
    """
    from eds.enroll.casework import Proposal, propose_official
    from eds.enroll.casework import appoint as appoint_official
    from eds.enroll.officials import Official, Role

    if proposal is not None:
        if roles or certificate or person or out:
            raise click.UsageError(say("--proposal says it all"))
        read = Proposal.decode(Path(proposal).read_bytes())
        if is_address(desk):
            with at_address(desk, key, store, certificate_files, secrets) as (counter, by):
                official = counter.appoint(read, by)
        else:
            folder = open_desk(desk)
            with acting(folder, key, store, certificate_files, secrets) as by:
                official = appoint_official(folder.desk, read, by, at=now())
        _tell("appointed", official.person, as_json=as_json)
        return
    if not roles or out is None:
        raise click.UsageError(say("say the --role, and where the proposal goes: --out"))
    relatives = Path(conflicts).read_text(encoding="utf-8").split() if conflicts else []
    number = _number(certificate, person)
    with _naming(desk, key, store, certificate_files, secrets) as (name, by):
        official = Official(
            person=name(number),
            roles=frozenset(Role(role.replace("-", "_")) for role in roles),
            stations=frozenset(stations),
            conflicts=frozenset(map(name, relatives)),
        )
        made = propose_official(official, by, at=now())
    write_public(made.encoded, out)
    _tell("proposed", official.person, as_json=as_json, out=out)


@officials.command("remove")
@click.argument("reference", metavar="[PERSON]", required=False)
@click.option("--of", "certificate", metavar="FILE", help="The certificate of the person.")
@source_option("--person", "The personal number of the person", parameter="person")
@key_options
@place_option
@secret_options()
@json_option
def remove(
    reference: str | None,
    certificate: str | None,
    person: str | None,
    key: str | None,
    store: str,
    certificate_files: tuple[str, ...],
    desk: str,
    secrets: Secrets,
    as_json: bool,
) -> None:
    """Put a person out of office, from this instant: their decisions that wait are void too.

    PERSON is as `list --json` shows it, or the beginning of it; the whole of it at an address.
    """
    from eds.enroll.casework import remove as remove_official

    number = "" if reference else _number(certificate, person)
    if is_address(desk):
        with at_address(desk, key, store, certificate_files, secrets) as (counter, by):
            who = reference or counter.pseudonym(number, by)
            counter.remove(who, by)
    else:
        folder = open_desk(desk)
        who = _known(folder, reference) if reference else folder.pseudonyms.person(number)
        with acting(folder, key, store, certificate_files, secrets) as by:
            remove_official(folder.desk, who, by, at=now())
    _tell("removed", who, as_json=as_json)


@officials.command("list")
@desk_option
@json_option
def list_officials(folder: DeskFolder, as_json: bool) -> None:
    """List who is in office, as pseudonyms: names stand in no table of the desk."""
    rows = [
        {
            "person": each.person,
            "roles": sorted(role.value for role in each.roles),
            "stations": sorted(each.stations),
            "conflicts": len(each.conflicts),
        }
        for each in folder.store.officials()
    ]
    if as_json:
        show_json(rows)
    else:
        show_table(
            (say("PERSON"), say("ROLES"), say("STATIONS")),
            [(row["person"][:20], ", ".join(say(role) for role in row["roles"]),  # type: ignore[index,attr-defined]
              ", ".join(row["stations"]))  # type: ignore[arg-type]
             for row in rows],
        )  # fmt: skip


@contextmanager
def _naming(
    desk: str, key: str | None, store: str, certificates: tuple[str, ...], secrets: Secrets
) -> Iterator[tuple[Callable[[str], str], By]]:
    """What makes a pseudonym of a personal number at that desk, and the officer."""
    if is_address(desk):
        with at_address(desk, key, store, certificates, secrets) as (counter, by):
            yield lambda number: counter.pseudonym(number, by), by
        return
    folder = open_desk(desk)
    with acting(folder, key, store, certificates, secrets) as by:
        yield folder.pseudonyms.person, by


def _number(certificate: str | None, person: str | None) -> str:
    """The personal number that a certificate names, or that is given."""
    from eds.certificates import Certificate
    from eds.enroll.failures import Code, Failure
    from eds.enroll.officials import certified_number
    from eds.errors import TransitionRefused

    if certificate is None:
        return given(person, say("Personal number of the person"), option="--person")
    if person is not None:
        raise click.UsageError(say("--of or --person, not both"))
    found = Certificate.certificates(Path(certificate).read_bytes())
    number = certified_number(found[0]) if found else None
    if number is None:
        raise TransitionRefused(failures=(Failure(code=Code.NOT_AN_OFFICIAL),))
    return number


def _known(folder: DeskFolder, reference: str) -> str:
    from eds.enroll.failures import Code, Failure
    from eds.errors import TransitionRefused

    found = [each.person for each in folder.store.officials() if each.person.startswith(reference)]
    if len(found) != 1:
        raise TransitionRefused(failures=(Failure(code=Code.NOT_AN_OFFICIAL),))
    return found[0]


def _tell(deed: str, person: str, *, as_json: bool, out: str | None = None) -> None:
    if as_json:
        show_json({"person": person, "deed": deed, "out": out})
        return
    done(f"{say(deed)} {person[:20]}…")
    if out is not None:
        command = f"eds centre officials appoint --proposal {out} --key KEY"
        click.echo(say("the second officer: {command}", command=command))
