"""A visit, written down at a terminal: question by question."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eds_cli.desks import given
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.enroll.visits import Visit


def ask_visit(flow: str) -> Visit:
    """A visit, asked for question by question."""
    from datetime import UTC, datetime

    from eds.enroll.evidence.inperson import ChipAbsence, Inspection, SeenDocument
    from eds.enroll.people import DocumentIdentity
    from eds.enroll.visits import Visit, read_chip

    def text(question: str, default: str = "") -> str:
        answer: str = click.prompt(question, default=default, show_default=bool(default), err=True)
        return answer.strip()

    def day(question: str) -> datetime:
        found: datetime = click.prompt(question, type=click.DateTime(["%Y-%m-%d"]), err=True)
        return found.replace(tzinfo=UTC)

    def scan(question: str) -> bytes:
        kind = click.Path(exists=True, dir_okay=False, path_type=Path)
        path: Path = click.prompt(question, type=kind, err=True)
        return path.read_bytes()

    click.echo(say("The document lies before you. Write down what it says."), err=True)
    kind = SeenDocument(
        click.prompt(
            say("Kind"),
            type=click.Choice([each.value for each in SeenDocument]),
            default="passport",
            err=True,
        )
    )
    country = click.prompt(say("Country (two letters)"), err=True).upper()
    number = given(None, say("Number of the document"), option="VISIT").upper()
    identity, personal_number = None, ""
    if flow == "centre":
        identity = DocumentIdentity(
            country=country,
            number=number,
            surname=text(say("Surname")),
            given_name=text(say("Given names")) or None,
            born=day(say("Born")).date(),
            nationality=text(say("Nationality (two letters)"), country).upper(),
            expires=day(say("The document expires")).date(),
            permission_until=day(say("Permission to stay until")),
        )
    else:
        personal_number = given(None, say("Personal number"), option="VISIT")
    questions = {
        Inspection.ORIGINAL_SEEN: say("Is it the original?"),
        Inspection.SECURITY_FEATURES: say("Are its security features in order?"),
        Inspection.PHOTO_RESEMBLES: say("Is it the person before you?"),
        Inspection.ZONE_AGREES: say("Does the machine-readable zone agree?"),
    }
    if flow == "centre":
        questions[Inspection.TRANSLATION_NOTARISED] = say("Is there a notarised translation?")
    inspections = {one for one, words in questions.items() if click.confirm(words, err=True)}
    chip, absence = None, None
    if click.confirm(say("Was the chip read?"), default=False, err=True):
        chip = read_chip(Path(click.prompt(say("Folder with what was read"), err=True)))
    else:
        absence = ChipAbsence(
            click.prompt(
                say("Why not"),
                type=click.Choice([each.value for each in ChipAbsence]),
                default="no_chip",
                err=True,
            )
        )
    return Visit(
        document=kind,
        country=country,
        number=number,
        identity=identity,
        personal_number=personal_number,
        place=text(say("Where you sit (window, room)")),
        inspections=frozenset(inspections),
        capture=scan(say("File of the picture taken now")),
        chip=chip,
        chip_absence=absence,
        translation=(
            scan(say("File of the translation"))
            if Inspection.TRANSLATION_NOTARISED in inspections
            else b""
        ),
        contact=text(say("Address for codes and notices")),
        remark=text(say("Remark (may be empty)")),
    )
