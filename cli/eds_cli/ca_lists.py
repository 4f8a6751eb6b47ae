"""`eds ca crl`: publish revocation lists, as a web server gives them out."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from eds_cli.authority import actor_option, authority_option
from eds_cli.ca_status import issuer_option
from eds_cli.instants import now
from eds_cli.output import done, json_option, show_json
from eds_cli.pins import Secrets, secret_options
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.ca.folder import AuthorityFolder

# A root's lists change once in years, and its key lies in a safe.
_ROOT_HOURS: Final = 90 * 24
_HOURS: Final = {"full": 24, "delta": 1, "last": 1}


@click.command("crl")
@issuer_option
@click.option(
    "--kind",
    type=click.Choice(tuple(_HOURS)),
    default="full",
    show_default=True,
    help="delta: what changed since the full list; last: the list after which none comes.",
)
@click.option(
    "--shard", "shards", type=click.IntRange(0), multiple=True, help="Only this one; all if not."
)
@click.option(
    "--hours",
    type=click.IntRange(1, 24 * 366),
    show_default=f"24, for deltas 1, for a root {_ROOT_HOURS}",
    help="From thisUpdate to nextUpdate.",
)
@click.option(
    "--out",
    metavar="FOLDER",
    required=True,
    help="Where a web server finds them: below it, each has the path of its address.",
)
@actor_option
@authority_option
@secret_options()
@json_option
def crl(
    issuer: str | None,
    kind: str,
    shards: tuple[int, ...],
    hours: int | None,
    out: str,
    actor: str,
    folder: AuthorityFolder,
    secrets: Secrets,
    as_json: bool,
) -> None:
    """Make, publish and write the revocation lists of an issuer.

    Numbers rise strictly, whoever publishes; a file is the old list or the new one.
    """
    from eds.ca.lists import ListPublisher
    from eds.ca.publication import ListKind, list_path, publish_lists

    named = folder.issuer(issuer)
    folder.require_reference("actor", actor)
    wanted = ListKind(kind)
    chosen = shards or range(named.settings.shard_count)
    list_path(named, chosen[0], kind=wanted)  # an address that is no path is refused first
    usual = _ROOT_HOURS if named.certificate.is_self_issued else _HOURS[kind]
    rows: list[dict[str, Any]] = []
    with folder.signer_of(named, pin=secrets.pin) as signer:
        at = now()
        publisher = ListPublisher(
            folder.register,
            issuer=named.identifier,
            facts=named.facts,
            signer=signer,
            expired_since=named.facts.not_before,
        )
        published = publish_lists(
            publisher,
            named,
            chosen,
            kind=wanted,
            folder=Path(out),
            next_update=at + timedelta(hours=hours or usual),
            actor=actor,
            at=at,
        )
        for number, one in enumerate(published, 1):
            made = one.made
            rows.append(
                {
                    "shard": one.shard,
                    "number": made.crl_number,
                    "entries": len(made),
                    "this_update": made.this_update.isoformat(),
                    "next_update": made.next_update.isoformat() if made.next_update else None,
                    "file": str(one.file),
                    "octets": len(made.encoded),
                }
            )
            if sys.stderr.isatty():
                told = say("{number} of {count} lists", number=number, count=len(chosen))
                click.echo(f"\r{told}", err=True, nl=False)
    if sys.stderr.isatty():
        click.echo("\r\033[K", err=True, nl=False)
    if as_json:
        show_json(rows)
        return
    for row in rows if len(rows) <= 16 else ():
        told = say(
            "{file}: number {number}, {entries} entries",
            file=row["file"],
            number=row["number"],
            entries=row["entries"],
        )
        click.echo(f"  {told}")
    done(
        say(
            "published {count} {kind} lists of {issuer}",
            count=len(rows),
            kind=say(kind),
            issuer=named.label,
        )
    )
