"""`eds key import`, `export` and `add-certificate`: keys and certificates from and to files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eds_cli.output import Progress, done, json_option, show_json, write_public
from eds_cli.pins import Secrets, secret_options
from eds_cli.speech import say
from eds_cli.stores import (
    PURPOSES,
    find_key,
    key_argument,
    key_facts,
    key_kind,
    known_key,
    open_store,
    purpose_of,
    purpose_words,
    store_option,
)

if TYPE_CHECKING:
    from eds.keys import KeyRef, KeyStore

_FORMATS = ("pkcs12", "nca-pkcs12", "pkcs8", "public-key", "certificates")


@click.command("import")
@click.argument("file")
@click.option("--label", metavar="TEXT", help="What to call the key; its name in the file if not.")
@click.option(
    "--purpose",
    type=click.Choice(PURPOSES),
    help="What to keep it for; what its certificate says if not.",
)
@store_option
@secret_options(new=True, source=True)
@json_option
def import_key(
    file: str,
    label: str | None,
    purpose: str | None,
    store: str,
    secrets: Secrets,
    as_json: bool,
) -> None:
    """Bring the keys and certificates in FILE (PKCS#12, PKCS#8 or PEM) into a store.

    FILE stays as it is; destroy it where it should not be.
    """
    from eds.keys.keyfile import SingleFileKeyStore

    source = SingleFileKeyStore(Path(file))
    if (exposure := source.exposure) is not None:
        click.echo(say("note: {file}: {reason}", file=file, reason=exposure), err=True)
    found = source.unlocked(pin=secrets.pin_of_source)
    if label is not None and len(found) > 1:
        raise click.UsageError(
            say("--label names one key, the file holds {count}", count=len(found))
        )
    keystore = open_store(store, make=True)
    with Progress(say("Keeping the key …")) as progress:
        kept = [
            keystore.add(
                source.export(one, pin=secrets.pin_of_source),
                label=label or one.label,
                purpose=one.purpose if purpose is None else purpose_of(purpose),
                pin=progress.after(secrets.pin_of_new_key),
                certificates=one.certificates,
            )
            for one in found
        ]
    if as_json:
        show_json([key_facts(one) for one in kept])
        return
    for one in kept:
        done(
            say(
                "imported {key}: {kind}, for {purpose}",
                key=one.label,
                kind=key_kind(one),
                purpose=say(purpose_words(one).text),
            )
        )


@click.command("export")
@key_argument
@click.option(
    "--format",
    "form",
    type=click.Choice(_FORMATS),
    default="pkcs12",
    show_default=True,
    help="pkcs12: the key and its certificates. nca-pkcs12: as the NCA RK writes it, which "
    "protects little. The last two are public.",
)
@click.option(
    "--out", metavar="FILE", help="A new file; stdout if not given, for what is public alone."
)
@store_option
@secret_options(new=True)
@json_option
def export_key(
    key: str, form: str, out: str | None, store: str, secrets: Secrets, as_json: bool
) -> None:
    """Write KEY to a file under a new password, or its public key or certificates."""
    private = form in {"pkcs12", "nca-pkcs12", "pkcs8"}
    if private and out is None:
        raise click.UsageError(say("a private key goes to a file; see --out"))
    if as_json and out is None:
        raise click.UsageError("--json tells what was written; see --out")
    keystore, found = find_key(store, key)
    found = known_key(keystore, found, secrets.pin)
    if private:
        _write_private(keystore, found, form, Path(out or ""), secrets)
    else:
        write_public(_public(found, form), out)
    if as_json:
        show_json({"label": found.label, "format": form, "out": out})
    elif out is not None:
        done(say("exported {key} to {file}", key=found.label, file=out))


def _write_private(
    keystore: KeyStore, found: KeyRef, form: str, out: Path, secrets: Secrets
) -> None:
    from eds.errors import KeyNotFound
    from eds.keys import keyfile

    private_key = keystore.export(found, pin=secrets.pin)
    with Progress(say("Encrypting …")) as progress:
        pin = progress.after(secrets.pin)
        if form == "pkcs8":
            keyfile.write_pkcs8(out, private_key, pin=pin)
        elif form == "nca-pkcs12":
            if found.certificate is None:
                raise KeyNotFound(key=f"a certificate beside {found.label}")
            keyfile.write_nca_pkcs12(out, private_key, certificate=found.certificate, pin=pin)
        else:
            keyfile.write_pkcs12(
                out, private_key, label=found.label, certificates=found.certificates, pin=pin
            )


def _public(found: KeyRef, form: str) -> bytes:
    from eds import pem
    from eds.errors import KeyNotFound

    if form == "certificates":
        if not found.certificates:
            raise KeyNotFound(key=f"a certificate beside {found.label}")
        return b"".join(pem.write(pem.CERTIFICATE, one.encoded) for one in found.certificates)
    if found.public_key is None:
        raise KeyNotFound(key=f"the public half of {found.label}")
    return pem.write(pem.PUBLIC_KEY, found.public_key.encoded)


@click.command("add-certificate")
@key_argument
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@store_option
@secret_options()
@json_option
def add_certificate(
    key: str, files: tuple[str, ...], store: str, secrets: Secrets, as_json: bool
) -> None:
    """Keep the certificates in each FILE beside KEY, in place of those that are there.

    The first certificate must be for KEY, its issuers may follow. DER or PEM.
    """
    from eds import Certificate
    from eds.errors import MalformedCertificate

    certificates: list[Certificate] = []
    for file in files:
        there = Certificate.load_all(Path(file).read_bytes())
        if not there:
            raise MalformedCertificate(reason=f"none in {file}")
        certificates += there
    keystore, found = find_key(store, key)
    kept = keystore.store_certificates(found, certificates, pin=secrets.pin)
    if as_json:
        show_json(key_facts(kept))
    else:
        count = len(kept.certificates)
        done(say("{key}: certificates kept: {count}", key=kept.label, count=count))
