"""`eds centre hold`, `revoke` and `release`: an operator proposes, a checker agrees."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from eds_cli.desks import acting, desk_option
from eds_cli.instants import now
from eds_cli.output import done, json_option, show_json, write_public
from eds_cli.pins import Secrets, secret_options
from eds_cli.signing import key_options
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.enroll.folder import DeskFolder

F = TypeVar("F", bound=Callable[..., Any])


def _options(command: F) -> F:
    decorated: Any = json_option(command)
    for option in (secret_options(), desk_option, key_options):
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
    folder: DeskFolder,
    secrets: Secrets,
    as_json: bool,
) -> None:
    from eds.ca.references import find_certificate
    from eds.enroll.casework import Proposal, approve_change, propose_change

    if proposal is not None:
        if reference or reason or out:
            raise click.UsageError(say("--proposal says it all"))
        read = Proposal.decode(Path(proposal).read_bytes())
        if read.change != change:
            raise click.UsageError(say("the proposal is not a {change}", change=say(change)))
        with acting(folder, key, store, certificate_files, secrets) as by:
            state = approve_change(folder.desk, folder.issuing, read, by, at=now())
        if as_json:
            show_json({"target": read.said.target, "change": change, "state": state})
        else:
            done(f"{read.said.target}: {say(state)}")
        return
    if reference is None or out is None:
        raise click.UsageError(say("say the certificate, and where the proposal goes: --out"))
    issued = find_certificate(folder.authority.register, reference, issuer=None)
    with acting(folder, key, store, certificate_files, secrets) as by:
        made = propose_change(
            issued.certificate.fingerprint, change, by, reason=reason or "", at=now()
        )
    write_public(made.encoded, out)
    if as_json:
        show_json({"target": made.said.target, "change": change, "out": out})
    else:
        done(
            say(
                "proposed: {change} of {serial}; the checker agrees with --proposal {file}",
                change=say(change),
                serial=issued.serial.hex(),
                file=out,
            )
        )
