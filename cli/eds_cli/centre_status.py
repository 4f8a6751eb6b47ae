"""`eds centre hold`, `revoke` and `release`: an operator proposes, a checker agrees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from eds_cli.desks import acting, at_address, is_address, open_desk, place_option, statements_signed
from eds_cli.instants import now
from eds_cli.output import done, json_option, show_json, write_public
from eds_cli.pins import Secrets, secret_options
from eds_cli.signing import key_options
from eds_cli.speech import say

F = TypeVar("F", bound=Callable[..., Any])


def _options(command: F) -> F:
    decorated: Any = json_option(command)
    for option in (secret_options(), place_option, key_options):
        decorated = option(decorated)
    decorated = click.option(
        "--proposal", metavar="FILE", help="Agree to what the operator has proposed."
    )(decorated)
    decorated = click.option(
        "--out", metavar="FILE", help="Where the proposal goes, for the second official."
    )(decorated)
    decorated = click.option(
        "--reason", metavar="TEXT",
        help="Why. A revocation may begin with a word of RFC 5280, such as key-compromise.",
    )(decorated)  # fmt: skip
    return click.argument("reference", metavar="[SERIAL|SHA256]", required=False)(  # type: ignore[no-any-return]
        decorated
    )


@click.command("hold")
@_options
def hold(**said: Any) -> None:
    """Suspend a certificate. The operator proposes (--out), the checker agrees (--proposal)."""
    _change("hold", **said)


@click.command("revoke")
@_options
def revoke(**said: Any) -> None:
    """Revoke a certificate for good. The operator proposes, the checker agrees."""
    _change("revocation", **said)


@click.command("release")
@_options
def release(**said: Any) -> None:
    """End a suspension: not by whoever recorded the person, and always by two."""
    _change("release", **said)


def _change(
    change: str,
    *,
    reference: str | None,
    reason: str | None,
    proposal: str | None,
    out: str | None,
    key: str | None,
    store: str,
    certificate_files: tuple[str, ...],
    desk: str,
    secrets: Secrets,
    as_json: bool,
) -> None:
    from eds.enroll.casework import By, Proposal, approve_change, propose_change

    if proposal is not None:
        if reference or reason or out:
            raise click.UsageError(say("--proposal says it all"))
        read = Proposal.decode(Path(proposal).read_bytes())
        if read.change != change:
            raise click.UsageError(say("the proposal is not a {change}", change=say(change)))
        if is_address(desk):
            with at_address(desk, key, store, certificate_files, secrets) as (counter, by):
                state = counter.approve_change(read, by)
        else:
            folder = open_desk(desk)
            with acting(folder, key, store, certificate_files, secrets) as by:
                state = approve_change(folder.desk, folder.issuing, read, by, at=now())
        if as_json:
            show_json({"target": read.said.target, "change": change, "state": state})
        else:
            done(f"{read.said.target}: {say(state)}")
        return
    if reference is None or out is None:
        raise click.UsageError(say("say the certificate, and where the proposal goes: --out"))
    fingerprint, named = _which(desk, reference)
    with statements_signed(key, store, certificate_files, secrets) as (certificate, sign):
        by = By(certificate=certificate, sign=sign)
        made = propose_change(fingerprint, change, by, reason=reason or "", at=now())
    write_public(made.encoded, out)
    if as_json:
        show_json({"target": made.said.target, "change": change, "out": out})
    else:
        done(
            say(
                "proposed: {change} of {serial}; the checker agrees with --proposal {file}",
                change=say(change),
                serial=named,
                file=out,
            )
        )


def _which(desk: str, reference: str) -> tuple[bytes, str]:
    """The SHA-256 of a certificate, and what to call it. At an address nothing else names one."""
    from eds.ca.references import find_certificate

    if not is_address(desk):
        issued = find_certificate(open_desk(desk).authority.register, reference, issuer=None)
        return issued.certificate.fingerprint, issued.serial.hex()
    try:
        fingerprint = bytes.fromhex(reference)
    except ValueError:
        fingerprint = b""
    if len(fingerprint) != 32:
        raise click.UsageError(say("at an address a certificate is named by its whole SHA-256"))
    return fingerprint, fingerprint.hex()
