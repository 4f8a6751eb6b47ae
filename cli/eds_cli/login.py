"""`eds login`: a portal's question, shown to its user and answered with a key."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from eds_cli.output import confirm, done, json_option, show, show_json, write_public
from eds_cli.pins import Secrets, secret_options
from eds_cli.signing import Means, choose_key, key_options, means_options
from eds_cli.speech import language, say

if TYPE_CHECKING:
    from eds.login.challenges import LoginChallenge
    from eds_cli.output import Facts

_LIMIT: Final = 64 * 1024
_LANGUAGES: Final = ("kk", "ru", "en")


@click.command()
@click.argument("statement", metavar="STATEMENT")
@key_options
@click.option(
    "--origin",
    metavar="URL",
    help="The address that you see; a statement that names another is refused.",
)
@click.option("--out", metavar="FILE", help="Write the answer to this new file; stdout, if not.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@means_options
@json_option
@secret_options()
def login(
    statement: str,
    key: str | None,
    store: str,
    certificate_files: tuple[str, ...],
    origin: str | None,
    out: str | None,
    yes: bool,
    means: Means,
    secrets: Secrets,
    as_json: bool,
) -> int:
    """Answer a portal's STATEMENT (eds-login:1; - is stdin) with a key for authentication.

    Who asks, for what, and the code to compare with the page are shown first. The answer, base64
    of a CMS, can be taken for nothing but this login: a key that signs documents is not used.
    Nobody but you can see whether the address is the one in front of you: give it with --origin.
    """
    from eds.errors import MalformedLoginChallenge
    from eds.keys import KeyPurpose
    from eds.login.statement import LOGIN_STATEMENT, read_statement
    from eds.sign.cms import sign_attached

    content = _read(statement)
    challenge = read_statement(content)
    if origin is not None and origin != challenge.origin:
        raise MalformedLoginChallenge(reason=f"{challenge.origin} asks, not {origin}")
    if not challenge.issued_at <= means.at < challenge.expires_at:
        raise MalformedLoginChallenge(reason="it has expired, or the clock is wrong")
    chosen = choose_key(key, store, certificate_files, secrets, means, KeyPurpose.AUTHENTICATION)
    _require_consent({**_facts(challenge), **chosen.facts}, yes=yes, as_json=as_json)
    with chosen.opened(secrets) as by:
        signed = sign_attached(content, by=by, content_type=LOGIN_STATEMENT)
    answer = base64.b64encode(signed)
    if as_json:
        show_json({"origin": challenge.origin, "answer": answer.decode(), "out": out})
    if out is not None:
        write_public(answer + b"\n", out)
        if not as_json:
            done(say("answered {origin} in {file}", origin=challenge.origin, file=out))
    elif not as_json:
        click.echo(answer)
    return 0


def _read(place: str) -> bytes:
    if place == "-":
        return sys.stdin.buffer.read(_LIMIT)
    with Path(place).open("rb") as file:
        return file.read(_LIMIT)


def _facts(challenge: LoginChallenge) -> Facts:
    # A portal asks in three languages; who speaks Tajik mostly reads Russian too.
    spoken = language() if language() in _LANGUAGES else "ru"
    return {
        "portal": challenge.audience,
        "address": challenge.origin,
        "asks_you_to": getattr(challenge.action, spoken),
        "code": challenge.code,
        "until": challenge.expires_at.isoformat(),
    }


def _require_consent(facts: Facts, *, yes: bool, as_json: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(say("nobody can be asked here: --yes answers without asking"))
    if not as_json:
        show(facts, as_json=False, title=say("To be answered:"), words=say)
    confirm(say("Is this what you see in front of you?"))
