"""`eds enroll start`, `status`, `prove`, `cancel` and `renew`."""

from __future__ import annotations

import secrets as random
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from eds_cli.desks import (
    given,
    open_access,
    open_desk,
    source_option,
    statements_signed,
    write_secret,
)
from eds_cli.enrolling import Kept, Work, application_option, read_kept, tell, work_option
from eds_cli.instants import now
from eds_cli.output import confirm, done, escape, json_option, show_json
from eds_cli.pins import Secrets, secret_options
from eds_cli.signing import key_options
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.enroll.applicant import Access, Standing
    from eds.enroll.statements import SignedAct
    from eds.keys import PinSource

# What is asked for, if nothing is said: from home for residents, at the centre for others.
PROFILES: Final = {"remote": "natural-person-signature", "centre": "non-resident-signature"}
_MANDATE_LIMIT: Final = 64 * 1024
_KINDS: Final = ("passport", "identity-card")


@click.command("start")
@click.option(
    "--desk",
    metavar="FOLDER|URL",
    envvar="EDS_DESK",
    required=True,
    help="The desk to apply at: its address or folder; or $EDS_DESK.",
)
@click.option(
    "--centre",
    "country",
    metavar="COUNTRY",
    help="Apply at a service centre, under a document of this country (two letters).",
)
@click.option("--profile", metavar="NAME", help="The kind of certificate.")
@click.option("--station", metavar="NAME", help="The service centre to come to.")
@source_option("--number", "Your personal number, or that of your document", parameter="number")
@click.option(
    "--organisation", metavar="NUMBER", help="The organisation that you are to be certified for."
)
@click.option(
    "--mandate", metavar="FILE", help="What its head has signed for you (`eds enroll mandate`)."
)
@click.option("--agree", is_flag=True, help="You have read the terms of the desk, and agree.")
@application_option
@json_option
def start(
    desk: str,
    country: str | None,
    profile: str | None,
    station: str | None,
    number: str | None,
    organisation: str | None,
    mandate: str | None,
    agree: bool,
    application: str,
    as_json: bool,
) -> None:
    """Apply at a desk, and agree to its terms.

    Residents apply from home under their personal number; with --centre you apply under your
    document and come to a service centre. For an organisation its head applies with --profile
    legal-entity-head, and its other people with the mandate of the head.

    A start that was interrupted goes on with the same command.
    """
    access = open_access(desk)
    flow = "centre" if country else "remote"
    chosen = profile or usual_profile(desk, flow)
    require_terms(access, agree=agree)
    text = given(
        number,
        say("Number of your document") if country else say("Your personal number"),
        option="--number",
    )
    standing = apply(
        access, Path(application), desk=desk, flow=flow, number=text, country=country or "",
        profile=chosen, station=station or "", organisation=organisation or "",
        mandate=None if mandate is None else read_mandate(mandate),
    )  # fmt: skip
    tell(standing, as_json=as_json)


def profiles_for(desk: str, flow: str) -> list[str]:
    """What a desk gives natural persons by that way; nothing where only the desk itself knows."""
    if "://" in desk:
        return []
    rules = open_desk(desk).settings.rules
    return sorted(
        name
        for name, rule in rules.items()
        if flow in {one.value for one in rule.flows} and rule.represents is None
    )


def usual_profile(desk: str, flow: str) -> str:
    """What is asked for, if nothing is said: a signature, or all that the desk gives."""
    names = profiles_for(desk, flow)
    usual = PROFILES[flow]
    return names[0] if names and usual not in names else usual


def require_terms(access: Access, *, agree: bool) -> None:
    """Show the terms and ask, unless they are agreed to already."""
    import sys

    if agree:
        return
    if not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: --agree says that you agree to the terms")
    text = access.terms().decode("utf-8", "replace")
    click.echo("\n".join(escape(line) for line in text.splitlines()), err=True)
    confirm(say("Do you agree to these terms?"))


def apply(
    access: Access, folder: Path, *, desk: str, flow: str, number: str, country: str,
    profile: str, station: str, organisation: str = "", mandate: SignedAct | None = None,
) -> Standing:  # fmt: skip
    """Open an application and keep what belongs to it; where a code is next, have it sent."""
    from eds.enroll.applicant import Step, Wanted, new_token
    from eds.enroll.reception import digest_of
    from eds.enroll.states import Flow

    kept = Kept.read(folder)
    if kept is None or kept.application or (kept.flow, kept.profile) != (flow, profile):
        if kept is not None and kept.application:
            _require_ended(kept)
            kept.put_aside()
        # Kept before it is sent: whatever happens then, the same message opens it once.
        kept = Kept(
            folder=folder, desk=_absolute(desk), flow=flow, profile=profile,
            message=random.token_hex(16), token=new_token().hex(),
        ).write()  # fmt: skip
    standing = access.open(
        Wanted(
            flow=Flow(flow),
            message=kept.message,
            profile=profile,
            personal_number="" if country else number,
            document=(country, number) if country else ("", ""),
            station=station,
            organisation=organisation,
            mandate=mandate,
        ),
        token=bytes.fromhex(kept.token),
        terms=digest_of(access.terms()),
    )
    work = Work(kept=kept)
    work.keep(application=standing.application)
    if standing.step in (Step.CODE, Step.LIVING_KEY):
        standing = access.send_code(work.session)
    return standing


def read_mandate(file: str) -> SignedAct:
    """What `eds enroll mandate` has written. Raises MalformedStatement, OSError."""
    from eds.enroll.encoding import decode
    from eds.enroll.statements import SignedAct
    from eds.errors import MalformedStatement

    with Path(file).open("rb") as opened:
        octets = opened.read(_MANDATE_LIMIT + 1)
    if len(octets) > _MANDATE_LIMIT:
        raise MalformedStatement(reason="longer than a mandate is")
    return decode(SignedAct, octets.strip())


@click.command("mandate")
@click.option("--organisation", metavar="NUMBER", required=True, help="The one that you head.")
@source_option("--person", "The personal number of the person", parameter="person")
@click.option("--profile", metavar="NAME", required=True, help="The kind of certificate.")
@click.option("--out", metavar="FILE", required=True, help="A new file, for the person alone.")
@key_options
@secret_options()
@json_option
def mandate(
    organisation: str,
    person: str | None,
    profile: str,
    out: str,
    key: str | None,
    store: str,
    certificate_files: tuple[str, ...],
    secrets: Secrets,
    as_json: bool,
) -> None:
    """As the head of an organisation, have somebody certified as one of its people.

    You sign it with your own EDS. It names the person, so it is theirs alone; it works once, and
    for 30 days unless the desk says otherwise.
    """
    from eds.enroll.applicant import make_mandate
    from eds.enroll.encoding import encode

    number = given(person, say("Personal number of the person"), option="--person")
    with statements_signed(key, store, certificate_files, secrets) as (_, sign):
        made = make_mandate(
            sign, organisation=organisation, person=number, profile=profile, at=now()
        )
    write_secret(encode(made).decode(), out)
    if as_json:
        show_json({"organisation": organisation, "profile": profile, "out": out})
    else:
        done(say("the mandate is in {file}, for this person alone", file=out))


def _require_ended(kept: Kept) -> None:
    """An application that goes on is not thrown away. Raises ApplicationOpen."""
    from eds.enroll.applicant import Turn
    from eds.errors import ApplicationOpen

    if Work(kept=kept).standing().turn is not Turn.NOBODY:
        raise ApplicationOpen


def _absolute(desk: str) -> str:
    return desk if "://" in desk else str(Path(desk).absolute())


@click.command("status")
@work_option
@json_option
def status(work: Work, as_json: bool) -> None:
    """Say where your application stands, and what is next."""
    tell(work.standing(), as_json=as_json)


@click.command("prove")
@source_option("--code", "The code that was sent to you", parameter="code")
@click.option("--send-code", is_flag=True, help="Have another code sent; the last is void then.")
@click.option("--photo", is_flag=True, help="Your face is compared with the register's picture.")
@click.option(
    "--chip",
    metavar="FOLDER",
    help="What was read from the chip: EF.SOD, EF.DG1, EF.DG14, EF.DG15, and its response.",
)
@click.option(
    "--kind", type=click.Choice(_KINDS), default="passport", show_default=True, help="Whose chip."
)
@click.option(
    "--eds", is_flag=True, help="Sign with another EDS of yours: --key, in a file or a token."
)
@click.option("--face", metavar="FILE", help="What the provider of the face check has signed.")
@key_options
@work_option
@secret_options()
@json_option
def prove(
    code: str | None,
    send_code: bool,
    photo: bool,
    chip: str | None,
    kind: str,
    eds: bool,
    face: str | None,
    key: str | None,
    store: str,
    certificate_files: tuple[str, ...],
    work: Work,
    secrets: Secrets,
    as_json: bool,
) -> None:
    """Prove who you are. What is asked for now is said by `eds enroll status`.

    A renewal is proved by a code and by the key that is renewed: its password or PIN is asked for.
    Another EDS proves as much as you had to prove when you were given it, and your face is compared
    with the register's picture then.
    """
    from eds.enroll.kinds import EvidenceKind
    from eds.enroll.visits import read_chip

    access, session = work.access, work.session
    if sum(map(bool, (send_code, photo, chip, eds, face, code))) > 1:
        raise click.UsageError("one thing at a time")
    if (key or certificate_files) and not eds:
        raise click.UsageError("--key and --certificate go with --eds")
    if send_code:
        standing = access.send_code(session)
    elif photo:
        standing = access.offer_photo(session)
    elif chip is not None:
        of = EvidenceKind.PASSPORT_CHIP if kind == "passport" else EvidenceKind.IDENTITY_CARD_CHIP
        standing = access.offer_chip(session, read_chip(Path(chip)), kind=of)
    elif eds:
        standing = prove_eds(work, key, store, certificate_files, secrets)
    elif face is not None:
        standing = access.offer_face(session, Path(face).read_bytes().strip())
    else:
        standing = prove_code(work, code, secrets.pin)
    tell(standing, as_json=as_json)


def prove_eds(
    work: Work, key: str | None, store: str, certificates: tuple[str, ...], secrets: Secrets
) -> Standing:
    """Another EDS of the applicant, whose password or PIN is asked for when evidence is wanted."""
    from eds.enroll.applicant import prove_existing_eds

    def sign(statement: bytes) -> bytes:
        with statements_signed(key, store, certificates, secrets) as (_, signed):
            return signed(statement)

    return prove_existing_eds(work.access, work.session, sign)


def prove_code(work: Work, source: str | None, pin: PinSource) -> Standing:
    """The code that was sent; in a renewal with a signature of the key that is renewed."""
    from eds.enroll.applicant import Step, prove_living_key
    from eds.errors import WrongState

    standing = work.standing()
    if standing.step not in (Step.CODE, Step.LIVING_KEY):
        raise WrongState(
            application=standing.application, state=standing.state.value, act="confirm_contact"
        )
    code = given(source, say("Code from the message"), option="--code")
    if standing.step is Step.CODE:
        return work.access.confirm_code(work.session, code)
    with work.signer(pin, old=True) as signer:
        return prove_living_key(work.access, work.session, signer, code=code)


@click.command("cancel")
@click.option("--yes", is_flag=True, help="Do not ask.")
@work_option
@json_option
def cancel(yes: bool, work: Work, as_json: bool) -> None:
    """Give the application up. A certificate that was issued and not accepted is revoked."""
    import sys

    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("nobody to ask whether to give it up; say --yes")
        confirm(say("Give this application up?"))
    tell(work.access.give_up(work.session), as_json=as_json)


@click.command("renew")
@click.option("--agree", is_flag=True, help="You have read the terms of the desk, and agree.")
@application_option
@json_option
def renew(agree: bool, application: str, as_json: bool) -> None:
    """Ask for the next certificate while this one lives: its key and a code prove who you are.

    Not more than twice in a row, and not after it has ended: then you are proven anew.
    """
    tell(ask_renewal(read_kept(application), agree=agree), as_json=as_json)


def ask_renewal(kept: Kept, *, agree: bool) -> Standing:
    """Open the renewal of what is kept. Raises KeyNotFound, TransitionRefused."""
    from eds.enroll.applicant import Step, Wanted, new_token
    from eds.enroll.reception import digest_of
    from eds.enroll.states import Flow
    from eds.errors import CertificateNotFound

    _, found = Work(kept=kept).find_key(old=not kept.certificate)
    certificate = found.certificate
    if certificate is None:
        raise CertificateNotFound(serial_number="")
    access = open_access(kept.desk)
    require_terms(access, agree=agree)
    token, message = new_token(), random.token_hex(16)
    standing = access.open(
        Wanted(flow=Flow.RENEWAL, message=message, certificate=certificate),
        token=token,
        terms=digest_of(access.terms()),
    )
    kept.put_aside()
    work = Work(
        kept=Kept(
            folder=kept.folder,
            desk=kept.desk,
            flow="renewal",
            profile=standing.profile,
            message=message,
            token=token.hex(),
            application=standing.application,
            old_store=kept.key_store or kept.old_store,
            old_key=kept.key or kept.old_key,
        ).write()
    )
    if standing.step is Step.LIVING_KEY:
        standing = access.send_code(work.session)
    return standing
