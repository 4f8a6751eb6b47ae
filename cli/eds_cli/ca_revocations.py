"""`eds ca revocations`: requests to revoke, from receipt until they are carried out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from eds_cli.authority import actor_option, authority_option
from eds_cli.ca_status import REASONS, issuer_option, reference_argument
from eds_cli.instants import Instant, now
from eds_cli.lazy import HELP_NAMES
from eds_cli.output import Shown, done, json_option, show_json, show_table
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.ca.folder import AuthorityFolder

_HOLD: Final = "hold"
_ALARM: Final = 1


@click.group(context_settings=HELP_NAMES)
def revocations() -> None:
    """Requests to revoke or hold: kept from receipt, due within 24 hours (EN 319 411-1).

    `eds ca revoke` and `hold` carry them out; whatever changes the certificate ends the request.
    """


@revocations.command("receive")
@reference_argument
@click.option("--request", "name", metavar="REF", required=True, help="What it is called, once.")
@click.option("--requester", metavar="REF", required=True, help="Who wants it: a reference.")
@click.option(
    "--reason",
    type=click.Choice((*REASONS, _HOLD)),
    metavar="REASON",
    required=True,
    help=f"One of {', '.join(REASONS)}; or hold.",
)
@click.option("--received-at", type=Instant(), help="When it came; now if not given.")
@issuer_option
@actor_option
@authority_option
@json_option
def receive_command(
    reference: str,
    name: str,
    requester: str,
    reason: str,
    received_at: datetime | None,
    issuer: str | None,
    actor: str,
    folder: AuthorityFolder,
    as_json: bool,
) -> None:
    """Keep a request for the certificate SERIAL|SHA256; its 24 hours run from its receipt."""
    from eds.ca.deadlines import RevocationRequest
    from eds.ca.lifecycle import Act
    from eds.ca.received import receive
    from eds.ca.references import find_certificate
    from eds.extensions import RevocationReason

    at = now()
    if received_at is not None and received_at > at:
        raise click.UsageError("--received-at lies ahead")
    within = folder.issuer(issuer).identifier if issuer else None
    issued = find_certificate(folder.register, reference, issuer=within)
    hold = reason == _HOLD
    request = RevocationRequest(
        request=folder.require_reference("request", name),
        issuer=issued.issuer,
        serial=issued.serial,
        act=Act.HOLD if hold else Act.REVOKE,
        requester=folder.require_reference("requester", requester),
        received_at=received_at or at,
        reason=None if hold else RevocationReason[reason.replace("-", "_").upper()],
    )
    receive(folder.register, request, actor=folder.require_reference("actor", actor))
    if as_json:
        show_json({"request": name, "due_at": request.due_at.isoformat()})
    else:
        due = request.due_at.isoformat(timespec="seconds")
        done(say("kept {request}; due by {due}", request=name, due=due))


@revocations.command("refuse")
@click.argument("name", metavar="REQUEST")
@click.option("--why", metavar="TEXT", required=True, help="Kept in the audit log.")
@actor_option
@authority_option
@json_option
def refuse_command(name: str, why: str, actor: str, folder: AuthorityFolder, as_json: bool) -> None:
    """End a request that was not confirmed."""
    from eds.ca.received import refuse

    actor = folder.require_reference("actor", actor)
    refuse(folder.register, name, why=why, actor=actor, at=now())
    if as_json:
        show_json({"request": name, "refused": True})
    else:
        done(say("refused {request}", request=name))


@revocations.command("list")
@authority_option
@json_option
def list_command(folder: AuthorityFolder, as_json: bool) -> int:
    """List open requests, the most urgent first. The status is 1 if one is due within 6 hours."""
    from eds.ca.deadlines import deadlines
    from eds.ca.received import open_requests

    sorted_ = deadlines(open_requests(folder.register), at=now())
    rows: list[dict[str, Any]] = [
        {
            "request": one.request,
            "urgency": Shown(urgency, say(urgency)),
            "due_at": one.due_at.isoformat(),
            "act": Shown(one.act.value, say(one.act.value)),
            "reason": one.reason.name.lower() if one.reason else None,
            "serial_number": one.serial.hex(),
            "issuer": folder.issuer(one.issuer).label,
            "requester": one.requester,
        }
        for urgency in ("overdue", "due", "waiting")
        for one in getattr(sorted_, urgency)
    ]
    if as_json:
        show_json(rows)
    elif rows:
        columns = {
            "request": say("REQUEST"),
            "urgency": say("URGENCY"),
            "due_at": say("DUE_AT"),
            "act": say("ACT"),
            "reason": say("REASON"),
            "serial_number": say("SERIAL_NUMBER"),
            "issuer": say("ISSUER"),
        }
        cells = [[row[name] for name in columns] for row in rows]
        show_table(
            list(columns.values()),
            [[one.text if isinstance(one, Shown) else one for one in row] for row in cells],
        )
    else:
        click.echo(say("none are open"), err=True)
    return _ALARM if sorted_.is_alarming else 0
