"""`eds enroll` at a terminal: a person who knows nothing is led from the desk to the certificate.

Each step says what is needed and why, asks for it, and does what the command of that name does. It
can be left at any question: what was done stays done, and the same command goes on.
"""

from __future__ import annotations

import os
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from eds.enroll.wording import next_step, refusal_in_words
from eds.languages import message_of
from eds_cli.desks import ask_key, given, open_access, open_desk, remembered
from eds_cli.enroll_key import (
    accept,
    ask_secret,
    bind,
    confirm_fields,
    field_facts,
    make_key,
    show_passphrase,
)
from eds_cli.enroll_steps import (
    apply,
    ask_renewal,
    profiles_for,
    prove_code,
    prove_eds,
    require_terms,
    usual_profile,
)
from eds_cli.enrolling import Kept, Work, default_folder, standing_words
from eds_cli.output import columns, confirm, done, escape, paint, show
from eds_cli.pins import Given, Secrets
from eds_cli.speech import language, say
from eds_cli.stores import ALIASES, default_store

if TYPE_CHECKING:
    from eds.algorithms import SignatureAlgorithm
    from eds.enroll.applicant import Standing
    from eds.errors import EdsError
    from eds.keys import PinSource

_MARK: Final = "→"


def guide() -> None:
    """Lead whoever is there as far as it goes today."""
    from eds.errors import EdsError

    work, before = _begin(), None
    pin = remembered(no_secrets())
    while True:
        standing = work.standing()
        if standing.state is not before:
            _tell(standing)
        before = standing.state
        step = _STEPS.get(standing.step.value)
        if step is None:
            _rest(work, standing)
            return
        try:
            step(work, standing, pin)
        except EdsError as error:
            # A wrong code or a face that was not recognised is no end: it is said, and asked again.
            if not _may_go_on(error):
                raise
            pin = remembered(no_secrets())
            click.echo(f"\n{paint('✗', fg='red')} {_said(error)}{_left(work)}", err=True)


def no_secrets() -> Secrets:
    """All secrets are asked for at the terminal."""
    nothing = Given(descriptor=None, variable=None)
    return Secrets(current=nothing, new=nothing, source=nothing)


def paragraph(text: str) -> None:
    """A paragraph, as wide as the terminal."""
    width = min(columns() or 80, 100)
    lines = textwrap.wrap(text, width - 2)
    click.echo(f"\n{paint(_MARK, fg='cyan')} " + "\n  ".join(lines), err=True)


def _tell(standing: Standing) -> None:
    words = standing_words(standing)
    click.echo(err=True)
    show(
        {name: words[name] for name in ("certificate", "state", "reason", "until")},
        as_json=False,
        title=say("your application"),
        words=say,
    )


def _left(work: Work) -> str:
    left = work.standing().tries_left
    return "" if left is None else f" {say('Tries left: {count}.', count=left)}"


def _may_go_on(error: EdsError) -> bool:
    return error.code in (
        *("enroll.refused", "enroll.evidence_used", "enroll.evidence_unverified"),
        *("enroll.assertion_refused", "enroll.malformed_assertion", "enroll.provider_unavailable"),
        *("keys.password_incorrect", "keys.pin_incorrect", "verify.not_passed"),
        "enroll.desk_refused",
    )


def _said(error: EdsError) -> str:
    from eds.errors import TransitionRefused

    if isinstance(error, TransitionRefused):
        found = (refusal_in_words(code, language=language()) for code in error.shown)
        return " ".join(found)
    return escape(f"{message_of(error, language=language())} [{error.code}]")


# --- the beginning -------------------------------------------------------------------------------


def _begin() -> Work:
    """What is kept, or a new application; one that has ended can be followed by another."""
    folder = Path(default_folder())
    kept = Kept.read(folder)
    if kept is not None and kept.application:
        work = Work(kept=kept)
        step = work.standing().step.value
        if step == "done" and click.confirm(
            say("Your certificate is in use. Renew it now?"), default=False, err=True
        ):
            ask_renewal(kept, agree=False)
            return Work(kept=Kept.read(folder) or kept)
        if step != "ended" or not click.confirm(
            say("Your last application has ended. Open a new one?"), default=True, err=True
        ):
            return work
    return _start(folder, kept)


def _start(folder: Path, kept: Kept | None) -> Work:
    paragraph(say("You apply for a certificate at a desk. Its key will be made on this machine."))
    desk = os.environ.get("EDS_DESK") or (kept.desk if kept else "")
    desk = desk or click.prompt(say("The desk (its address or folder)"), err=True)
    access = open_access(desk)
    resident = click.confirm(
        say("Do you have a personal number of this country?"), default=True, err=True
    )
    flow = "remote" if resident else "centre"
    profile = _profile(desk, flow)
    require_terms(access, agree=False)
    country, station = "", ""
    if resident:
        number = given(None, say("Your personal number"), option="--number")
    else:
        country = click.prompt(say("Country of your document (two letters)"), err=True).upper()
        number = given(None, say("Number of your document"), option="--number").upper()
        station = _station(desk)
    apply(
        access, folder, desk=desk, flow=flow, number=number, country=country, profile=profile,
        station=station,
    )  # fmt: skip
    return Work(kept=Kept.read(folder) or _nothing(folder))


def _nothing(folder: Path) -> Kept:
    from eds.errors import ApplicationNotFound

    raise ApplicationNotFound(application=f"in {folder}")


def _profile(desk: str, flow: str) -> str:
    """The kind of certificate: asked only where there may be several."""
    names, usual = profiles_for(desk, flow), usual_profile(desk, flow)
    if len(names) == 1:
        return usual
    kind = click.Choice(names) if names else None
    return str(click.prompt(say("Which certificate"), type=kind, default=usual, err=True))


def _station(desk: str) -> str:
    if "://" in desk:
        return str(click.prompt(say("Which service centre"), err=True))
    names = sorted(open_desk(desk).settings.stations)
    if len(names) == 1:
        return names[0]
    return str(
        click.prompt(
            say("Which service centre"), type=click.Choice(names), default=names[0], err=True
        )
    )


# --- the steps -----------------------------------------------------------------------------------


def _code(work: Work, standing: Standing, pin: PinSource) -> None:
    paragraph(
        say(
            "A code was sent to the number that the state has for you, not to one you gave. "
            "Nobody from the desk will ever ask you for it."
        )
    )
    _show_messages(work)
    if standing.step.value == "living_key":
        paragraph(say("After it, the password or PIN of the key that is renewed is asked for."))
    prove_code(work, None, pin)


def _evidence(work: Work, standing: Standing, pin: PinSource) -> None:
    del pin
    paragraph(
        say(
            "The desk now has to see that you are who you say. Your face can be compared with the "
            "picture in the register, or with that in the chip of your passport, which proves "
            "more."
        )
    )
    paragraph(
        say(
            "Whoever has an EDS already may sign with it instead (eds): it proves as much as was "
            "proved when it was given, and the face is compared with the register's picture."
        )
    )
    ways = click.Choice(["register", "chip", "eds"])
    way = click.prompt(say("Compare it with"), type=ways, default="register", err=True)
    if way == "register":
        work.access.offer_photo(work.session)
        return
    if way == "eds":
        store = click.prompt(say("Where your key is"), default=default_store(), err=True)
        prove_eds(work, ask_key(store), store, (), no_secrets())
        return
    from eds.enroll.kinds import EvidenceKind
    from eds.enroll.readers import chip_challenge
    from eds.enroll.visits import read_chip

    paragraph(
        say(
            "Have the chip read with a reader, and have it answer these eight octets: {challenge}",
            challenge=chip_challenge(standing.challenge).hex(),
        )
    )
    question = say("Folder with what was read (EF.SOD, EF.DG1, EF.DG15, response)")
    folder = Path(click.prompt(question, err=True))
    work.access.offer_chip(work.session, read_chip(folder), kind=EvidenceKind.PASSPORT_CHIP)


def _face(work: Work, standing: Standing, pin: PinSource) -> None:
    del pin
    paragraph(
        say(
            "A provider looks whether a living person is before the camera, and whether it is you. "
            "It signs what it has found, in a file."
        )
    )
    if work.is_demonstration and work.folder is not None:
        from eds_cli.instants import now

        paragraph(
            say("This desk is a demonstration: the check can be played, with any score of 1000.")
        )
        score = click.prompt(say("Score"), type=click.IntRange(0, 1000), default=950, err=True)
        token = work.folder.demonstration.face(standing, score=score, at=now())
    else:
        paragraph(
            say("The provider is given this challenge: {challenge}",
                challenge=standing.challenge.hex())
        )  # fmt: skip
        token = Path(click.prompt(say("File from the provider"), err=True)).read_bytes().strip()
    work.access.offer_face(work.session, token)


def _key(work: Work, standing: Standing, pin: PinSource) -> None:
    paragraph(
        say(
            "Now your key is made. It stays in your own folder of keys under a password, or in a "
            "token, and nobody at the desk ever has it."
        )
    )
    secret = ""
    if standing.in_person:
        paragraph(say("You were given one half of a secret on paper; the other was sent to you."))
        _show_messages(work)
        secret = ask_secret(None)
    question = say("Where (a folder, or the pkcs11: URI of a token)")
    store = click.prompt(question, default=default_store(), err=True)
    make_key(work, standing, store=store, label=None, algorithm=_usual_algorithm(), pin=pin)
    bind(work, secret, pin)
    done(say("the key is made, and bound to your application"))


def _usual_algorithm() -> tuple[SignatureAlgorithm, int]:
    from eds.algorithms import signature_algorithm

    return signature_algorithm(ALIASES["p256"][0]), 0


def _confirm(work: Work, standing: Standing, pin: PinSource) -> None:
    del standing
    fields = work.access.fields(work.session)
    paragraph(
        say("This is what your certificate will say. What you confirm is issued, and nothing else.")
    )
    show(field_facts(fields), as_json=False, words=say)
    confirm(say("Is all of it right?"))
    confirm_fields(work, fields, pin)


def _activate(work: Work, standing: Standing, pin: PinSource) -> None:
    del standing
    paragraph(say("Your certificate is issued, on hold until you accept it with its key."))
    accept(work, show_passphrase(), pin)
    done(say("accepted"))


_STEPS: Final[Mapping[str, Callable[[Work, Standing, PinSource], None]]] = {
    "code": _code,
    "living_key": _code,
    "evidence": _evidence,
    "face": _face,
    "key": _key,
    "confirm": _confirm,
    "activate": _activate,
}


def _rest(work: Work, standing: Standing) -> None:
    """Nothing is to be done here now: who is waited for, and where to go."""
    step = standing.step.value
    came_to = None if standing.status is None else standing.status.state
    paragraph(next_step(standing.state, language=language(), certificate=came_to))
    if step == "visit":
        paragraph(say("Tell them at the service centre this number:"))
        click.echo(f"\n    {standing.application}  {standing.station}\n", err=True)
    elif step == "wait":
        paragraph(say("Run `eds enroll` again later; nothing is lost meanwhile."))
    elif step == "done":
        paragraph(say("Sign with: {command}", command=f"eds sign FILE --key {work.kept.key}"))


def _show_messages(work: Work) -> None:
    """At a desk that is a demonstration nothing is sent; what would have been is shown."""
    if not work.is_demonstration or work.folder is None:
        return
    mine = [
        each
        for each in work.folder.demonstration.messages()
        if each["words"].get("application") == work.kept.application
    ]
    if mine:
        last = mine[-1]["words"]
        text = last.get("code") or last.get("half") or ""
        words = say("(a demonstration: the message would have said {text})", text=escape(text))
        click.echo(paint(f"  {words}", dim=True), err=True)
