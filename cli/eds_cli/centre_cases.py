"""`eds centre list`, `show`, `open`, `check-in`, `record`, `approve`, `return`, `reject`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from eds_cli.desks import (
    acting,
    at_address,
    at_counter,
    given,
    is_address,
    open_access,
    open_desk,
    place_option,
    source_option,
    write_secret,
)
from eds_cli.enroll_steps import apply, require_terms
from eds_cli.enrolling import application_option, status_facts, tell
from eds_cli.instants import now
from eds_cli.output import Facts, Shown, done, json_option, plain, show, show_json, show_table
from eds_cli.pins import Secrets, secret_options
from eds_cli.signing import key_options
from eds_cli.speech import language, say

if TYPE_CHECKING:
    from eds.enroll.application import Application
    from eds.enroll.casework import By
    from eds.enroll.certified import CertificateStatus
    from eds.enroll.counter import Case, ClearedCase, Counter
    from eds.enroll.folder import DeskFolder
    from eds.enroll.people import DocumentIdentity, Snapshot

F = TypeVar("F", bound=Callable[..., Any])

# State → whose turn it is, and with which command.
WAITS_FOR: Final = {
    "manual_review": ("operator", "record"),
    "routed_to_centre": ("applicant", "check-in"),
    "appointed": ("applicant", "check-in"),
    "returned": ("applicant", "check-in"),
    "present": ("operator", "record"),
    "evidence_validated_in_person": ("operator", "record"),
    "maker_recorded": ("checker", "approve"),
    "checker_approved": ("desk", "approve"),
}


def act_options(command: F) -> F:
    """APPLICATION, the official's key, the desk; the command has `desk`, `secrets` and more."""
    decorated: Any = json_option(command)
    for option in (secret_options(), place_option, key_options):
        decorated = option(decorated)
    return click.argument("application", metavar="APPLICATION")(decorated)  # type: ignore[no-any-return]


@click.command("list")
@click.option("--all", "everything", is_flag=True, help="Those that wait for nobody here, too.")
@key_options
@place_option
@secret_options()
@json_option
def list_cases(
    everything: bool,
    key: str | None,
    store: str,
    certificate_files: tuple[str, ...],
    desk: str,
    secrets: Secrets,
    as_json: bool,
) -> None:
    """List the applications that wait for people, the most urgent first.

    Nothing personal stands in the list; `show` with a key tells who it is. At an address those of
    your own stations are listed, and looking is signed for with --key.
    """
    found: Sequence[Case]
    if not is_address(desk):
        folder = open_desk(desk)
        found = folder.store.everything() if everything else waiting(folder)
    elif everything:
        from eds.errors import ActNotOffered

        raise ActNotOffered(act="eds centre list --all")
    else:
        with at_address(desk, key, store, certificate_files, secrets) as (counter, by):
            found = counter.waiting(by)
    if as_json:
        show_json([plain(case_facts(each)) for each in found])
        return
    if not found:
        click.echo(say("nothing waits"), err=True)
        return
    show_table(
        (say("APPLICATION"), say("STATE"), say("WAITS FOR"), say("NEXT"), say("STATION"),
         say("UNTIL")),
        [
            (each.application, each.state.value, say(_turn(each)[0]), _turn(each)[1],
             each.station or "-",
             "-" if each.deadline is None else f"{each.deadline.astimezone():%m-%d %H:%M}")
            for each in found
        ],
    )  # fmt: skip


def waiting(folder: DeskFolder) -> tuple[Application, ...]:
    """Open applications in the states in which people are wanted."""
    from eds.enroll.states import State

    states, after = [State(each) for each in WAITS_FOR], None
    found: list[Application] = []
    while page := folder.store.waiting(states, after=after, limit=_PAGE):
        found += page
        if len(page) < _PAGE or page[-1].deadline is None:
            break
        after = page[-1].deadline, page[-1].application
    return tuple(found)


_PAGE: Final = 1000


def _turn(application: Case) -> tuple[str, str]:
    return WAITS_FOR.get(application.state.value, ("-", "-"))


def case_facts(application: Case) -> Facts:
    """An application as officials see it, without its person."""
    who, command = _turn(application)
    deadline = application.deadline
    return {
        "application": application.application,
        "flow": application.flow.value,
        "profile": application.profile,
        "state": application.state.value,
        "version": application.version,
        "waits_for": who if who != "-" else None,
        "next_command": f"eds centre {command}" if command != "-" else None,
        "station": application.station or None,
        "deadline": None if deadline is None else deadline.isoformat(),
        "level": application.level.name.lower(),
        "risk": application.risk,
        "evidence": sorted(each.value for each in application.kinds),
        "face_checks": application.face_checks,
        "returns": application.returns,
        "reason_without_chip": application.reason_without_chip or None,
        "reason": application.reason or None,
        "operator": Shown(application.operator or None, application.operator[:20]),
        "checker": Shown(application.checker or None, application.checker[:20]),
        "record_sha256": application.record.hex() or None,
    }


@click.command("show")
@click.option(
    "--files",
    metavar="FOLDER",
    help="With --key: write what was seen and taken into this new folder. Destroy it afterwards.",
)
@act_options
def show_case(
    files: str | None,
    application: str,
    key: str | None,
    store: str,
    certificate_files: tuple[str, ...],
    desk: str,
    secrets: Secrets,
    as_json: bool,
) -> None:
    """Show an application. With --key, an official sees its person too, and the log says so.

    At an address it is always shown to an official.
    """
    if is_address(desk):
        with at_address(desk, key, store, certificate_files, secrets) as (counter, by):
            seen = counter.see(application, by)
            shown = {
                **case_facts(seen.case),
                **_certificate_facts(seen.case.certificate, seen.case.status),
                "chip_challenge": seen.chip_challenge.hex(),
                "person": person_facts(seen.identity if seen.person is None else seen.person),
            }
            if files is not None:
                shown["files"] = write_files(counter.evidence(application, by), Path(files))
        show(shown, as_json=as_json, words=say)
        return
    from eds.enroll.certified import certificate_status
    from eds.enroll.readers import chip_challenge
    from eds.enroll.visits import visit_challenge

    folder = open_desk(desk)
    found = folder.store.load(application)
    facts = dict(case_facts(found))
    status = certificate_status(folder.issuing.register, found.certificate, at=now())
    facts |= _certificate_facts(found.certificate, status)
    facts["chip_challenge"] = chip_challenge(visit_challenge(found)).hex()
    if key is not None:
        with acting(folder, key, store, certificate_files, secrets) as by:
            work = folder.casework(now=now)
            facts["person"] = person_facts(work.person(application, by))
            if files is not None:
                facts["files"] = write_files(work.evidence(application, by), Path(files))
    elif files is not None:
        raise click.UsageError(say("who looks? --files wants --key"))
    show(facts, as_json=as_json, words=say)


def _certificate_facts(fingerprint: bytes, status: CertificateStatus | None) -> Facts:
    return {
        "certificate_sha256": fingerprint.hex() or None,
        "certificate_status": None if status is None else status_facts(status),
    }


def write_files(evidence: Mapping[str, bytes], folder: Path) -> list[str]:
    """What was seen and taken, as files that nobody else can read."""
    from eds.ca.files import PRIVATE, write_file

    folder.mkdir(mode=0o700)
    for kind, octets in evidence.items():
        write_file(folder / kind, octets, mode=PRIVATE)
    return [str(folder / kind) for kind in sorted(evidence)]


def person_facts(person: Mapping[str, Any] | Snapshot | DocumentIdentity | None) -> Facts | None:
    """Who it is, as the register or the document says."""
    from eds.enroll.encoding import to_data

    if person is None:
        return None
    hidden = ("personal_number", "taken_at", "grain")
    return {key: value for key, value in to_data(person).items() if key not in hidden}


@click.command("open")
@click.option("--country", metavar="CODE", required=True,
              help="Which country's document it is (two letters).")  # fmt: skip
@source_option("--number", "The number of the document", parameter="number")
@click.option("--profile", metavar="NAME", default="non-resident-signature", show_default=True,
              help="The kind of certificate.")  # fmt: skip
@click.option("--station", metavar="NAME", help="Where you are.")
@click.option("--agree", is_flag=True, help="The person has read the terms, and agrees.")
@application_option
@place_option
@json_option
def open_case(
    country: str,
    number: str | None,
    profile: str,
    station: str | None,
    agree: bool,
    application: str,
    desk: str,
    as_json: bool,
) -> None:
    """Apply for somebody who came without having applied, under their document.

    What belongs to the applicant alone is kept in --application, which goes with them.
    """
    access = open_access(desk)
    require_terms(access, agree=agree)
    text = given(number, say("Number of your document"), option="--number")
    standing = apply(
        access, Path(application), desk=desk, flow="centre", number=text, country=country,
        profile=profile, station=station or "",
    )  # fmt: skip
    tell(standing, as_json=as_json)


@click.command("check-in")
@click.option("--station", metavar="NAME", help="Where; your own, if you have one.")
@act_options
def check_in(station: str | None, **said: Any) -> None:
    """The applicant is here. Whoever says so goes on with the case."""
    _act(lambda work, name, by: work.check_in(name, by, station=station or ""), **said)


@click.command("record")
@act_options
@click.argument("visit", metavar="[VISIT]", required=False)
def record(visit: str | None, **said: Any) -> None:
    """Write the visit down and sign the record, to be decided upon by another official.

    VISIT is a file of TOML: the document, what was looked at, the picture, the papers. At a
    terminal it can be left out, and is asked for. What came from home and is only to be reviewed
    wants none.
    """
    from eds.enroll.visits import read_visit
    from eds_cli.centre_visit import ask_visit

    written = None
    if visit is not None:
        file = Path(visit)
        written = read_visit(file.read_bytes(), file=file.name, folder=file.parent)

    def sign(work: Counter, name: str, by: By) -> Case:
        seen = written
        if seen is None and (found := work.case(name, by)).state.value == "present":
            if not sys.stdin.isatty():
                raise click.UsageError(say("say in which file the visit is written down"))
            seen = ask_visit(found.flow.value)
        return work.record(name, by, seen)

    _act(sign, **said)


@click.command("approve")
@click.option("--half-out", metavar="FILE",
              help="Write the printed half of the activation secret to this new file.")  # fmt: skip
@act_options
def approve(half_out: str | None, **said: Any) -> None:
    """The second official's yes, over the same record. What follows is done at once.

    Of those who came in person one half of the activation secret is printed here, and the other
    sent to them. Run again after a register failed, it goes on.
    """
    _secret_act(lambda work, name, by: work.approve(name, by), half_out, **said)


@click.command("new-secret")
@click.option("--half-out", metavar="FILE", help="Write the printed half to this new file.")
@act_options
def new_secret(half_out: str | None, **said: Any) -> None:
    """Another activation secret, in place of one that was lost. The old one is void."""
    _secret_act(lambda work, name, by: work.new_secret(name, by), half_out, **said)


@click.command("return")
@click.option("--reason", metavar="TEXT", required=True, help="What is wanted; at most twice.")
@act_options
def return_case(reason: str, **said: Any) -> None:
    """The second official wants more: the applicant has to come again."""
    _act(lambda work, name, by: work.end(name, by, act="return", reason=reason), **said)


@click.command("reject")
@click.option("--reason", metavar="TEXT", required=True, help="Why; no personal data.")
@act_options
def reject(reason: str, **said: Any) -> None:
    """Refuse an application: at the counter the operator, later the second official."""

    def refuse(work: Counter, name: str, by: By) -> Case:
        present = work.case(name, by).state.value == "present"
        return work.end(name, by, act="turn_away" if present else "decline", reason=reason)

    _act(refuse, **said)


# --- inside --------------------------------------------------------------------------------------


def _act(
    do: Callable[[Counter, str, By], Case],
    *,
    application: str,
    key: str | None,
    store: str,
    certificate_files: tuple[str, ...],
    desk: str,
    secrets: Secrets,
    as_json: bool,
) -> None:
    with at_counter(desk, key, store, certificate_files, secrets) as (work, by):
        after = do(work, application, by)
    if as_json:
        show_json(plain(case_facts(after)))
        return
    _, command = _turn(after)
    done(_now(after))
    if command != "-":
        click.echo(say("next: {command}", command=f"eds centre {command} {after.application}"))


def _secret_act(
    do: Callable[[Counter, str, By], ClearedCase],
    half_out: str | None,
    *,
    application: str,
    key: str | None,
    store: str,
    certificate_files: tuple[str, ...],
    desk: str,
    secrets: Secrets,
    as_json: bool,
) -> None:
    """The application, and the half that the applicant is given here."""
    with at_counter(desk, key, store, certificate_files, secrets) as (work, by):
        cleared = do(work, application, by)
    half = cleared.printed_half
    if half and half_out is not None:
        write_secret(half, half_out)
    if as_json:
        shown = half if half and half_out is None else None
        facts: Any = plain(case_facts(cleared.application))
        show_json({**facts, "printed_half": shown, "half_out": half_out if half else None})
        return
    done(_now(cleared.application))
    if half and half_out is None:
        click.echo(say("give the applicant this half, on paper: {half}", half=half))
    elif half:
        click.echo(say("the half for the applicant is in {file}", file=half_out))
    elif cleared.application.in_person:  # an answer of the desk that got lost
        click.echo(say("the printed half was lost on the way: eds centre new-secret makes another"))


def _now(application: Case) -> str:
    """Where it is: by the state's short name in English, else by its sentence."""
    from eds.enroll.wording import state_in_words

    spoken, state = language(), application.state
    words = state.value.replace("_", " ")
    if spoken != "en":
        words = state_in_words(state, language=spoken)
    return say("{application} is {state}", application=application.application, state=words)
