"""`eds key`: make, keep and use private keys."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from eds_cli.lazy import HELP_NAMES, LazyGroup
from eds_cli.output import Progress, confirm, done, escape, json_option, show, show_json, show_table
from eds_cli.pins import Secrets, secret_options
from eds_cli.speech import say
from eds_cli.stores import (
    PURPOSES,
    SHORT_NAMES,
    Algorithm,
    find_key,
    key_argument,
    key_facts,
    key_kind,
    open_store,
    purpose_of,
    purpose_words,
    store_option,
    survey,
)

if TYPE_CHECKING:
    from eds.algorithms import SignatureAlgorithm
    from eds.keys import KeyRef

COMMANDS = {
    "generate": ("eds_cli.key:generate", "Make a key."),
    "list": ("eds_cli.key:list_keys", "List the keys of a store."),
    "show": ("eds_cli.key:show_key", "Show one key and its certificates."),
    "import": ("eds_cli.keyfiles:import_key", "Bring keys from a file into a store."),
    "export": ("eds_cli.keyfiles:export_key", "Write a key or its certificates to a file."),
    "add-certificate": ("eds_cli.keyfiles:add_certificate", "Keep certificates beside a key."),
    "change-password": ("eds_cli.key:change_password", "Change the password or PIN of a key."),
    "delete": ("eds_cli.key:delete", "Delete a key for good."),
}


@click.group(cls=LazyGroup, table=COMMANDS, context_settings=HELP_NAMES)
def key() -> None:
    """Make, keep and use private keys, in files and in PKCS #11 tokens.

    KEY is a label, the identifier in hexadecimal, or a URI. Where the keys are is said by
    --store; without it they are in your own folder of keys, or where EDS_STORE says.
    """


@click.command("generate")
@click.argument("label")
@click.option(
    "--algorithm",
    type=Algorithm(),
    default="p256",
    show_default=True,
    help=f"How it signs: {', '.join(SHORT_NAMES)}, or a name in the table of algorithms.",
)
@click.option(
    "--purpose",
    type=click.Choice(PURPOSES),
    default="signature",
    show_default=True,
    help="Kept with the key; it opens for nothing else.",
)
@click.option(
    "--rsa-bits", type=click.IntRange(2048, 16384), help="Modulus length of an RSA key [3072]."
)
@store_option
@secret_options(new=True)
@json_option
def generate(
    label: str,
    algorithm: tuple[SignatureAlgorithm, int],
    purpose: str,
    rsa_bits: int | None,
    store: str,
    secrets: Secrets,
    as_json: bool,
) -> None:
    """Make a key called LABEL. In a token it never leaves it; in a file it stands encrypted."""
    row, bits = algorithm
    keystore = open_store(store, make=True)
    with Progress(say("Making the key …")) as progress:
        made = keystore.generate(
            label=label,
            algorithm=row,
            purpose=purpose_of(purpose),
            pin=progress.after(secrets.pin_of_new_key),
            rsa_bits=rsa_bits or bits or 3072,
        )
    if as_json:
        show_json(key_facts(made))
        return
    done(
        say(
            "made {key}: {kind}, for {purpose}",
            key=made.label,
            kind=key_kind(made),
            purpose=say(purpose_words(made).text),
        )
    )
    click.echo(f"  {made.uri}")


@click.command("list")
@store_option
@json_option
def list_keys(store: str, as_json: bool) -> int:
    """List the keys of a store. No PIN is needed.

    A file that cannot be read does not hide the others: it gets a line on stderr.
    """
    from eds_cli.main import complain_of

    keys, errors = survey(store)
    if as_json:
        show_json([key_facts(key) for key in keys])
    elif keys:
        show_table(
            (say("LABEL"), say("KEY"), say("PURPOSE"), "ID", say("UNTIL"), say("CERTIFICATE")),
            [_row(key) for key in keys],
        )
    elif not errors:
        click.echo(say("no keys in {store}", store=escape(store)), err=True)
    statuses = [complain_of(error) for error in errors]
    return statuses[-1] if statuses else 0


def _row(key: KeyRef) -> tuple[str, ...]:
    from eds.names import COMMON_NAME

    purpose = purpose_words(key).text
    until, subject = "-", "-"
    certificate = key.certificate
    if certificate is not None:
        until = f"{certificate.not_after:%Y-%m-%d}"
        names = certificate.subject.values(COMMON_NAME)
        subject = names[0] if names else certificate.subject.rfc4514
    return (
        key.label,
        key_kind(key),
        say("both" if purpose == "signature and authentication" else purpose),
        f"{key.identifier.hex()[:8]}…" if key.identifier else "-",
        until,
        subject,
    )


@click.command("show")
@key_argument
@store_option
@json_option
def show_key(key: str, store: str, as_json: bool) -> None:
    """Show what a store tells of KEY without its PIN."""
    _, found = find_key(store, key)
    show(key_facts(found), as_json=as_json, words=say)


@click.command("change-password")
@key_argument
@store_option
@secret_options(new=True)
@json_option
def change_password(key: str, store: str, secrets: Secrets, as_json: bool) -> None:
    """Change the password of KEY; in a token, the user PIN of the whole token."""
    keystore, found = find_key(store, key)
    keystore.change_pin(found, pin=secrets.pin)
    if as_json:
        show_json({"changed": True, "label": found.label, "uri": found.uri})
    else:
        done(say("changed the password of {key}", key=found.label))


@click.command("delete")
@key_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@store_option
@secret_options()
@json_option
def delete(key: str, yes: bool, store: str, secrets: Secrets, as_json: bool) -> None:
    """Delete KEY and its certificates for good."""
    keystore, found = find_key(store, key)
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError(say("nobody to ask whether to delete; say --yes"))
        confirm(say("Delete the key {key} for good?", key=escape(found.label)))
    keystore.delete(found, pin=secrets.pin)
    if as_json:
        show_json({"deleted": True, "label": found.label, "uri": found.uri})
    else:
        done(say("deleted {key}", key=found.label))
