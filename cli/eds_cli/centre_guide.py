"""`eds centre` at a terminal: an official is led through the cases that wait for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from eds.languages import message_of
from eds_cli.centre_visit import ask_visit
from eds_cli.desks import acting, ask_key, open_desk
from eds_cli.instants import now
from eds_cli.output import done, escape, paint, show, show_table
from eds_cli.speech import language, say

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

_CHOICES: Final = ("look", "approve", "return", "reject", "leave")


def guide() -> None:
    """Lead an official: who they are, what waits, one case after another."""
    from eds_cli.enroll_guide import no_secrets
    from eds_cli.stores import default_store

    desk = os.environ.get("EDS_DESK") or click.prompt(
        say("The desk (its folder)"), default=".", err=True
    )
    folder = open_desk(desk)
    store = click.prompt(say("Where your key is"), default=default_store(), err=True)
    key = ask_key(store)
    with acting(folder, key, store, (), no_secrets()) as by:
        official = folder.store.official(by.person)
        if official is None:
            from eds.enroll.failures import Code, Failure
            from eds.errors import TransitionRefused

            raise TransitionRefused(failures=(Failure(code=Code.NOT_AN_OFFICIAL),))
        roles = ", ".join(say(role) for role in sorted(role.value for role in official.roles))
        stations = ", ".join(sorted(official.stations)) or say("no station")
        done(say("you are {roles} at {stations}", roles=roles, stations=stations))
        while _one_case(folder, official, by):
            pass


def _one_case(folder: DeskFolder, official: Official, by: By) -> bool:
    """Choose a case and do what is next in it. False where nothing is left, or no more wanted."""
    from eds.errors import EdsError
    from eds_cli.centre_cases import waiting

    mine = [(each, act) for each in waiting(folder) if (act := _act_of(each, official))]
    if not mine:
        click.echo(say("nothing waits for you"))
        return False
    show_table(
        ("", say("APPLICATION"), say("STATE"), say("YOU")),
        [
            (number, each.application, each.state.value, say(_WORDS[act]))
            for number, (each, act) in enumerate(mine, 1)
        ],
    )
    chosen = click.prompt(
        say("Which (0 to leave)"), type=click.IntRange(0, len(mine)), default=1, err=True
    )
    if chosen == 0:
        return False
    case, act = mine[chosen - 1]
    try:
        _do(folder, case, act, by)
    except EdsError as error:
        told = message_of(error, language=language())
        click.echo(f"{paint('✗', fg='red')} {escape(f'{told} [{error.code}]')}", err=True)
    return click.confirm(say("Another case?"), default=True, err=True)


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
        done(say("the applicant is here; the case is yours now"))
        return
    person = person_facts(work.person(name, by))
    facts = {**case_facts(case), "person": person}
    show(facts, as_json=False, title=say("the case"), words=say)
    if act == "record" and case.state.value == "present":
        work.record(name, by, ask_visit(case.flow.value))
        done(say("the record is signed; another official decides over it"))
    elif act in ("record", "review"):
        click.confirm(say("Sign this record?"), abort=True, err=True)
        work.record(name, by)
        done(say("the record is signed; another official decides over it"))
    else:
        _decide(work, name, by)


def _decide(work: Casework, name: str, by: By) -> None:
    from eds_cli.centre_cases import write_files

    choices = {say(word): word for word in _CHOICES}
    while True:
        answer = click.prompt(
            say("Your decision"), type=click.Choice(list(choices)), default=say("look"), err=True
        )
        chosen = choices[answer]
        if chosen != "look":
            break
        place = Path(
            click.prompt(say("Folder for the scans"), default=f"case-{name[:8]}", err=True)
        )
        for file in write_files(work.evidence(name, by), place):
            click.echo(f"  {file}")
    if chosen == "approve":
        half = work.approve(name, by).printed_half
        done(say("approved"))
        if half:
            words = say("give the applicant this half of the secret, on paper: {half}", half=half)
            click.echo(words)
    elif chosen != "leave":
        reason = click.prompt(say("Why (no personal data)"), err=True)
        work.end(name, by, act="return" if chosen == "return" else "decline", reason=reason)
        done(say("done"))
