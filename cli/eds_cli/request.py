"""`eds request`: ask for a certificate."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

from eds_cli.lazy import HELP_NAMES
from eds_cli.output import done, json_option, show_json, write_public
from eds_cli.pins import Secrets, secret_options
from eds_cli.speech import say
from eds_cli.stores import find_key, key_argument, known_key, store_option

# Option → attribute type, in the order they take in the name (EN 319 412-2 and -3).
_SUBJECT: Final = {
    "country": ("2.5.4.6", "two letters of ISO 3166-1"),
    "organization": ("2.5.4.10", "full registered name"),
    "organization-identifier": ("2.5.4.97", "NTRKZ-... (EN 319 412-1)"),
    "common-name": ("2.5.4.3", "name that people see"),
    "surname": ("2.5.4.4", "surname"),
    "given-name": ("2.5.4.42", "given names"),
    "pseudonym": ("2.5.4.65", "pseudonym, instead of a name"),
    "serial-number": ("2.5.4.5", "identity number, PNOKZ-... (EN 319 412-1)"),
}


def _subject_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option, (_, meaning) in reversed(_SUBJECT.items()):
        command = click.option(f"--subject-{option}", metavar="TEXT", help=f"Subject: {meaning}.")(
            command
        )
    return click.option(
        "--subject", metavar="NAME", help='The whole subject as RFC 4514 text: "CN=...,C=KZ".'
    )(command)


@click.group(context_settings=HELP_NAMES)
def request() -> None:
    """Ask for a certificate (PKCS #10, RFC 2986)."""


@request.command("create")
@key_argument
@_subject_options
@click.option("--out", metavar="FILE", help="Write here instead of stdout; never overwrites.")
@click.option("--der", "as_der", is_flag=True, help="Write DER instead of PEM.")
@store_option
@secret_options()
@json_option
def create(
    key: str,
    subject: str | None,
    out: str | None,
    as_der: bool,
    store: str,
    secrets: Secrets,
    as_json: bool,
    **attributes: str | None,
) -> None:
    """Ask for a certificate for KEY: the request is signed with it, to prove that you hold it."""
    from eds import CertificationRequest, Name, pem
    from eds_cli import describe

    given = [
        (oid, text)
        for option, (oid, _) in _SUBJECT.items()
        if (text := attributes[f"subject_{option.replace('-', '_')}"]) is not None
    ]
    if (subject is None) is not bool(given):
        raise click.UsageError(say("give the subject as --subject, or in parts as --subject-…"))
    name = Name.build(given) if subject is None else Name.parse(subject)
    keystore, found = find_key(store, key)
    found = known_key(keystore, found, secrets.pin)
    with keystore.open(found, purpose=found.purpose, pin=secrets.pin) as signer:
        made = CertificationRequest.build(name, signer)
    armoured = pem.write(pem.CERTIFICATION_REQUEST, made.encoded)
    if out is not None or not as_json:
        write_public(made.encoded if as_der else armoured, out)
    if as_json:
        show_json({**describe.request(made), "out": out, "pem": armoured.decode()})
    elif out is not None:
        done(say("request for {name} in {file}", name=name.rfc4514, file=out))
