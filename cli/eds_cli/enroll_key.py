"""`eds enroll key`, `confirm` and `activate`: the key is made here, and never leaves."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from eds_cli.desks import given, remembered, source_option, write_secret
from eds_cli.enrolling import Work, tell, work_option
from eds_cli.output import Facts, Shown, done, json_option, show, show_json, write_public
from eds_cli.output import confirm as ask
from eds_cli.pins import Secrets, secret_options
from eds_cli.speech import say
from eds_cli.stores import SHORT_NAMES, Algorithm, default_store, open_store, store_option

if TYPE_CHECKING:
    from eds.algorithms import SignatureAlgorithm
    from eds.certificates import Certificate
    from eds.enroll.applicant import Standing
    from eds.enroll.issuing import CertificateFields
    from eds.keys import PinSource


@click.command("key")
@click.option("--label", metavar="TEXT", help="What to call the key.")
@click.option(
    "--algorithm",
    type=Algorithm(),
    default="p256",
    show_default=True,
    help=f"How it signs: {', '.join(SHORT_NAMES)}, or a name in the table of algorithms.",
)
@source_option(
    "--halves",
    "The activation secret, both halves, from the centre and from the message",
    parameter="halves",
)
@store_option
@work_option
@secret_options(new=True)
@json_option
def key(
    label: str | None,
    algorithm: tuple[SignatureAlgorithm, int],
    halves: str | None,
    store: str,
    work: Work,
    secrets: Secrets,
    as_json: bool,
) -> None:
    """Make your key, in an encrypted file or a token, and have it bound to your application.

    The key stays where it is made; the desk sees its public half and the proof that you hold it.
    """
    standing = work.standing()
    _require_step(standing, "key")
    text = ask_secret(halves) if standing.in_person else ""
    pin = remembered(secrets)
    make_key(work, standing, store=store, label=label, algorithm=algorithm, pin=pin)
    tell(bind(work, text, pin), as_json=as_json)


def _require_step(standing: Standing, step: str) -> None:
    from eds.errors import WrongState

    if standing.step.value != step:
        raise WrongState(application=standing.application, state=standing.state.value, act=step)


def ask_secret(source: str | None) -> str:
    """Both halves, however they were written down."""
    if source is None and sys.stdin.isatty():
        printed = say("Printed half of the activation secret")
        sent = say("Sent half of the activation secret")
        text = "".join(given(None, half, option="--halves") for half in (printed, sent))
    else:
        text = given(source, "", option="--halves")
    return "".join(text.split()).replace("-", "").upper()


def make_key(
    work: Work, standing: Standing, *, store: str, label: str | None,
    algorithm: tuple[SignatureAlgorithm, int], pin: PinSource,
) -> None:  # fmt: skip
    """Make the key, unless it was made by an earlier try."""
    from eds.errors import KeyNotFound
    from eds.keys import KeyPurpose

    try:
        work.find_key()
    except KeyNotFound:
        row, bits = algorithm
        name = label or f"eds-{standing.application[:8]}"
        authenticates = "authentication" in standing.profile
        open_store(store, make=store == default_store()).generate(
            label=name,
            algorithm=row,
            purpose=KeyPurpose.AUTHENTICATION if authenticates else KeyPurpose.SIGNATURE,
            pin=pin,
            rsa_bits=bits or 3072,
        )
        work.keep(key_store=_absolute(store), key=name)


def _absolute(store: str) -> str:
    from pathlib import Path

    return store if ":" in store else str(Path(store).absolute())


def bind(work: Work, secret: str, pin: PinSource) -> Standing:
    """Have the key bound to the application."""
    from eds.enroll.applicant import bind_key

    with work.signer(pin) as signer:
        return bind_key(work.access, work.session, signer, secret=secret)


@click.command("confirm")
@click.option("--yes", is_flag=True, help="You have read the fields; for scripts.")
@work_option
@secret_options()
@json_option
def confirm(yes: bool, work: Work, secrets: Secrets, as_json: bool) -> None:
    """Read what your certificate will say, and confirm it with your new key.

    What you confirm is what is issued, field for field.
    """
    fields = work.access.fields(work.session)
    if not as_json:
        show(field_facts(fields), as_json=False, title=say("your certificate will say"), words=say)
    if not yes:
        if as_json or not sys.stdin.isatty():
            raise click.UsageError("nobody can be asked here: --yes confirms the fields")
        ask(say("Is all of it right?"))
    tell(confirm_fields(work, fields, secrets.pin), as_json=as_json)


def field_facts(fields: CertificateFields) -> Facts:
    """The fields as people read them."""
    return {
        "subject": dict(fields.subject),
        "profile": fields.profile,
        "valid_until": fields.not_after.isoformat(),
        "key_sha256": fields.key.hex(),
        "services": Shown(list(fields.services), ", ".join(fields.services) or "all"),
    }


def confirm_fields(work: Work, fields: CertificateFields, pin: PinSource) -> Standing:
    """Say with the key that these fields are right."""
    from eds.enroll import applicant

    with work.signer(pin) as signer:
        return applicant.confirm(work.access, work.session, signer, fields)


@click.command("activate")
@source_option("--passphrase", "A passphrase of yours that will revoke", parameter="passphrase")
@click.option(
    "--passphrase-out", metavar="FILE", help="Make a passphrase and write it to this new file."
)
@click.option("--out", metavar="FILE", help="Write the certificate and its issuers here too.")
@work_option
@secret_options()
@json_option
def activate(
    passphrase: str | None,
    passphrase_out: str | None,
    out: str | None,
    work: Work,
    secrets: Secrets,
    as_json: bool,
) -> None:
    """Accept your certificate, with its key. Until then it is on hold; in seven days it is revoked.

    The passphrase revokes it from anywhere, if the key is lost. At a terminal one is made for you.
    """
    from eds.enroll.applicant import new_passphrase

    _require_step(work.standing(), "activate")
    if passphrase and passphrase_out:
        raise click.UsageError("--passphrase or --passphrase-out, not both")
    if passphrase_out is not None:
        text = new_passphrase()
        write_secret(text, passphrase_out)
    elif passphrase is not None:
        text = given(passphrase, "", option="--passphrase")
    else:
        text = show_passphrase()
    pin = remembered(secrets)
    standing, found = accept(work, text, pin)
    if out is not None:
        write_chain(found, out)
    if as_json:
        from eds_cli.enrolling import standing_facts

        show_json({**standing_facts(standing), "key": work.kept.key, "out": out})
        return
    done(say("your certificate is in use; sign with --key {key}", key=work.kept.key))
    tell(standing, as_json=False)


def show_passphrase() -> str:
    """A new passphrase, shown to whoever is at the terminal."""
    from eds.enroll.applicant import new_passphrase
    from eds.errors import SecretUnavailable

    if not sys.stdin.isatty():
        raise SecretUnavailable(reason="nobody can be shown one; see --passphrase-out")
    text = new_passphrase()
    words = say(
        "Write this down and keep it apart from your key. It revokes your certificate from "
        "anywhere:"
    )
    click.echo(f"\n{words}\n\n    {text}\n", err=True)
    ask(say("Have you written it down?"))
    return text


def accept(work: Work, passphrase: str, pin: PinSource) -> tuple[Standing, tuple[Certificate, ...]]:
    """Accept the certificate and keep it beside its key."""
    from eds.enroll import applicant

    with work.signer(pin) as signer:
        standing, found = applicant.activate(
            work.access, work.session, signer, passphrase=passphrase
        )
    work.store_certificates(found, pin)
    work.keep(certificate=found[0].fingerprint.hex())
    return standing, found


def write_chain(certificates: tuple[Certificate, ...], out: str) -> None:
    """The certificate and its issuers, in PEM."""
    from eds import pem

    write_public(b"".join(pem.write(pem.CERTIFICATE, one.encoded) for one in certificates), out)
