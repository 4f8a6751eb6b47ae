"""`eds ca issue`, `show` and `find`: certificates of people and systems."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from eds_cli.authority import (
    Consent,
    actor_option,
    authority_option,
    plan_options,
    status_facts,
)
from eds_cli.ca_status import issued_facts, issuer_option
from eds_cli.instants import Instant, now
from eds_cli.output import done, json_option, show, show_json, show_table, write_public
from eds_cli.pins import Secrets, secret_options
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.ca.authority import IssueRequest
    from eds.ca.folder import AuthorityFolder
    from eds.ca.issuers import RegisteredIssuer
    from eds.ca.profiles import CertificateProfile
    from eds.ca.register import Issued
    from eds.requests import CertificationRequest

# What may stand among arguments: everything but the number that names a person.
_OPTIONS: Final = {
    "country": "two letters of ISO 3166-1",
    "organization": "full registered name",
    "organization-identifier": "NTRKZ-… (EN 319 412-1)",
    "organizational-unit": "part of the organisation",
    "common-name": "name that people see",
    "surname": "surname",
    "given-name": "given names",
    "pseudonym": "pseudonym, instead of a name",
    "title": "role in the organisation",
}
_FILE_LIMIT: Final = 16 * 1024 * 1024


def _subject_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option, meaning in reversed(_OPTIONS.items()):
        command = click.option(f"--subject-{option}", metavar="TEXT", help=f"Subject: {meaning}.")(
            command
        )
    return click.option(
        "--subject-file",
        metavar="FILE",
        help="Subject as TOML or JSON, the identity number (serial_number) included; - is stdin.",
    )(command)


@click.command("issue")
@click.argument("request", metavar="REQUEST", type=click.Path(exists=True, dir_okay=False))
@click.option("--profile", metavar="NAME", required=True, help="What kind of certificate.")
@issuer_option
@_subject_options
@click.option("--email", metavar="ADDRESS", help="Mailbox beside the subject.")
@click.option("--person", metavar="REF", required=True, help="Whose certificate: a reference.")
@click.option("--ra", metavar="REF", required=True, help="The registration authority.")
@click.option(
    "--evidence",
    metavar="FILE",
    help="Registration record, of which the SHA-256 is kept.",
)
@click.option("--evidence-sha256", metavar="HEX", help="The same, where the record is elsewhere.")
@click.option(
    "--decision",
    metavar="REF",
    help="The decision that is carried out, once; if not given, the request stands for itself.",
)
@click.option("--until", type=Instant(), help="End of validity; that of the profile if not given.")
@click.option(
    "--with-purpose", "purposes", metavar="OID", multiple=True, help="An optional purpose."
)
@click.option("--with-policy", "policies", metavar="OID", multiple=True, help="An optional policy.")
@click.option("--out", metavar="FILE", help="Write the certificate (PEM) to this new file.")
@actor_option
@authority_option
@secret_options()
@plan_options
def issue(
    request: str,
    profile: str,
    issuer: str | None,
    subject_file: str | None,
    email: str | None,
    person: str,
    ra: str,
    evidence: str | None,
    evidence_sha256: str | None,
    decision: str | None,
    until: datetime | None,
    purposes: tuple[str, ...],
    policies: tuple[str, ...],
    out: str | None,
    actor: str,
    folder: AuthorityFolder,
    secrets: Secrets,
    consent: Consent,
    **attributes: str | None,
) -> int:
    """Issue a certificate for the key in REQUEST (PKCS #10).

    The request gives a key and the proof that somebody holds it, and nothing else: the subject
    is what you say it is. Personal numbers go into --subject-file, never among arguments.
    """
    from eds.ca.authority import IssueRequest
    from eds.ca.issuers import ClosedKey, desk_rules

    if out is not None and Path(out).exists():
        raise FileExistsError(17, "File exists", out)
    wanted = folder.profile(profile)
    named = folder.issuer(issuer)
    asked = _request(Path(request))
    made = IssueRequest(
        request=folder.require_reference(
            "decision", decision or f"request/{asked.fingerprint.hex()}"
        ),
        profile=wanted,
        subject=_subject(wanted, subject_file, attributes),
        public_key=asked.public_key,
        person=folder.require_reference("person", person),
        authority=folder.require_reference("ra", ra),
        operator=folder.require_reference("actor", actor),
        evidence=_evidence(evidence, evidence_sha256),
        not_after=until,
        email=email,
        purposes=purposes,
        policies=policies,
    )
    rules = desk_rules(named)
    closed = folder.authority(named, ClosedKey.of(named), policy=rules)
    plan = _plan(named, made, closed.prepare(made, at=now()).tbs)
    if not consent.given(plan, title=say("issue {profile}", profile=wanted.name)):
        return consent.status
    with folder.signer_of(named, pin=secrets.pin) as signer:
        authority = folder.authority(named, signer, policy=rules)
        at = now()  # somebody read the plan and typed a PIN
        certificate = authority.issue(authority.prepare(made, at=at), at=at)
    armoured = _pem(certificate.encoded)
    serial = certificate.serial_number_octets.hex()
    if out is not None:
        write_public(armoured, out)
    consent.done(
        {
            "serial_number": serial,
            "sha256": certificate.fingerprint.hex(),
            "out": out,
            "pem": armoured.decode(),
        }
    )
    if not consent.as_json:
        if out is None:
            click.echo(armoured, nl=False)
        else:
            done(say("issued {serial} to {file}", serial=serial, file=out))
    return 0


def _request(path: Path) -> CertificationRequest:
    """The request, its key proven to be somebody's."""
    from eds import CertificationRequest

    with path.open("rb") as file:
        found = CertificationRequest.load(file.read(_FILE_LIMIT))
    found.verify_proof_of_possession()
    return found


def _subject(
    profile: CertificateProfile, file: str | None, attributes: dict[str, str | None]
) -> Any:
    from eds.ca.subjects import build_subject, missing_attributes, read_subject

    given = {
        name.removeprefix("subject_"): text for name, text in attributes.items() if text is not None
    }
    if file is not None:
        if file == "-":
            data = sys.stdin.buffer.read(_FILE_LIMIT)
        else:
            with Path(file).open("rb") as opened:
                data = opened.read(_FILE_LIMIT)
        name = "standard input" if file == "-" else Path(file).name
        read = read_subject(data, file=name)
        if twice := given.keys() & read.keys():
            raise click.UsageError(f"{min(twice)} stands in the file and among the options")
        given |= read
    if "serial_number" in missing_attributes(profile, given) and sys.stdin.isatty():
        given["serial_number"] = click.prompt(say("Identity number of the subject"), err=True)
    return build_subject(profile, given)


def _evidence(file: str | None, digest: str | None) -> bytes:
    if (file is None) is (digest is None):
        raise click.UsageError("the registration record: --evidence, or --evidence-sha256")
    if file is not None:
        with Path(file).open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").digest()
    if not re.fullmatch("[0-9a-fA-F]{64}", digest or ""):
        raise click.UsageError("--evidence-sha256 has 64 hexadecimal digits")
    return bytes.fromhex(digest or "")


def _plan(issuer: RegisteredIssuer, made: IssueRequest, tbs: bytes) -> dict[str, Any]:
    from eds.ca.tbs import assemble
    from eds.certificates import Certificate
    from eds_cli import describe

    twin = Certificate(assemble(tbs, algorithm=issuer.facts.algorithm, signature=bytes(64)))
    certificate = dict(describe.certificate(twin, at=now()))
    for key in ("sha1", "sha256", "serial_number"):  # new ones are taken when it is signed
        certificate.pop(key, None)
    return {
        "issuer": issuer.label,
        "profile": f"{made.profile.name}/{made.profile.version}",
        "profile_sha256": made.profile.hash.hex(),
        "request": made.request,
        "person": made.person,
        "registration_authority": made.authority,
        "evidence_sha256": made.evidence.hex(),
        "certificate": certificate,
    }


def _pem(encoded: bytes) -> bytes:
    from eds import pem

    return pem.write(pem.CERTIFICATE, encoded)


# --- looking --------------------------------------------------------------------------------------


@click.command("show")
@click.argument("reference", metavar="SERIAL|SHA256|ISSUER")
@issuer_option
@click.option("--out", metavar="FILE", help="Write the certificate (PEM) to this new file.")
@authority_option
@json_option
def show_command(
    reference: str, issuer: str | None, out: str | None, folder: AuthorityFolder, as_json: bool
) -> None:
    """Show a certificate and its history, or an issuer by its label.

    A serial number says that it is hexadecimal (0x…, colons, or a letter) or decimal (dec:…); of
    40 digits and more it can only be decimal. A fingerprint is the SHA-256, 64 digits.
    """
    from eds.ca.references import find_certificate
    from eds_cli import describe

    own = next((one for one in folder.issuers if one.label == reference), None)
    if own is not None:
        certificate = own.certificate
        facts: dict[str, Any] = {
            "label": own.label,
            "identifier": own.identifier,
            "key": own.settings.key,
            "key_store": own.settings.key_store,
            "responder_store": own.settings.responder_store,
            "shards": own.settings.shard_count,
            "profiles": list(own.settings.profiles),
        }
    else:
        within = folder.issuer(issuer).identifier if issuer else None
        issued = find_certificate(folder.register, reference, issuer=within)
        certificate = issued.certificate
        history = folder.register.history(issued.issuer, issued.serial)
        facts = {
            "issuer": folder.issuer(issued.issuer).label,
            "profile": issued.profile,
            "person": issued.person,
            "registration_authority": issued.authority,
            "shard": issued.shard,
            "status": status_facts(issued.status),
            "history": [status_facts(one) for one in history],
        }
    facts["certificate"] = describe.certificate(certificate, at=now())
    if out is not None:
        write_public(_pem(certificate.encoded), out)
    show(facts, as_json=as_json, title=reference, words=say)


@click.command("find")
@click.option("--person", metavar="REF", help="Those of a person.")
@click.option("--key", metavar="FILE", help="Those of a key: a request, certificate or public key.")
@click.option("--serial", metavar="SERIAL", help="Those of a serial number, of any issuer.")
@click.option("--fingerprint", metavar="SHA256", help="The one with this fingerprint.")
@click.option(
    "--limit",
    type=click.IntRange(1, 100_000),
    default=1000,
    show_default=True,
    help="How many to show at most.",
)
@authority_option
@json_option
def find(
    person: str | None,
    key: str | None,
    serial: str | None,
    fingerprint: str | None,
    limit: int,
    folder: AuthorityFolder,
    as_json: bool,
) -> int:
    """Find certificates of a person or a key, the newest first. The status is 3 without any."""
    from eds.ca.references import parse_serial
    from eds_cli.main import NOT_FOUND

    given = [one for one in (person, key, serial, fingerprint) if one is not None]
    if len(given) != 1:
        raise click.UsageError("one of --person, --key, --serial and --fingerprint")
    if person is not None:
        folder.require_reference("person", person)
    digits = (fingerprint or "").removeprefix("sha256:").replace(":", "")
    if fingerprint is not None and not re.fullmatch("[0-9a-fA-F]{64}", digits):
        raise click.UsageError("a SHA-256 fingerprint has 64 hexadecimal digits")
    found = folder.register.find_by(
        person=person,
        key_hash=None if key is None else key_hash(Path(key)),
        serial=None if serial is None else parse_serial(serial),
        fingerprint=bytes.fromhex(digits) if fingerprint is not None else None,
        limit=limit,
    )
    rows = [issued_facts(folder, one) for one in found]
    if as_json:
        show_json(rows)
    elif rows:
        show_table(
            (
                *(say("SERIAL"), say("ISSUER"), say("STATE"), say("UNTIL")),
                *(say("PROFILE"), say("PERSON"), say("NAME")),
            ),
            [_row(row, one) for row, one in zip(rows, found, strict=True)],
        )
    else:
        click.echo(say("none found"), err=True)
    return 0 if rows else NOT_FOUND


def _row(row: Any, issued: Issued) -> tuple[str, ...]:
    return (
        row["serial_number"],
        row["issuer"],
        row["state"].text,
        f"{issued.certificate.not_after:%Y-%m-%d}",
        row["profile"],
        row["person"],
        row["common_name"] or "-",
    )


def key_hash(path: Path) -> bytes:
    """SHA-256 of the public key in a certificate, a request, or alone."""
    from eds.certificates import Certificate
    from eds.publickeys import PublicKey
    from eds.requests import CertificationRequest

    with path.open("rb") as file:
        data = file.read(_FILE_LIMIT)
    for kind in (Certificate, CertificationRequest):
        if found := kind.load_all(data):
            return found[0].public_key.fingerprint
    return PublicKey.load(data).fingerprint
