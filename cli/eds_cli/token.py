"""`eds token`: look at PKCS #11 tokens."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from eds_cli.lazy import HELP_NAMES
from eds_cli.output import Facts, json_option, show, show_json

if TYPE_CHECKING:
    from eds.keys.pkcs11 import TokenInfo


@click.group(context_settings=HELP_NAMES)
def token() -> None:
    """Look at PKCS #11 tokens: cards, keys on USB, security modules."""


@token.command("list")
@click.option(
    "--module",
    metavar="NAME",
    help="PKCS #11 module: a path, or a name such as softhsm2, opensc, p11-kit.",
)
@click.option(
    "--store",
    metavar="URI",
    default="pkcs11:",
    show_default=True,
    help="Only tokens that answer to this pkcs11: URI; it may name the module too.",
)
@json_option
def list_tokens(module: str | None, store: str, as_json: bool) -> None:
    """List the tokens that are there now, the state of their PINs and what they can do.

    Without --module the URI says which module to ask, or the setting EDS_PKCS11_MODULE.
    """
    from eds.errors import MalformedKeyUri
    from eds.keys.pkcs11 import ENVIRONMENT, tokens
    from eds.keys.uris import TokenUri, parse_key_uri

    place = parse_key_uri(store)
    if not isinstance(place, TokenUri):
        raise MalformedKeyUri(reason="tokens are named by pkcs11: URIs")
    found = tokens(place, module=module, environment=os.environ.get(ENVIRONMENT))
    if as_json:
        show_json([{**_facts(one), "mechanisms": one.mechanisms} for one in found])
        return
    for one in found:
        signing = [name for name in one.mechanisms if _signs(name)]
        others = len(one.mechanisms) - len(signing)
        words = ", ".join(name.removeprefix("CKM_") for name in signing)
        told = {key: value for key, value in _facts(one).items() if key != "label"}
        told |= {"signs_with": words, "other_mechanisms": others or None}
        show(told, as_json=False, title=one.label)
    if not found:
        click.echo("no tokens", err=True)


def _signs(mechanism: str) -> bool:
    from eds.algorithms import SIGNATURE_ALGORITHMS

    return any(
        mechanism in {row.pkcs11_mechanism, row.pkcs11_raw_mechanism}
        for row in SIGNATURE_ALGORITHMS
    )


def _facts(info: TokenInfo) -> Facts:
    if not info.login_required:
        state = "not needed"
    elif info.locked:
        state = "locked"
    elif info.final_try:
        state = "one try left"
    elif info.few_tries_left:
        state = "few tries left"
    else:
        state = "all tries left"
    return {
        "label": info.label,
        "manufacturer": info.manufacturer,
        "model": info.model,
        "serial": info.serial,
        "pin_state": state,
        "pin_pad": info.pin_pad,
        "uri": info.uri,
    }
