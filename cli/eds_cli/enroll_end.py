"""`eds enroll hold` and `revoke`: the holder ends what is in use, with the key or a passphrase."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from eds_cli.ca_status import REASONS
from eds_cli.desks import given, open_access, source_option
from eds_cli.enrolling import Kept, Work, application_option
from eds_cli.instants import now
from eds_cli.output import done, json_option, show_json
from eds_cli.pins import Secrets, secret_options
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.certificates import Certificate

F = TypeVar("F", bound=Callable[..., Any])


def _options(command: F) -> F:
    decorated: Any = json_option(command)
    decorated = secret_options()(decorated)
    decorated = click.option("--yes", is_flag=True, help="Do not ask.")(decorated)
    decorated = application_option(decorated)
    decorated = click.option(
        "--certificate", metavar="FILE", help="Which; that of your application, if not said."
    )(decorated)
    decorated = click.option(
        "--desk",
        metavar="FOLDER|URL",
        envvar="EDS_DESK",
        help="The desk that gave it; or $EDS_DESK.",
    )(decorated)
    return source_option(  # type: ignore[no-any-return]
        "--passphrase", "The passphrase, where the key is lost", parameter="passphrase"
    )(decorated)


@click.command("hold")
@_options
def hold(**given_: Any) -> int:
    """Suspend your certificate: two officials can release it again."""
    return _end("hold", reason="unspecified", **given_)


@click.command("revoke")
@click.option(
    "--reason",
    type=click.Choice(REASONS),
    metavar="REASON",
    default="unspecified",
    help=f"One of {', '.join(REASONS)}.",
)
@_options
def revoke(reason: str, **given_: Any) -> int:
    """Revoke your certificate for good, with its key or with the passphrase."""
    return _end("revoke", reason=reason, **given_)


def _end(
    act: str,
    *,
    reason: str,
    passphrase: str | None,
    desk: str | None,
    certificate: str | None,
    application: str,
    yes: bool,
    secrets: Secrets,
    as_json: bool,
) -> int:
    from eds.enroll.applicant import end_by_key
    from eds.errors import ApplicationNotFound

    kept = Kept.read(Path(application))
    place = desk or (kept.desk if kept else None)
    if place is None:
        raise click.UsageError("say at which desk: --desk")
    if certificate is not None:
        fingerprint = _first(Path(certificate)).fingerprint
    elif kept is not None and kept.certificate:
        fingerprint = bytes.fromhex(kept.certificate)
    else:
        raise ApplicationNotFound(application=f"in {application}; see --certificate")
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(f"nobody to ask whether to {act} it; say --yes")
        click.confirm(f"{act.capitalize()} the certificate {fingerprint.hex()[:16]}…?",
                      abort=True, err=True)  # fmt: skip
    access = open_access(place)
    if passphrase is not None:
        text = given(passphrase, "", option="--passphrase")
        state = access.end_by_passphrase(fingerprint, act, passphrase=text, reason=reason)
    elif kept is None or not kept.key:
        raise click.UsageError("without the key the passphrase is wanted: --passphrase")
    else:
        with Work(kept=kept).signer(secrets.pin) as signer:
            state = end_by_key(access, fingerprint, act, signer, reason=reason, at=now())
    if as_json:
        show_json({"certificate": fingerprint.hex(), "act": act, "state": state})
    else:
        held, revoked = say("the certificate is held"), say("the certificate is revoked")
        done(held if state == "held" else revoked)
    return 0


def _first(file: Path) -> Certificate:
    """The holder's own stands first where its issuers come along. Raises MalformedCertificate."""
    from eds.certificates import Certificate

    data = file.read_bytes()
    found = Certificate.certificates(data)
    return found[0] if found else Certificate.load(data)
