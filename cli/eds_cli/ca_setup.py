"""`eds ca init`, `ceremony`, `checkpoint` and `upgrade`: what an authority begins with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eds_cli.authority import (
    Consent,
    actor_option,
    authority_option,
    plan_options,
)
from eds_cli.instants import now
from eds_cli.output import Facts, Shown, done, json_option, show, show_json, write_public
from eds_cli.pins import Secrets, secret_options
from eds_cli.speech import say
from eds_cli.stores import Algorithm

if TYPE_CHECKING:
    from eds.algorithms import SignatureAlgorithm
    from eds.ca.ceremony_plan import Ceremony, PlannedCertificate
    from eds.ca.ceremony_report import Report
    from eds.ca.folder import AuthorityFolder

_FINDINGS = 1
_NOTE = "serial numbers and key identifiers are not known before the keys are made"


@click.command("init")
@click.argument("folder", metavar="FOLDER")
@click.option("--name", metavar="LABEL", required=True, help="What the authority is called.")
@click.option(
    "--node",
    type=click.IntRange(1, 127),
    default=1,
    show_default=True,
    help="Number of this writer: the first octet of its serial numbers.",
)
@click.option(
    "--database",
    metavar="URL",
    default="register.db",
    show_default=True,
    help="A file in the folder, or postgresql://HOST/NAME (password by PGPASSFILE).",
)
@click.option(
    "--key-store",
    metavar="URI",
    default="keys",
    show_default=True,
    help="Where keys are unless a ceremony says otherwise: a folder, or a pkcs11: URI.",
)
@click.option(
    "--audit-store",
    metavar="URI",
    help="Where the key of the audit log is; --key-store if not given.",
)
@click.option(
    "--audit-key",
    metavar="LABEL",
    default="audit",
    show_default=True,
    help="What that key is called there.",
)
@click.option(
    "--audit-algorithm",
    type=Algorithm(),
    default="p256",
    show_default=True,
    help="How it signs.",
)
@actor_option
@secret_options(new=True)
@json_option
def init(
    folder: str,
    name: str,
    node: int,
    database: str,
    key_store: str,
    audit_store: str | None,
    audit_key: str,
    audit_algorithm: tuple[SignatureAlgorithm, int],
    actor: str,
    secrets: Secrets,
    as_json: bool,
) -> None:
    """Make the folder of an authority: settings, database, and the key of its audit log.

    The password or PIN is that of the audit log's key, which signs checkpoints and the reports
    of ceremonies. audit.pem is its public half: give it to whoever shall verify them.
    """
    from eds.ca.folder import AuthoritySettings, make_authority

    settings = AuthoritySettings(
        name=name,
        node=node,
        database=database,
        key_store=key_store,
        audit_store=audit_store or key_store,
        audit_key=audit_key,
    )
    made = make_authority(
        Path(folder),
        settings,
        audit_algorithm=audit_algorithm[0],
        pin=secrets.pin_of_new_key,
        actor=actor,
        at=now(),
    )
    print_ = made.audit_public_key.fingerprint.hex()
    if as_json:
        show_json(
            {
                "folder": str(made.path),
                "name": name,
                "node": node,
                "database": database,
                "audit_public_key_sha256": print_,
            }
        )
        return
    done(say("made the authority {name} in {folder}", name=name, folder=folder))
    click.echo("  " + say("key of the audit log, SHA-256 {digest}", digest=print_))


@click.command("ceremony")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option("--verify", is_flag=True, help="FILE is a report: verify it.")
@click.option(
    "--key",
    "keys",
    metavar="FILE",
    multiple=True,
    help="With --verify: a trusted key of the log instead of the authority's audit.pem.",
)
@click.option(
    "--signature", metavar="FILE", help="With --verify: the signature, FILE.sig if not given."
)
@click.option(
    "--authority",
    metavar="FOLDER",
    envvar="EDS_AUTHORITY",
    default=".",
    show_default="$EDS_AUTHORITY, or the current folder",
    help="The folder of the authority.",
)
@click.option(
    "--actor",
    metavar="REF",
    envvar="EDS_ACTOR",
    help="Who conducts it, as the audit log shall name them; or $EDS_ACTOR.",
)
@secret_options(new=True)
@plan_options
def ceremony(
    file: str,
    verify: bool,
    keys: tuple[str, ...],
    signature: str | None,
    authority: str,
    actor: str | None,
    secrets: Secrets,
    consent: Consent,
) -> int:
    """Make the keys and certificates that FILE describes, and a signed report of it.

    Without --yes the plan is shown: every field of every certificate, linted. A ceremony that
    was interrupted goes on with the same command. With --verify, FILE is a report.
    """
    from eds.ca.ceremony import carry_out, plan_ceremony
    from eds.ca.ceremony_plan import read_ceremony
    from eds_cli.authority import open_authority

    if verify:
        return _verify(Path(file), signature, keys, authority, as_json=consent.as_json)
    if keys or signature:
        raise click.UsageError("--key and --signature go with --verify")
    if actor is None:
        raise click.UsageError("name who conducts it: --actor, or $EDS_ACTOR")
    folder = open_authority(authority)
    described = read_ceremony(
        Path(file).read_bytes(),
        file=Path(file).name,
        profiles=folder.profiles,
        key_store=folder.settings.key_store,
    )
    at = now()
    planned = plan_ceremony(described, folder, at=at)
    plan = _plan_facts(described, planned, at)
    if any(item.problems for item in planned):
        return _refuse(plan, planned, consent)
    if not consent.given(plan, title=say("ceremony {name}", name=described.name)):
        return consent.status
    outcome = carry_out(
        described,
        folder=folder,
        pin=secrets.pin_of_new_key,
        actor=actor,
        now=now,
        told=lambda step: None if consent.as_json else click.echo(f"  {step}", err=True),
    )
    result = {
        "report": str(outcome.report_file),
        "signature": str(outcome.signature_file),
        "report_sha256": outcome.report.digest.hex(),
        "was_finished": outcome.was_finished,
        "certificates": _reported(outcome.report),
    }
    consent.done(result)
    if not consent.as_json:
        done(
            say("ceremony {name} had been finished before", name=described.name)
            if outcome.was_finished
            else say("ceremony {name} is finished", name=described.name)
        )
        made = {key: result[key] for key in ("report", "signature", "report_sha256")}
        show(made, as_json=False, words=say)
        for row in _reported(outcome.report):
            show({"sha256": row["sha256"], "key": row["key_uri"]}, as_json=False,
                 title=row["label"], words=say)  # fmt: skip
    return 0


def _refuse(plan: Facts, planned: tuple[PlannedCertificate, ...], consent: Consent) -> int:
    """The plan with its problems: nothing of it is carried out."""
    from eds_cli.main import complain

    if consent.as_json:
        show_json({"done": False, "plan": plan})
    else:
        show(plan, as_json=False, title=say("plan with problems"), words=say)
    worst = next(item for item in planned if item.problems)
    return complain(f"{worst.role.label}: {worst.problems[0]}", "ca.lint_failed")


def _plan_facts(described: Ceremony, planned: tuple[PlannedCertificate, ...], at: Any) -> Facts:
    return {
        "ceremony": described.name,
        "purpose": described.purpose,
        "description_sha256": described.digest.hex(),
        "participants": [
            {"name": person.name, "role": person.role} for person in described.participants
        ],
        "certificates": [_planned_facts(item, at) for item in planned],
        "note": Shown(_NOTE, say(_NOTE)),
    }


def _planned_facts(item: PlannedCertificate, at: Any) -> Facts:
    from eds_cli import describe

    role = item.role
    certificate: dict[str, Any] = dict(describe.certificate(item.certificate, at=at))
    if not item.stands:
        # Of a twin, these are not what they will be.
        for key in ("sha1", "sha256", "serial_number", "signature"):
            certificate.pop(key, None)
        if not item.key_stands:
            certificate.pop("public_key", None)
    settings = role.settings
    state = "stands" if item.stands else "key stands" if item.key_stands else "to be made"
    return {
        "label": role.label,
        "state": Shown(state, say(state)),
        "profile": f"{role.profile.name}/{role.profile.version}",
        "profile_sha256": role.profile.hash.hex(),
        "issuer": role.issuer,
        "key_store": role.key_store,
        "algorithm": role.algorithm.name,
        "rsa_bits": role.rsa_bits or None,
        "shards": settings.shard_count if settings else None,
        "issues": list(settings.profiles) if settings else None,
        "problems": list(item.problems),
        "warnings": [f"{found.rule}: {found.detail}" for found in item.warnings],
        "certificate": certificate,
    }


def _reported(report: Report) -> list[dict[str, Any]]:
    hidden = ("certificate",)
    return [
        {key: value for key, value in row.items() if key not in hidden}
        for row in report.data["certificates"]
    ]


def _verify(
    file: Path, signature: str | None, keys: tuple[str, ...], authority: str, *, as_json: bool
) -> int:
    from eds.ca.ceremony_report import REPORT_LIMIT, Report, verify_report
    from eds.certificates import Certificate
    from eds.publickeys import PublicKey
    from eds_cli.authority import open_authority

    with file.open("rb") as opened:
        report = Report.decode(opened.read(REPORT_LIMIT + 1))
    value = Path(signature or f"{file}.sig").read_bytes()
    folder: AuthorityFolder | None = None
    if keys:
        trusted = []
        for name in keys:
            given = Path(name).read_bytes()
            found = Certificate.load_all(given)
            trusted += [one.public_key for one in found] or [PublicKey.load(given)]
    else:
        folder = open_authority(authority)
        trusted = [folder.audit_public_key]
    findings = verify_report(
        report, value, keys=trusted, register=folder.register if folder else None
    )
    data = report.data
    facts = {
        "ceremony": data["ceremony"],
        "purpose": data["purpose"],
        "authority": data["authority"],
        "actor": data["actor"],
        "started_at": data["started_at"],
        "finished_at": data["finished_at"],
        "participants": data["participants"],
        "certificates": _reported(report),
        "remarks": data["remarks"],
        "report_sha256": report.digest.hex(),
        "signed_by": Shown(data["signed_by"], report.signed_by),
        "findings": [
            {"code": one.code, "place": one.place, "detail": one.detail} for one in findings
        ],
    }
    show(facts, as_json=as_json, title=say("report of a ceremony"), words=say)
    if not as_json:
        done(say("{count} findings", count=len(findings)) if findings else say("the report holds"))
    return _FINDINGS if findings else 0


@click.command("checkpoint")
@click.option("--out", metavar="FILE", help="Write the checkpoint to this new file as well.")
@authority_option
@secret_options()
@json_option
def checkpoint(folder: AuthorityFolder, out: str | None, secrets: Secrets, as_json: bool) -> None:
    """Sign the state of the audit log.

    Do it often, and keep checkpoints elsewhere: what was done before one cannot be undone unseen.
    """
    with folder.audit_signer(pin=secrets.pin) as signer:
        signed = folder.checkpoint(signer, at=now())
    made = signed.checkpoint
    if out is not None:
        write_public(signed.note, out)
    if as_json:
        show_json({"number": made.number, "at": made.at.isoformat(), "out": out,
                   "digest": made.digest.hex()})  # fmt: skip
    elif out is None:
        click.echo(signed.note, nl=False)
    else:
        done(say("checkpoint {number} in {file}", number=made.number, file=out))


@click.command("upgrade")
@authority_option
@json_option
def upgrade(folder: AuthorityFolder, as_json: bool) -> None:
    """Bring the database to the revision of this program: all or nothing."""
    from eds.ca.folder import upgrade_database

    before, after = upgrade_database(folder.database_url)
    if as_json:
        show_json({"before": before, "after": after})
    else:
        done(
            say("the database is at {after}", after=after)
            if before == after
            else say("the database is at {after}, from {before}", after=after, before=before)
        )
