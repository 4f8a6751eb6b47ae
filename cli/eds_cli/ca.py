"""`eds ca`: run an authority."""

from __future__ import annotations

from typing import Final

import click

from eds_cli.lazy import HELP_NAMES, LazyGroup

COMMANDS: Final = {
    "init": ("eds_cli.ca_setup:init", "Make the folder of an authority."),
    "ceremony": ("eds_cli.ca_setup:ceremony", "Make root, authorities and services; verify it."),
    "issue": ("eds_cli.ca_certificates:issue", "Issue a certificate."),
    "show": ("eds_cli.ca_certificates:show_command", "Show a certificate, or an issuer."),
    "find": ("eds_cli.ca_certificates:find", "Find certificates of a person or key."),
    "hold": ("eds_cli.ca_status:hold", "Suspend a certificate."),
    "release": ("eds_cli.ca_status:release", "End a suspension."),
    "revoke": ("eds_cli.ca_status:revoke", "Revoke a certificate for good."),
    "mass": ("eds_cli.ca_mass:mass", "Hold or revoke many certificates at once."),
    "revocations": (
        "eds_cli.ca_revocations:revocations",
        "Requests to revoke, due within 24 hours.",
    ),
    "crl": ("eds_cli.ca_lists:crl", "Publish revocation lists."),
    "ocsp": ("eds_cli.ca_ocsp:ocsp", "Answer OCSP requests; renew responders."),
    "recover": ("eds_cli.ca_status:recover", "Give up what was never finished."),
    "checkpoint": ("eds_cli.ca_setup:checkpoint", "Sign the state of the audit log."),
    "upgrade": ("eds_cli.ca_setup:upgrade", "Bring the database up to date."),
    "doctor": ("eds_cli.ca_doctor:doctor", "Look for what is wrong, or soon will be."),
}


@click.group(cls=LazyGroup, table=COMMANDS, context_settings=HELP_NAMES)
def ca() -> None:
    """Run an authority: ceremony, certificates, revocation, lists, OCSP.

    The folder of the authority is --authority or $EDS_AUTHORITY, else the current folder. What
    cannot be undone prints a plan first and wants --yes where nobody can be asked.
    """
