"""`eds ca mass`: hold or revoke many certificates at once, counted before and resumed after."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from eds_cli.authority import Consent, actor_option, authority_option, plan_options
from eds_cli.ca_certificates import key_hash
from eds_cli.ca_status import REASONS, issuer_option
from eds_cli.instants import Instant, now
from eds_cli.lazy import HELP_NAMES
from eds_cli.output import Facts, Shown, done, json_option, show, show_json
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.ca.folder import AuthorityFolder
    from eds.ca.lifecycle import Act
    from eds.ca.mass import MassActs, MassProgress
    from eds.ca.selection import MassPlan

F = TypeVar("F", bound=Callable[..., Any])


@click.group(context_settings=HELP_NAMES)
def mass() -> None:
    """Hold or revoke many certificates at once.

    NAME names the decision. What is selected is counted first; a run that was cut off goes on
    with `resume`, and repeats nothing.
    """


def _selection_options(command: F) -> F:
    repeated = {
        "profile": "Of this profile, of every version or of one (name/2).",
        "key-kind": 'With a key of this kind, such as "RSA 2048" or "EC P-256".',
        "ra": "Registered there.",
        "operator": "Issued by this official.",
        "person": "Of this person.",
        "key": "Of the key in this file.",
    }
    for name, text in reversed(repeated.items()):
        command = click.option(f"--{name}", multiple=True, metavar="TEXT", help=text)(command)
    command = click.option("--issued-from", type=Instant(), help="Issued then or later.")(command)
    return click.option("--issued-before", type=Instant(), help="Issued before; now if not given.")(
        command
    )


@mass.command("hold")
@click.argument("name")
@issuer_option
@_selection_options
@actor_option
@authority_option
@plan_options
def mass_hold(
    name: str,
    issuer: str | None,
    actor: str,
    folder: AuthorityFolder,
    consent: Consent,
    **selection: Any,
) -> int:
    """Suspend all certificates for which everything said holds; several of one kind mean any."""
    from eds.ca.lifecycle import Act

    return _begin(folder, name, Act.HOLD, None, issuer, actor, consent, selection)


@mass.command("revoke")
@click.argument("name")
@click.option(
    "--reason",
    type=click.Choice(REASONS),
    metavar="REASON",
    required=True,
    help=f"One of {', '.join(REASONS)}.",
)
@issuer_option
@_selection_options
@actor_option
@authority_option
@plan_options
def mass_revoke(
    name: str,
    reason: str,
    issuer: str | None,
    actor: str,
    folder: AuthorityFolder,
    consent: Consent,
    **selection: Any,
) -> int:
    """Revoke all certificates for which everything said holds; several of one kind mean any."""
    from eds.ca.lifecycle import Act

    return _begin(folder, name, Act.REVOKE, reason, issuer, actor, consent, selection)


def _begin(
    folder: AuthorityFolder,
    name: str,
    act: Act,
    reason: str | None,
    issuer: str | None,
    actor: str,
    consent: Consent,
    given: dict[str, Any],
) -> int:
    from eds.ca.selection import MassAct, Selection
    from eds.extensions import RevocationReason

    named = folder.issuer(issuer)
    folder.require_reference("actor", actor)
    folder.require_reference("name", name)
    before: datetime | None = given["issued_before"]
    selection = Selection(
        issuer=named.identifier,
        profiles=frozenset(given["profile"]),
        key_kinds=frozenset(given["key_kind"]),
        authorities=frozenset(given["ra"]),
        operators=frozenset(given["operator"]),
        persons=frozenset(given["person"]),
        keys=frozenset(key_hash(Path(file)) for file in given["key"]),
        issued_from=given["issued_from"],
        issued_before=before,
    )
    acts = _acts(folder)
    plan = acts.plan(
        MassAct(
            name=name,
            selection=selection,
            act=act,
            actor=actor,
            reason=RevocationReason[reason.replace("-", "_").upper()] if reason else None,
        ),
        at=now(),
    )
    if not consent.given(
        _plan_facts(plan), title=say("mass {act} {name}", act=say(act.value), name=name)
    ):
        return consent.status
    acts.start(plan, at=now())
    return _run(acts, name, consent)


@mass.command("resume")
@click.argument("name")
@actor_option
@authority_option
@plan_options
def resume(name: str, actor: str, folder: AuthorityFolder, consent: Consent) -> int:
    """Go on with an act that was cut off."""
    folder.require_reference("actor", actor)
    acts = _acts(folder)
    facts = {**_plan_facts(acts.find(name)), "progress": _progress_facts(acts.progress(name))}
    if not consent.given(facts, title=say("go on with {name}", name=name)):
        return consent.status
    return _run(acts, name, consent)


@mass.command("stop")
@click.argument("name")
@actor_option
@authority_option
@plan_options
def stop(name: str, actor: str, folder: AuthorityFolder, consent: Consent) -> int:
    """Do nothing more of an act; what is done stays done."""
    folder.require_reference("actor", actor)
    acts = _acts(folder)
    if not consent.given(_progress_facts(acts.progress(name)), title=say("stop {name}", name=name)):
        return consent.status
    progress = acts.stop(name, actor=actor, at=now())
    consent.done({"progress": _progress_facts(progress)})
    if not consent.as_json:
        done(say("stopped {name} after {count} changes", name=name, count=progress.changed))
    return 0


@mass.command("show")
@click.argument("name", required=False)
@authority_option
@json_option
def show_mass(name: str | None, folder: AuthorityFolder, as_json: bool) -> None:
    """Show an act and how far it is, or the names of those that are not finished."""
    acts = _acts(folder)
    if name is None:
        names = acts.unfinished()
        if as_json:
            show_json(list(names))
        for one in () if as_json else names:
            click.echo(one)
        return
    facts = {**_plan_facts(acts.find(name)), "progress": _progress_facts(acts.progress(name))}
    show(facts, as_json=as_json, title=name, words=say)


def _acts(folder: AuthorityFolder) -> MassActs:
    from eds.ca.issuers import STATUS_RULES
    from eds.ca.mass import MassActs

    return MassActs(folder.register, policy=STATUS_RULES)


def _run(acts: MassActs, name: str, consent: Consent) -> int:
    watched = sys.stderr.isatty()

    def told(progress: MassProgress) -> None:
        if watched:
            seen = progress.changed + progress.passed
            line = say("{seen} of {selected}", seen=seen, selected=progress.selected)
            click.echo(f"\r{line}", err=True, nl=False)

    finished = acts.run(name, at=now(), progress=told)
    if watched:
        click.echo("\r\033[K", err=True, nl=False)
    consent.done({"progress": _progress_facts(finished)})
    if not consent.as_json:
        done(
            say(
                "{name}: {changed} changed, {passed} left as they were",
                name=name,
                changed=finished.changed,
                passed=finished.passed,
            )
        )
    return 0


def _plan_facts(plan: MassPlan) -> Facts:
    return {
        "name": plan.act.name,
        "act": Shown(plan.act.act.value, say(plan.act.act.value)),
        "reason": plan.act.reason.name.lower() if plan.act.reason else None,
        "selected": plan.selected,
        "changes": plan.changes,
        "counts": [
            {
                "profile": one.profile,
                "state": Shown(one.state, say(one.state)),
                "outcome": Shown(one.outcome, say(one.outcome)),
                "count": one.count,
            }
            for one in plan.counts
        ],
        "list_octets": plan.entry_octets,
        "plan_sha256": plan.hash.hex(),
    }


def _progress_facts(progress: MassProgress) -> Facts:
    return {
        "name": progress.name,
        "state": Shown(progress.state, say(progress.state)),
        "changed": progress.changed,
        "passed": progress.passed,
        "selected": progress.selected,
    }
