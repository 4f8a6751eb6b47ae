"""`eds ca hold`, `release`, `revoke` and `recover`: the life of a certificate after its issue."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from eds_cli.authority import (
    Consent,
    actor_option,
    authority_option,
    plan_options,
    status_facts,
)
from eds_cli.instants import Instant, now
from eds_cli.output import Facts, Shown, done
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.ca.folder import AuthorityFolder
    from eds.ca.lifecycle import Act, Change
    from eds.ca.register import Issued

# Those of RFC 5280 §5.3.1 that a revocation may give.
REASONS: Final = (
    "unspecified",
    "key-compromise",
    "ca-compromise",
    "affiliation-changed",
    "superseded",
    "cessation-of-operation",
    "privilege-withdrawn",
)
reference_argument: Final = click.argument("reference", metavar="SERIAL|SHA256")
issuer_option: Final = click.option(
    "--issuer", metavar="LABEL", help="The issuer, where several could be meant."
)


@click.command("hold")
@reference_argument
@issuer_option
@actor_option
@authority_option
@plan_options
def hold(
    reference: str, issuer: str | None, actor: str, folder: AuthorityFolder, consent: Consent
) -> int:
    """Suspend a certificate: it can be released again, and the hold stays known."""
    from eds.ca.lifecycle import Act, Change

    return _change(folder, reference, issuer, Change(act=Act.HOLD, at=now()), actor, consent)


@click.command("release")
@reference_argument
@issuer_option
@actor_option
@authority_option
@plan_options
def release(
    reference: str, issuer: str | None, actor: str, folder: AuthorityFolder, consent: Consent
) -> int:
    """End the suspension of a certificate."""
    from eds.ca.lifecycle import Act, Change

    return _change(folder, reference, issuer, Change(act=Act.RELEASE, at=now()), actor, consent)


@click.command("revoke")
@reference_argument
@click.option(
    "--reason",
    type=click.Choice(REASONS),
    metavar="REASON",
    required=True,
    help=f"One of {', '.join(REASONS)}.",
)
@click.option(
    "--invalidity-date",
    type=Instant(),
    help="Since when the key is known or suspected to be in other hands.",
)
@issuer_option
@actor_option
@authority_option
@plan_options
def revoke(
    reference: str,
    reason: str,
    invalidity_date: datetime | None,
    issuer: str | None,
    actor: str,
    folder: AuthorityFolder,
    consent: Consent,
) -> int:
    """Revoke a certificate for good.

    A compromised key takes all its certificates with it and is never certified again.
    """
    from eds.ca.lifecycle import Act, Change
    from eds.extensions import RevocationReason

    change = Change(
        act=Act.REVOKE,
        at=now(),
        reason=RevocationReason[reason.replace("-", "_").upper()],
        invalidity_date=invalidity_date,
    )
    return _change(folder, reference, issuer, change, actor, consent)


def _change(
    folder: AuthorityFolder,
    reference: str,
    issuer: str | None,
    change: Change,
    actor: str,
    consent: Consent,
) -> int:
    from eds.ca.acts import carry_out, plan_change
    from eds.ca.issuers import STATUS_RULES
    from eds.ca.references import find_certificate

    folder.require_reference("actor", actor)
    within = folder.issuer(issuer).identifier if issuer else None
    issued = find_certificate(folder.register, reference, issuer=within)
    planned = plan_change(folder.register, issued, change)
    facts = {
        "act": Shown(change.act.value, say(change.act.value)),
        "certificate": issued_facts(folder, issued),
        "before": status_facts(issued.status),
        "after": status_facts(planned.after),
        "key_blocked": planned.blocks_key,
        "others_of_this_key": [issued_facts(folder, one) for one in planned.others],
    }
    if not consent.given(facts, title=f"{say(change.act.value)} {issued.serial.hex()}"):
        return consent.status
    # Somebody read the plan meanwhile: what follows holds from now on, and for what is so now.
    issued = find_certificate(folder.register, reference, issuer=within)
    planned = plan_change(folder.register, issued, replace(change, at=now()))
    after = carry_out(
        planned,
        register=folder.register,
        policy=STATUS_RULES,
        actor=actor,
        at=now(),
    )
    consent.done({"status": [status_facts(one) for one in after]})
    if not consent.as_json:
        done(_changed(change.act, issued.serial.hex()))
    return 0


def _changed(act: Act, serial: str) -> str:
    match act.value:
        case "hold":
            return say("held {serial}; the next list tells of it", serial=serial)
        case "release":
            return say("released {serial}; the next list tells of it", serial=serial)
        case _:
            return say("revoked {serial}; the next list tells of it", serial=serial)


def issued_facts(folder: AuthorityFolder, issued: Issued) -> Facts:
    """A certificate of the register in short: nothing of it is a personal number but the name."""
    from eds.names import COMMON_NAME

    certificate = issued.certificate
    names = certificate.subject.values(COMMON_NAME)
    return {
        "serial_number": issued.serial.hex(),
        "issuer": folder.issuer(issued.issuer).label,
        "common_name": names[0] if names else None,
        "profile": issued.profile,
        "person": issued.person,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "sha256": certificate.fingerprint.hex(),
        "state": Shown(issued.status.state.value, say(issued.status.state.value)),
    }


@click.command("recover")
@click.option(
    "--older-than",
    metavar="MINUTES",
    type=click.IntRange(min=1),
    default=60,
    show_default=True,
    help="Only what was begun longer ago: younger ones may still be under way.",
)
@actor_option
@authority_option
@plan_options
def recover(older_than: int, actor: str, folder: AuthorityFolder, consent: Consent) -> int:
    """Give up certificates that were begun and never finished.

    Such a serial number may have been signed: it is listed as revoked and never used again. The
    request may be tried anew.
    """
    from eds.ca.authority import give_up

    folder.require_reference("actor", actor)
    intents = folder.register.open_intents(before=now() - timedelta(minutes=older_than))
    rows: list[dict[str, Any]] = [
        {
            "serial_number": intent.serial.hex(),
            "issuer": folder.issuer(intent.issuer).label,
            "request": intent.request,
            "profile": intent.profile,
            "begun_at": intent.created_at.isoformat(),
        }
        for intent in intents
    ]
    if not intents:
        consent.done({"given_up": []})
        if not consent.as_json:
            done(say("nothing is unfinished"))
        return 0
    if not consent.given({"intents": rows}, title=say("give up {count}", count=len(rows))):
        return consent.status
    for intent in intents:
        give_up(intent, register=folder.register, actor=actor, at=now())
    consent.done({"given_up": [row["serial_number"] for row in rows]})
    if not consent.as_json:
        done(
            say(
                "gave up {count}; their serial numbers are revoked in the next list",
                count=len(rows),
            )
        )
    return 0
