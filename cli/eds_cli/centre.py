"""`eds centre`: run a desk, and work at it as an official."""

from __future__ import annotations

import sys
from typing import Final

import click

from eds_cli.lazy import HELP_NAMES, LazyGroup

COMMANDS: Final = {
    "init": ("eds_cli.centre_setup:init", "Make the folder of a desk."),
    "found": ("eds_cli.centre_setup:found", "Put the first security officers in office."),
    "officials": ("eds_cli.centre_officials:officials", "Appoint, remove and list officials."),
    "list": ("eds_cli.centre_cases:list_cases", "List the applications that wait for people."),
    "show": ("eds_cli.centre_cases:show_case", "Show an application; with a key, its person."),
    "open": ("eds_cli.centre_cases:open_case", "Apply for somebody who came without having."),
    "check-in": ("eds_cli.centre_cases:check_in", "The applicant is here."),
    "record": ("eds_cli.centre_cases:record", "Write a visit down and sign the record."),
    "approve": ("eds_cli.centre_cases:approve", "The second official's yes."),
    "return": ("eds_cli.centre_cases:return_case", "The second official wants more."),
    "reject": ("eds_cli.centre_cases:reject", "Refuse an application."),
    "new-secret": ("eds_cli.centre_cases:new_secret", "Another activation secret."),
    "hold": ("eds_cli.centre_status:hold", "Suspend a certificate, by two officials."),
    "revoke": ("eds_cli.centre_status:revoke", "Revoke a certificate, by two officials."),
    "release": ("eds_cli.centre_status:release", "End a suspension, by two officials."),
    "run": ("eds_cli.centre_setup:run_desk", "Do what waits for nobody: issue, end, settle."),
    "upgrade": ("eds_cli.centre_setup:upgrade", "Bring the tables of the desk up to date."),
    "doctor": ("eds_cli.centre_setup:doctor", "Look for what is wrong, or soon will be."),
    "simulate": ("eds_cli.centre_simulate:simulate", "Play the state, at a demonstration."),
}


@click.group(
    cls=LazyGroup, table=COMMANDS, context_settings=HELP_NAMES, invoke_without_command=True
)
@click.pass_context
def centre(context: click.Context) -> None:
    """Run a desk: its officials, the applications that come to it, decisions by two people.

    The folder of the desk is --desk or $EDS_DESK, else the current folder. Every act of an
    official is signed with their own EDS: --key names it, in a file or a token. Without a command,
    at a terminal, an official is led through what waits.
    """
    if context.invoked_subcommand is not None:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        click.echo(context.get_help())
        return
    from eds_cli.centre_guide import guide

    guide()
