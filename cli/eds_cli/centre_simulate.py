"""`eds centre simulate`: play the state and the providers, at a desk that is a demonstration."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from eds_cli.desks import desk_option, given, source_option
from eds_cli.enrolling import Work, work_option
from eds_cli.instants import now
from eds_cli.lazy import HELP_NAMES
from eds_cli.output import done, json_option, show_json, show_table, write_public
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.enroll.folder import DeskFolder


_PERSON_LIMIT = 64 * 1024


@click.group("simulate", context_settings=HELP_NAMES)
def simulate() -> None:
    """Play the state and the providers of a demonstration. A desk in production refuses it."""


@simulate.command("people")
@desk_option
@json_option
def people(folder: DeskFolder, as_json: bool) -> None:
    """List the people of the demonstration: none of them exists."""
    from eds.enroll.encoding import to_data

    rows = folder.demonstration.people
    if as_json:
        show_json([to_data(each) for each in rows])
        return
    show_table(
        (say("NAME"), say("PERSONAL NUMBER"), say("DOCUMENT"), say("RESIDENCY")),
        [
            (f"{one.surname} {one.given_name}", one.personal_number, " ".join(one.document),
             one.residency.value)
            for one in rows
        ],
    )  # fmt: skip


@simulate.command("person")
@click.argument("file", metavar="FILE", type=click.File("rb"))
@desk_option
@json_option
def person(file: Any, folder: DeskFolder, as_json: bool) -> None:
    """Let somebody move in: FILE is one person, as `people --json` shows them."""
    from eds.enroll.simulators import read_people

    row = _row(file.read(_PERSON_LIMIT))
    for one in read_people(json.dumps({"people": [row]}).encode()):
        folder.demonstration.add(one)
        if as_json:
            show_json({"people": len(folder.demonstration.people)})
        else:
            done(say("{name} lives here", name=f"{one.surname} {one.given_name}"))


def _row(octets: bytes) -> Any:
    """One person of a file. Raises MalformedEvidence."""
    from eds.errors import MalformedEvidence

    try:
        return json.loads(octets)
    except (ValueError, RecursionError):
        raise MalformedEvidence(field="person", reason="not JSON") from None


@simulate.command("organisation")
@click.argument("number", metavar="NUMBER")
@click.option("--name", metavar="TEXT", required=True, help="What it is called.")
@source_option("--head", "The personal number of whoever heads it", parameter="head")
@click.option("--closed", is_flag=True, help="It has been closed.")
@desk_option
@json_option
def organisation(
    number: str, name: str, head: str | None, closed: bool, folder: DeskFolder, as_json: bool
) -> None:
    """Let the register of legal entities know an organisation, or know it otherwise."""
    from eds.enroll.simulators import SimulatedOrganisation

    who = given(head, say("Personal number of the person"), option="--head")
    one = SimulatedOrganisation(number=number, name=name, head=who, active=not closed)
    folder.demonstration.add_organisation(one)
    if as_json:
        show_json({"organisations": len(folder.demonstration.organisations)})
    else:
        done(say("the register knows {name}", name=name))


@simulate.command("messages")
@desk_option
@json_option
def messages(folder: DeskFolder, as_json: bool) -> None:
    """Show what would have been sent, the newest last."""
    rows = folder.demonstration.messages()
    if as_json:
        show_json(list(rows))
        return
    for row in rows:
        words = ", ".join(f"{key} {text}" for key, text in sorted(row["words"].items()))
        click.echo(f"{row['at']}  {row['kind']}  {words}")


@simulate.command("face")
@click.option("--score", type=click.IntRange(0, 1000), default=950, show_default=True,
              help="How like the face is, of 1000.")  # fmt: skip
@click.option("--out", metavar="FILE", required=True, help="The assertion, as a provider signs it.")
@work_option
@json_option
def face(score: int, out: str, work: Work, as_json: bool) -> None:
    """Hold a face check for your application."""
    if work.folder is None:
        raise click.UsageError(say("the desk is not on this machine"))
    token = work.folder.demonstration.face(work.standing(), score=score, at=now())
    write_public(token, out)
    if as_json:
        show_json({"score": score, "out": out})
    else:
        done(say("the provider's assertion is in {file}", file=out))
