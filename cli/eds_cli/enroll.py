"""`eds enroll`: from a person to a certificate, on the applicant's side."""

from __future__ import annotations

import sys
from typing import Final

import click

from eds_cli.lazy import HELP_NAMES, LazyGroup

COMMANDS: Final = {
    "start": ("eds_cli.enroll_steps:start", "Apply at a desk."),
    "status": ("eds_cli.enroll_steps:status", "Say where your application stands, what is next."),
    "prove": ("eds_cli.enroll_steps:prove", "Prove who you are: code, picture, chip, EDS, face."),
    "key": ("eds_cli.enroll_key:key", "Make your key and have it bound to the application."),
    "confirm": ("eds_cli.enroll_key:confirm", "Read and confirm what the certificate will say."),
    "activate": ("eds_cli.enroll_key:activate", "Accept the certificate."),
    "mandate": ("eds_cli.enroll_steps:mandate", "Have somebody certified for your organisation."),
    "cancel": ("eds_cli.enroll_steps:cancel", "Give the application up."),
    "renew": ("eds_cli.enroll_steps:renew", "Ask for the next certificate, with the living key."),
    "hold": ("eds_cli.enroll_end:hold", "Suspend your certificate."),
    "revoke": ("eds_cli.enroll_end:revoke", "Revoke your certificate for good."),
}


@click.group(
    cls=LazyGroup, table=COMMANDS, context_settings=HELP_NAMES, invoke_without_command=True
)
@click.pass_context
def enroll(context: click.Context) -> None:
    """Apply for a certificate, from home or at a service centre.

    Without a command, at a terminal, you are led step by step. Personal numbers, codes and
    passphrases are asked for or read from files, never from arguments. What is kept of your
    application has no personal data.
    """
    if context.invoked_subcommand is not None:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo(context.get_help())
        return
    from eds_cli.enroll_guide import guide

    guide()
