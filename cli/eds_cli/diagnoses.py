"""How the findings of a doctor are told: check by check as they come, or as JSON."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import click

from eds_cli.advice import advice
from eds_cli.output import done, escape, show_json
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.diagnosis import Diagnosis

FINDINGS: Final = 1


def tell(found: Iterable[tuple[str, tuple[Diagnosis, ...]]], *, as_json: bool) -> int:
    """Tell (name of a check, its findings) one after another. Returns the exit status."""
    checks: list[str] = []
    findings: list[Diagnosis] = []
    for name, some in found:
        checks.append(name)
        findings += some
        if as_json:
            continue
        for one in some:
            mark = say("now") if one.urgent else say("soon")
            click.echo(escape(f"  {mark:<5} {one.place}: {one.detail} [{one.code}]"))
            if (step := advice(one.code)) is not None:
                click.echo(f"        {say(step)}")
        if not some and sys.stdout.isatty():
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
        done(say("checks: {count}, nothing found", count=len(checks)))
    else:
        counts = {"count": len(checks), "findings": len(findings)}
        click.echo(say("checks: {count}, findings: {findings}", **counts))
    return FINDINGS if findings else 0
