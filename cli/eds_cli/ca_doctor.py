"""`eds ca doctor`: what is wrong with an authority, or soon will be."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from eds_cli.authority import authority_option
from eds_cli.diagnoses import tell
from eds_cli.instants import Instant, now
from eds_cli.output import json_option

if TYPE_CHECKING:
    from eds.ca.folder import AuthorityFolder


@click.command("doctor")
@click.option("--at", type=Instant(), help="As things will be at that instant; now if not given.")
@authority_option
@json_option
def doctor(at: datetime | None, folder: AuthorityFolder, as_json: bool) -> int:
    """Look for what is wrong with the authority, or soon will be. Asks for no PIN.

    Clock, permissions, certificates and keys of issuers, ages of lists, life of OCSP responders,
    unfinished intents, and the audit log, every record of it. The status is 1 where there is
    anything.
    """
    from eds.ca.doctor import Limits, examine

    return tell(examine(folder, at=at or now(), limits=Limits()), as_json=as_json)
