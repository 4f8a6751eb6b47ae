"""`eds id`: the identity numbers of people and organisations."""

from __future__ import annotations

import sys
from typing import Final

import click

from eds_cli.lazy import HELP_NAMES
from eds_cli.output import Shown, json_option, show

_LIMIT: Final = 256  # characters of a line that is read


@click.group("id", context_settings=HELP_NAMES)
def identity() -> None:
    """Look at identity numbers, such as the IIN and BIN of Kazakhstan."""


@identity.command("check")
@click.argument("number", nargs=-1, metavar="[NUMBER]")
@click.option(
    "--country",
    "code",
    default="KZ",
    show_default=True,
    metavar="CODE",
    help="Whose rules of numbers: two letters of ISO 3166-1.",
)
@json_option
def check(number: tuple[str, ...], code: str, as_json: bool) -> int:
    """Say what NUMBER says, and whether it can have been assigned.

    Without NUMBER, or with "-", it is read from standard input, so that it stands in no list of
    processes and no history. It is never repeated. The exit status is 0 where the number can have
    been assigned, else 5.
    """
    from eds.country import countries
    from eds_cli.main import REFUSED

    country = countries().get(code.upper())
    if country is None:
        raise click.UsageError(f"--country is one of {', '.join(countries())}")
    found = country.read_number(_number(number))
    show(
        {
            "type": found.type,
            "country": country.name,
            **dict(found.facts),
            "assignable": not found.departures,
            "departures": [
                Shown({"code": one.code, "says": one.says}, f"{one.says} [{one.code}]")
                for one in found.departures
            ],
        },
        as_json=as_json,
    )
    return REFUSED if found.departures else 0


def _number(words: tuple[str, ...]) -> str:
    """The number, its groups of digits joined."""
    if words and words != ("-",):
        return "".join(words)
    if not words and sys.stdin.isatty():
        text: str = click.prompt("number", hide_input=True, err=True)
    else:
        text = sys.stdin.readline(_LIMIT)
    return "".join(text.split())
