"""`eds centre` at a terminal: an official is led through the cases that wait for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from eds_cli.centre_visit import ask_visit
from eds_cli.desks import acting, open_desk
from eds_cli.instants import now
from eds_cli.output import done, escape, paint, show, show_table

if TYPE_CHECKING:
    from eds.enroll.application import Application
    from eds.enroll.casework import By, Casework
    from eds.enroll.folder import DeskFolder
    from eds.enroll.officials import Official

# What an official of a role does in a state.
_DOES: Final = {
    "operator": {
        "appointed": "check_in",
        "routed_to_centre": "check_in",
        "returned": "check_in",
        "present": "record",
        "evidence_validated_in_person": "record",
        "manual_review": "review",
    },
    "checker": {"maker_recorded": "decide"},
}
_WORDS: Final = {
    "check_in": "say that the applicant is here",
    "record": "write down what you have seen",
    "review": "review what came from home",
    "decide": "decide over the record",
}


def guide() -> None:
    """Lead an official: who they are, what waits, one case after another."""
    from eds_cli.enroll_guide import no_secrets
    from eds_cli.stores import default_store

    desk = os.environ.get("EDS_DESK") or click.prompt(
        "The desk (its folder)", default=".", err=True
    )
    folder = open_desk(desk)
    store = click.prompt("Where your key is", default=default_store(), err=True)
    key = _key(store)
    with acting(folder, key, store, (), no_secrets()) as by:
        official = folder.store.official(by.person)
        if official is None:
            from eds.enroll.failures import Code, Failure
            from eds.errors import TransitionRefused

            raise TransitionRefused(failures=(Failure(code=Code.NOT_AN_OFFICIAL),))
        roles = ", ".join(sorted(role.value for role in official.roles))
        done(f"you are {roles} at {', '.join(sorted(official.stations)) or 'no station'}")
        while _one_case(folder, official, by):
            pass


def _key(store: str) -> str:
    """The label of the official's key: asked only where there are several."""
    from eds.errors import KeyNotFound
    from eds_cli.stores import survey

    labels = [key.label for key in survey(store)[0] if key.certificates or key.public_key is None]
    if not labels:
        raise KeyNotFound(key=f"with a certificate in {store}")
    if len(labels) == 1:
        return labels[0]
    found: str = click.prompt("Your key", type=click.Choice(labels), err=True)
    return found


def _one_case(folder: DeskFolder, official: Official, by: By) -> bool:
    """Choose a case and do what is next in it. False where nothing is left, or no more wanted."""
    from eds.errors import EdsError
    from eds_cli.centre_cases import waiting

    mine = [(each, act) for each in waiting(folder) if (act := _act_of(each, official))]
    if not mine:
        click.echo("nothing waits for you")
        return False
    show_table(
        ("", "APPLICATION", "STATE", "YOU"),
        [
            (number, each.application, each.state.value, _WORDS[act])
            for number, (each, act) in enumerate(mine, 1)
        ],
    )
    chosen = click.prompt(
        "Which (0 to leave)", type=click.IntRange(0, len(mine)), default=1, err=True
    )
    if chosen == 0:
        return False
    case, act = mine[chosen - 1]
    try:
        _do(folder, case, act, by)
    except EdsError as error:
        click.echo(f"{paint('✗', fg='red')} {escape(f'{error} [{error.code}]')}", err=True)
    return click.confirm("Another case?", default=True, err=True)


def _act_of(application: Application, official: Official) -> str | None:
    for role in official.roles:
        act = _DOES.get(role.value, {}).get(application.state.value)
        if act is not None:
            return act
    return None


def _do(folder: DeskFolder, case: Application, act: str, by: By) -> None:
    from eds_cli.centre_cases import case_facts, person_facts

    work = folder.casework(now=now)
    name = case.application
    if act == "check_in":
        work.check_in(name, by)
        done("the applicant is here; the case is yours now")
        return
    person = person_facts(work.person(name, by))
    show({**case_facts(case), "person": person}, as_json=False, title="the case")
    if act == "record" and case.state.value == "present":
        work.record(name, by, ask_visit(case.flow.value))
        done("the record is signed; another official decides over it")
    elif act in ("record", "review"):
        click.confirm("Sign this record?", abort=True, err=True)
        work.record(name, by)
        done("the record is signed; another official decides over it")
    else:
        _decide(work, name, by)


def _decide(work: Casework, name: str, by: By) -> None:
    from eds_cli.centre_cases import write_files

    choices = ["look", "approve", "return", "reject", "leave"]
    while True:
        chosen = click.prompt("Your decision", type=click.Choice(choices), default="look", err=True)
        if chosen != "look":
            break
        place = Path(click.prompt("Folder for the scans", default=f"case-{name[:8]}", err=True))
        for file in write_files(work.evidence(name, by), place):
            click.echo(f"  {file}")
    if chosen == "approve":
        half = work.approve(name, by).printed_half
        done("approved")
        if half:
            click.echo(f"give the applicant this half of the secret, on paper: {half}")
    elif chosen != "leave":
        reason = click.prompt("Why (no personal data)", err=True)
        work.end(name, by, act="return" if chosen == "return" else "decline", reason=reason)
        done("done")
