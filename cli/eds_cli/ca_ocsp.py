"""`eds ca ocsp`: answer a request, look at the responders, make the next one."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eds_cli.authority import (
    Consent,
    actor_option,
    authority_option,
    plan_options,
)
from eds_cli.ca_status import issuer_option
from eds_cli.instants import now
from eds_cli.lazy import HELP_NAMES
from eds_cli.output import done, json_option, show, show_json, write_public
from eds_cli.pins import Secrets, secret_options
from eds_cli.speech import say
from eds_cli.stores import Algorithm

if TYPE_CHECKING:
    from eds.algorithms import SignatureAlgorithm
    from eds.ca.folder import AuthorityFolder

_FAILED = 1


@click.group(context_settings=HELP_NAMES)
def ocsp() -> None:
    """Answer OCSP requests (RFC 6960), and renew who answers them."""


@ocsp.command("answer")
@click.argument("request", metavar="REQUEST", type=click.Path(exists=True, dir_okay=False))
@click.option("--out", metavar="FILE", required=True, help="The response, DER, a new file.")
@issuer_option
@click.option("--hours", type=click.IntRange(1, 24 * 10), default=12, show_default=True,
              help="How long an answer may be kept.")  # fmt: skip
@authority_option
@secret_options()
@json_option
def answer(
    request: str,
    out: str,
    issuer: str | None,
    hours: int,
    folder: AuthorityFolder,
    secrets: Secrets,
    as_json: bool,
) -> int:
    """Answer the OCSPRequest in the file REQUEST (DER) for all issuers that have a responder.

    The answer comes from what was issued: a serial number that never was is never good. The
    status is 1 where the response tells no status at all.
    """
    from eds.ca.responder import REQUEST_SIZE
    from eds.ca.responders import open_responder
    from eds.ocsp import ResponseStatus

    with Path(request).open("rb") as file:
        asked = file.read(REQUEST_SIZE + 1)
    issuers = [folder.issuer(issuer)] if issuer else folder.issuers
    at = now()
    with open_responder(
        folder, issuers, validity=timedelta(hours=hours), pin=secrets.pin, at=at
    ) as responder:
        made = responder.respond(asked, at=at)
    write_public(made.encoded, out)
    facts = {
        "status": made.status.name.lower(),
        "cacheable_until": made.cacheable_until.isoformat() if made.cacheable_until else None,
        "cause": made.cause.code if made.cause else None,
        "out": out,
    }
    if as_json:
        show_json(facts)
    else:
        done(
            say(
                "{status}: {count} octets in {file}",
                status=facts["status"],
                count=len(made.encoded),
                file=out,
            )
        )
    return 0 if made.status is ResponseStatus.SUCCESSFUL else _FAILED


@ocsp.command("show")
@issuer_option
@authority_option
@json_option
def show_responders(issuer: str | None, folder: AuthorityFolder, as_json: bool) -> None:
    """Show the responders of an issuer, or of all, and how long they answer."""
    from eds.ca.responders import find_responders

    at = now()
    issuers = [folder.issuer(issuer)] if issuer else folder.issuers
    rows = [
        {
            "issuer": one.label,
            "key": found.key.label,
            "serial_number": found.certificate.serial_number_octets.hex(),
            "not_before": found.certificate.not_before.isoformat(),
            "not_after": found.certificate.not_after.isoformat(),
            "answers": found.certificate.in_validity_period(at=at),
        }
        for one in issuers
        for found in find_responders(folder, one)
    ]
    if as_json:
        show_json(rows)
        return
    for row in rows:
        show(row, as_json=False, title=str(row["issuer"]), words=say)
    if not rows:
        click.echo(say("no responders"), err=True)


@ocsp.command("rotate")
@issuer_option
@click.option(
    "--algorithm",
    type=Algorithm(),
    default="p256",
    show_default=True,
    help="How the responder signs.",
)
@click.option(
    "--profile",
    metavar="NAME",
    default="ocsp-responder",
    show_default=True,
    help="The profile of its certificate.",
)
@actor_option
@authority_option
@secret_options(new=True)
@plan_options
def rotate_command(
    issuer: str | None,
    algorithm: tuple[SignatureAlgorithm, int],
    profile: str,
    actor: str,
    folder: AuthorityFolder,
    secrets: Secrets,
    consent: Consent,
) -> int:
    """Make the next responder of an issuer: a key of its own, and a certificate for it.

    Those that stand go on until they end; of two that are valid the younger answers.
    """
    from eds.ca.responders import plan_rotation, rotate

    named = folder.issuer(issuer)
    folder.require_reference("actor", actor)
    rotation = plan_rotation(folder, named, at=now(), profile=profile)
    plan = {
        "issuer": named.label,
        "profile": f"{rotation.profile.name}/{rotation.profile.version}",
        "subject": rotation.subject.rfc4514,
        "key": rotation.label,
        "key_stands": rotation.key is not None,
        "key_store": named.settings.responder_store,
        "algorithm": algorithm[0].name,
        "validity_days": rotation.profile.validity.days,
        "standing_until": [instant.isoformat() for instant in rotation.until],
    }
    if not consent.given(plan, title=say("new OCSP responder of {issuer}", issuer=named.label)):
        return consent.status
    made = rotate(
        rotation,
        folder=folder,
        algorithm=algorithm[0],
        pin=secrets.pin_of_new_key,
        actor=actor,
        at=now(),
    )
    consent.done(
        {
            "serial_number": made.serial_number_octets.hex(),
            "sha256": made.fingerprint.hex(),
            "not_after": made.not_after.isoformat(),
        }
    )
    if not consent.as_json:
        done(
            say(
                "{key} answers for {issuer} until {date}",
                key=rotation.label,
                issuer=named.label,
                date=f"{made.not_after:%Y-%m-%d}",
            )
        )
    return 0
