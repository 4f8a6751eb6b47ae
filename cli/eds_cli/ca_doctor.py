"""`eds ca doctor`: what is wrong with an authority, or soon will be."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import TYPE_CHECKING

import click

from eds_cli.authority import authority_option
from eds_cli.instants import Instant, now
from eds_cli.output import done, escape, json_option, show_json

if TYPE_CHECKING:
    from eds.ca.doctor import Diagnosis
    from eds.ca.folder import AuthorityFolder

_FINDINGS = 1


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

    checks: list[str] = []
    findings: list[Diagnosis] = []
    for name, found in examine(folder, at=at or now(), limits=Limits()):
        checks.append(name)
        findings += found
        if as_json:
            continue
        for one in found:
            mark = "now " if one.urgent else "soon"
            click.echo(escape(f"  {mark}  {one.place}: {one.detail} [{one.code}]"))
        if not found and sys.stdout.isatty():
            done(name)
    if as_json:
        show_json(
            {
                "checks": checks,
                "findings": [
                    {
                        "code": one.code,
                        "place": one.place,
                        "detail": one.detail,
                        "urgent": one.urgent,
                    }
                    for one in findings
                ],
            }
        )
    elif not findings:
        done(f"{len(checks)} checks, nothing found")
    else:
        click.echo(f"{len(checks)} checks, {len(findings)} findings")
    return _FINDINGS if findings else 0
