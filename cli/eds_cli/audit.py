"""`eds audit`: read, verify, export and prove the log of every act."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from eds_cli.lazy import HELP_NAMES
from eds_cli.output import done, escape, json_option, label, show, show_json, show_table
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.audit import Finding, Item, LogVerifier, SignedCheckpoint
    from eds.certificates import Certificate
    from eds.publickeys import PublicKey

F = TypeVar("F", bound=Callable[..., Any])

_FINDINGS: Final = 1  # the exit status of a log that is not what was written
_PLACE: Final = re.compile(r"([a-z0-9][a-z0-9._-]{0,63}):([1-9]\d{0,15})", re.ASCII)
_SHOWN: Final = 50  # findings; the rest are counted


def database_option(*, required: bool = True) -> Callable[[F], F]:
    """`--database`, the same in every command."""
    return click.option(
        "--database",
        metavar="URL",
        envvar="EDS_DATABASE",
        required=required,
        help="SQLite file, or postgresql://HOST/NAME; or $EDS_DATABASE.",
    )


def key_option(*, required: bool = True) -> Callable[[F], F]:
    """`--key`, whom to trust."""
    return click.option(
        "--key",
        "keys",
        metavar="FILE",
        multiple=True,
        required=required,
        help="Certificate or public key of the log, trusted. May be given again.",
    )


@click.group(context_settings=HELP_NAMES)
def audit() -> None:
    """Read, verify, export and prove the log of every act."""


@audit.command("show")
@click.argument("place", required=False, metavar="[WRITER:SEQUENCE]")
@database_option()
@click.option("--last", type=click.IntRange(min=1), default=20, show_default=True,
              help="How many records of each writer to list.")  # fmt: skip
@json_option
def show_command(place: str | None, database: str, last: int, as_json: bool) -> None:
    """Show one record, or list the newest of each writer."""
    from eds.audit import AuditRecord
    from eds.audit.store import reading

    with reading(_url(database)) as log:
        if place is not None:
            record = log.record(*_place(place))
            facts = {**_facts(record), "details": _thawed(record.details)}
            show({**facts, "previous": record.previous.hex(), "hash": record.hash.hex()},
                 as_json=as_json, title=say("audit record {place}", place=place),
                 words=_words(record.details))  # fmt: skip
            return
        found = [
            AuditRecord.decode(stored.encoded)
            for head in log.heads()
            for stored in log.records(head.writer, after=max(head.sequence - last, 0))
        ]
    rows = [_facts(record) for record in found]
    if as_json:
        show_json(rows)
        return
    headings = ("writer", "sequence", "at", "act", "actor", "subject")
    show_table([say(name) for name in headings], [[row[name] for name in headings] for row in rows])


@audit.command("verify")
@click.argument("file", required=False, type=click.Path(exists=True, dir_okay=False))
@database_option(required=False)
@key_option()
@click.option(
    "--checkpoint",
    "held",
    metavar="FILE",
    multiple=True,
    help="A checkpoint kept elsewhere, which the log must contain. May be given again.",
)
@json_option
def verify_command(
    file: str | None,
    database: str | None,
    keys: Sequence[str],
    held: Sequence[str],
    as_json: bool,
) -> int:
    """Verify an exported FILE, a proof, or the log in a database.

    The exit status is 1 if anything is found. A tail that was cut after the newest checkpoint
    can only be found with a checkpoint that was kept elsewhere.
    """
    from eds.audit import AuditProof, LogVerifier, SignedCheckpoint, read_export
    from eds.audit.export import is_export
    from eds.audit.store import reading

    trusted = _keys(keys)
    kept = tuple(SignedCheckpoint.parse(Path(name).read_bytes()) for name in held)
    if file is None and database is None:
        raise click.UsageError("name a FILE or a --database")
    if file is None:
        verifier = LogVerifier(keys=trusted, held=kept)
        with reading(_url(database or "")) as log:
            return _report(verifier, log.items(), as_json=as_json)
    with Path(file).open("rb") as opened:
        if is_export(opened.read(32)):
            verifier = LogVerifier(keys=trusted, held=kept)
            return _report(verifier, read_export(opened), as_json=as_json)
        opened.seek(0)
        proof = AuditProof.decode(opened.read())
    return _report_proof(proof, proof.findings(trusted), as_json=as_json)


@audit.command("export")
@database_option()
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="Write the log to this new file.",
)
@click.option(
    "--certificate",
    "certificates",
    multiple=True,
    metavar="FILE",
    help="Certificate of the log's key, to be shown in the file. May be given again.",
)
@json_option
def export_command(database: str, out: str, certificates: Sequence[str], as_json: bool) -> None:
    """Write the whole log to a file that verifies without the database.

    An export that was interrupted leaves FILE.part, and the same command goes on with it.
    """
    from eds.audit import resume_export, write_export
    from eds.audit.store import reading

    target, part = Path(out), Path(f"{out}.part")
    if target.exists():
        raise FileExistsError(17, os.strerror(17), out)
    shown = _certificates(certificates)
    with reading(_url(database)) as log:

        def after(number: int) -> Iterable[Item]:
            return log.items(after_checkpoint=number)

        if part.exists() and part.stat().st_size:
            with part.open("r+b") as file:
                size = resume_export(file, after)
                _sync(file.fileno(), file.flush)
        else:
            with part.open("wb") as new:
                size = write_export(new, log.items(), certificates=shown)
                _sync(new.fileno(), new.flush)
    part.rename(target)
    _written(out, size, as_json=as_json)


@audit.command("prove")
@click.argument("place", metavar="WRITER:SEQUENCE")
@database_option()
@click.option(
    "--out", type=click.Path(dir_okay=False), metavar="FILE", help="Stdout, if not given."
)
@json_option
def prove_command(place: str, database: str, out: str | None, as_json: bool) -> None:
    """Write a proof that a record stands in the log, under its newest checkpoint.

    --json says what was written where; it wants --out, for the proof is the output otherwise.
    """
    from eds.audit.state import prove
    from eds.audit.store import reading

    if as_json and out is None:
        raise click.UsageError("--json wants --out")
    with reading(_url(database)) as log:
        proof = prove(log, *_place(place))
    if out is None:
        click.echo(proof.encoded, nl=False)
        return
    with Path(out).open("xb") as file:
        file.write(proof.encoded)
    _written(out, len(proof.encoded), as_json=as_json)


# --- inside ---------------------------------------------------------------------------------------


def _written(out: str, size: int, *, as_json: bool) -> None:
    if as_json:
        show_json({"file": out, "octets": size})
    else:
        done(say("{count} octets in {file}", count=size, file=out))


def _url(database: str) -> str:
    from eds.ca.folder import database_url

    return database_url(Path.cwd(), database)


def _place(text: str) -> tuple[str, int]:
    match = _PLACE.fullmatch(text)
    if match is None:
        raise click.UsageError(f"not WRITER:SEQUENCE: {escape(text)}")
    return match[1], int(match[2])


def _sync(descriptor: int, flush: Callable[[], None]) -> None:
    flush()
    os.fsync(descriptor)


def _certificates(names: Sequence[str]) -> tuple[Certificate, ...]:
    from eds.certificates import Certificate

    return tuple(Certificate.load(Path(name).read_bytes()) for name in names)


def _keys(names: Sequence[str]) -> tuple[PublicKey, ...]:
    from eds.certificates import Certificate
    from eds.publickeys import PublicKey

    found: list[PublicKey] = []
    for name in names:
        data = Path(name).read_bytes()
        certificates = Certificate.load_all(data)
        found += [one.public_key for one in certificates] or [PublicKey.load(data)]
    return tuple(found)


def _facts(record: Any) -> dict[str, Any]:
    return {
        "writer": record.writer,
        "sequence": record.sequence,
        "at": record.at.isoformat(),
        "act": record.act,
        "actor": record.actor,
        "subject": record.subject,
    }


def _words(names: Iterable[str]) -> Callable[[str], str]:
    """Labels in the language of this run; names that stand in the log are as they were written."""
    written = {label(one) for one in names}
    return lambda text: text if text in written else say(text)


def _thawed(details: Any) -> dict[str, Any]:
    return dict(details)


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "place": finding.place,
        "detail": finding.detail,
        "writer": finding.writer,
        "sequence": finding.sequence,
        "last": finding.last,
        "checkpoint": finding.checkpoint,
    }


def _list(findings: Iterable[Finding], *, as_json: bool) -> tuple[int, list[dict[str, Any]]]:
    """Print findings as they come; how many there were, and the first of them."""
    count, kept = 0, []
    for count, finding in enumerate(findings, 1):
        if count <= _SHOWN:
            kept.append(_finding(finding))
            if not as_json:
                place = f"{finding.place}: " if finding.place else ""
                click.echo(escape(f"{place}{finding.detail} [{finding.code}]"))
    if count > _SHOWN and not as_json:
        click.echo(say("and {count} more", count=count - _SHOWN))
    return count, kept


def _report(verifier: LogVerifier, items: Iterator[Item], *, as_json: bool) -> int:
    count, kept = _list(verifier.verify(items), as_json=as_json)
    newest = verifier.newest
    facts = {
        "findings": kept,
        "finding_count": count,
        "records": verifier.records,
        "writers": verifier.sizes,
        "checkpoints": verifier.checkpoints,
        "newest_checkpoint": newest.number if newest else None,
        "newest_checkpoint_at": newest.at.isoformat() if newest else None,
        "records_without_checkpoint": verifier.uncovered,
    }
    if as_json:
        show_json(facts)
    else:
        hidden = ("findings", "finding_count")
        shown = {k: v for k, v in facts.items() if k not in hidden}
        show(shown, as_json=False, words=_words(verifier.sizes))
        done(say("{count} findings", count=count) if count else say("the log is what was written"))
    return _FINDINGS if count else 0


def _report_proof(proof: Any, findings: Sequence[Finding], *, as_json: bool) -> int:
    signed: SignedCheckpoint = proof.checkpoint
    count, kept = _list(findings, as_json=as_json)
    facts = {
        "findings": kept,
        "finding_count": count,
        "record": {**_facts(proof.record), "details": _thawed(proof.record.details)},
        "checkpoint": signed.checkpoint.number,
        "checkpoint_at": signed.checkpoint.at.isoformat(),
    }
    if as_json:
        show_json(facts)
    else:
        shown = {k: facts[k] for k in ("record", "checkpoint", "checkpoint_at")}
        show(shown, as_json=False, words=_words(proof.record.details))
        done(say("{count} findings", count=count) if count else say("the record stands in the log"))
    return _FINDINGS if count else 0
