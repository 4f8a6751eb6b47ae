"""`eds sign`, `cosign`, `extend` and `timestamp`: documents signed, and signatures that last."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from eds_cli.output import Facts, confirm, done, escape, fit, json_option, show, show_json
from eds_cli.pdfs import PdfWishes, is_pdf, pdf_options, pdf_signer, risk_facts
from eds_cli.pins import Secrets, secret_options
from eds_cli.signing import (
    LEVELS,
    Means,
    choose_key,
    document_facts,
    key_options,
    means_options,
)
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.sign.attributes import Statement
    from eds.sign.cms import CmsSigner

_COMMITMENTS: Final = ("origin", "receipt", "delivery", "sender", "approval", "creation")

consent_option: Final = click.option(
    "--yes", is_flag=True, help="Sign without asking; for scripts."
)


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@key_options
@click.option(
    "--format",
    "kind",
    type=click.Choice(["auto", "cades", "pades"]),
    default="auto",
    show_default=True,
    help="auto: PAdES for PDF files, CAdES for others. PAdES with GOST keys is experimental.",
)
@click.option(
    "--level",
    type=click.Choice(LEVELS),
    default="B",
    show_default=True,
    help="How long it can be validated: B as the certificate lives, T with a time-stamp, LT with "
    "the evidence, LTA for decades.",
)
@click.option("--attached", is_flag=True, help="CAdES: put the document into the signature.")
@click.option("--out", metavar="FILE|FOLDER", help="Where to write; a folder for several.")
@click.option("--role", "roles", metavar="TEXT", multiple=True, help="In which role; a claim.")
@click.option("--commitment", type=click.Choice(_COMMITMENTS), metavar="WHAT",
              help=f"What is meant by it: {', '.join(_COMMITMENTS)}.")  # fmt: skip
@pdf_options
@click.option("--manifest", metavar="FILE", help="Note every result there, and go on from it.")
@means_options
@consent_option
@secret_options()
@json_option
def sign(
    files: tuple[str, ...],
    key: str | None,
    store: str,
    certificate_files: tuple[str, ...],
    kind: str,
    level: str,
    attached: bool,
    out: str | None,
    roles: tuple[str, ...],
    commitment: str | None,
    pdf: PdfWishes,
    manifest: str | None,
    means: Means,
    yes: bool,
    secrets: Secrets,
    as_json: bool,
) -> int:
    """Sign each FILE: a PDF becomes FILE.signed.pdf, any other file gets FILE.p7s beside it.

    What will be signed is shown first, and the PIN is asked for once, however many files there
    are. A certificate that is known to be revoked or on hold signs nothing.
    """
    from eds.sign.batch import Job

    pdfs = {one for one in map(Path, files) if kind == "pades" or (kind == "auto" and is_pdf(one))}
    jobs = [
        Job(source=one, target=_target(one, one in pdfs, attached, out, len(files)))
        for one in map(Path, files)
    ]
    raise_to = _raiser(level, means)
    pdf.require_sound()
    chosen = choose_key(key, store, certificate_files, secrets, means)
    _require_consent([one.source for one in jobs], chosen.facts, yes=yes, as_json=as_json)
    with chosen.opened(secrets) as by:
        statement = _statement(roles, commitment)
        sign_one = pdf_signer(by, means, statement, pdf, level)

        def act(path: Path) -> bytes:
            if path in pdfs:
                return sign_one(path.read_bytes())
            return _cades(path, by, means, statement, raise_to, attached=attached)

        return _run(jobs, act, manifest, as_json=as_json)


def _run(
    jobs: list[Any], act: Callable[[Path], bytes], manifest: str | None, *, as_json: bool
) -> int:
    """One file as it is, several as a batch: each result told, the first failure the status."""
    import tempfile

    from eds.sign.batch import sign_all
    from eds_cli.main import complain, exit_status

    status, results = 0, []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(manifest) if manifest else Path(folder) / "manifest.jsonl"
        for number, result in enumerate(sign_all(jobs, sign=act, manifest=place), start=1):
            results.append(
                {
                    "source": result.source,
                    "source_sha256": result.source_sha256,
                    "target": None if result.code else result.target,
                    "target_sha256": result.target_sha256,
                    "error": None
                    if result.code is None
                    else {"code": result.code, "message": result.message},
                }
            )
            if result.code is not None:
                status = status or exit_status(result.code)
                complain(f"{result.source}: {result.message}", result.code)
            elif not as_json:
                _progress(number, len(jobs), result.source)
                target = say("was signed before") if result.was_done else result.target
                done(f"{result.source}: {target}")
    if as_json:
        show_json(results)
    return status


def _progress(number: int, of: int, name: str) -> None:
    if of > 1 and sys.stderr.isatty():
        click.echo(fit(f"\r\033[K{number}/{of} {escape(name)}"), err=True, nl=False)
        if number == of:
            click.echo("\r\033[K", err=True, nl=False)


def _require_consent(files: list[Path], facts: Facts, *, yes: bool, as_json: bool) -> None:
    """Show what will be signed with which key, and ask."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(say("nobody can be asked here: --yes signs without asking"))
    shown = [
        {**document_facts(file), **(risk_facts(file) if is_pdf(file) else {})}
        for file in files[:20]
    ]
    more = len(files) - len(shown)
    plan = {**facts, "documents": shown, "and_more": more or None}
    if not as_json:
        show(plan, as_json=False, title=say("To be signed:"), words=say)
    confirm(say("Sign?"))


def _target(file: Path, in_place: bool, attached: bool, out: str | None, count: int) -> Path:
    if in_place:
        name = f"{file.stem}.signed.pdf"
    else:
        name = f"{file.name}.p7m" if attached else f"{file.name}.p7s"
    if out is None:
        return file.with_name(name)
    place = Path(out)
    if count > 1 or place.is_dir():
        place.mkdir(parents=True, exist_ok=True)
        return place / name
    return place


def _statement(roles: tuple[str, ...], commitment: str | None) -> Statement:
    from eds.sign.attributes import Commitment, Statement

    meant = None if commitment is None else Commitment[f"PROOF_OF_{commitment.upper()}"]
    return Statement(claimed_roles=roles, commitment=meant)


def _raiser(level: str, means: Means) -> Callable[[bytes, Any], bytes]:
    """Raises a fresh CMS to the level asked for."""
    from eds.sign.levels import extend
    from eds.signeddata import SignedData
    from eds.verify.policy import Level

    if level == "B":
        return lambda signed, _: signed
    by = means.raising()
    return lambda signed, document: extend(
        SignedData(signed), to=Level[level], by=by, document=document
    )


def _cades(
    file: Path,
    by: CmsSigner,
    means: Means,
    statement: Statement,
    raise_to: Callable[[bytes, Any], bytes],
    *,
    attached: bool,
) -> bytes:
    from dataclasses import replace

    from eds.sign.cms import sign_attached, sign_detached

    said = replace(statement, signing_time=means.at)
    if attached:
        return raise_to(sign_attached(file.read_bytes(), by=by, statement=said), None)
    with file.open("rb") as opened:
        signed = sign_detached(opened, by=by, statement=said)
        opened.seek(0)
        return raise_to(signed, opened)


# --- signatures that are there --------------------------------------------------------------------


@click.command()
@click.argument("signature", metavar="SIGNATURE")
@click.option("--content", metavar="FILE", help="What a detached signature is about.")
@click.option("--counter", is_flag=True, help="Sign the first signature there, not the content.")
@key_options
@click.option("--role", "roles", metavar="TEXT", multiple=True, help="In which role; a claim.")
@click.option("--out", metavar="FILE", required=True, help="Where to write.")
@means_options
@consent_option
@secret_options()
@json_option
def cosign(
    signature: str,
    content: str | None,
    counter: bool,
    key: str | None,
    store: str,
    certificate_files: tuple[str, ...],
    roles: tuple[str, ...],
    out: str,
    means: Means,
    yes: bool,
    secrets: Secrets,
    as_json: bool,
) -> int:
    """Add a signature beside those in SIGNATURE (CMS); nobody else's is touched.

    A PDF is signed once more with `eds sign`.
    """
    from dataclasses import replace

    from eds.sign.cms import cosign as add
    from eds.sign.cms import counter_sign
    from eds.sign.output import write_document
    from eds.signeddata import SignedData

    signed = SignedData.load(Path(signature).read_bytes())
    about = Path(content) if content is not None else _beside(signature, signed)
    chosen = choose_key(key, store, certificate_files, secrets, means)
    _require_consent([about or Path(signature)], chosen.facts, yes=yes, as_json=as_json)
    with chosen.opened(secrets) as by:
        statement = replace(_statement(roles, None), signing_time=means.at)
        if counter:
            made = counter_sign(signed, of=signed.signer_infos[0], by=by, statement=statement)
        elif about is None:
            made = add(signed, by=by, statement=statement)
        else:
            with about.open("rb") as opened:
                made = add(signed, by=by, content=opened, statement=statement)
    write_document(Path(out), made)
    _told(out, made, as_json=as_json, signers=len(SignedData(made).signer_infos))
    return 0


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--content", metavar="FILE", help="What a detached signature is about.")
@click.option(
    "--level",
    type=click.Choice(LEVELS[1:]),
    default="LTA",
    show_default=True,
    help="Up to which level: a time-stamp, the evidence, both for decades.",
)
@click.option("--renew", is_flag=True, help="One more archive time-stamp, whatever is there.")
@click.option("--out", metavar="FILE", required=True, help="Where to write.")
@means_options
@json_option
def extend(
    file: str,
    content: str | None,
    level: str,
    renew: bool,
    out: str,
    means: Means,
    as_json: bool,
) -> int:
    """Raise the signatures in FILE (CMS or PDF) so that they can be validated decades later.

    Needs no key. The result is judged with the anchors alone before it is written.
    """
    from eds.sign import levels
    from eds.sign.output import write_document
    from eds.signeddata import SignedData
    from eds.verify.policy import Level

    by = means.raising()
    if is_pdf(Path(file)):
        from eds.sign.pdf_levels import extend_pdf, renew_pdf

        document = Path(file).read_bytes()
        made = renew_pdf(document, by=by) if renew else extend_pdf(document, to=Level[level], by=by)
        write_document(Path(out), made)
        _told(out, made, as_json=as_json, level="LTA" if renew else level)
        return 0
    signed = SignedData.load(Path(file).read_bytes())
    about = Path(content) if content is not None else _beside(file, signed)

    def raised(document: Any) -> bytes:
        if renew:
            return levels.renew(signed, by=by, document=document)
        return levels.extend(signed, to=Level[level], by=by, document=document)

    if about is None:
        made = raised(None)
    else:
        with about.open("rb") as opened:
            made = raised(opened)
    write_document(Path(out), made)
    _told(out, made, as_json=as_json, level="LTA" if renew else level)
    return 0


@click.command()
@click.argument("file", metavar="FILE")
@click.option("--out", metavar="FILE", help="Where to write; FILE.tst, if not given.")
@click.option(
    "--digest",
    type=click.Choice(["sha256", "sha384", "sha512", "streebog256", "streebog512"]),
    default="sha256",
    show_default=True,
    help="The digest that is stamped.",
)
@means_options
@json_option
def timestamp(file: str, out: str | None, digest: str, means: Means, as_json: bool) -> int:
    """Have the time stamped over FILE (RFC 3161): it existed then, whoever made it."""
    from eds.algorithms import digest_algorithm
    from eds.sign.output import write_document
    from eds.verify.content import File

    stamper = means.stamper()
    if stamper is None:
        raise click.UsageError("--tsa names a time-stamping authority")
    algorithm = digest_algorithm(digest)
    with Path(file).open("rb") as opened:
        found = File(opened).digest(algorithm)
    token = stamper.stamp(found, algorithm=algorithm)
    place = out or f"{file}.tst"
    write_document(Path(place), token.encoded)
    _told(place, token.encoded, as_json=as_json, time=token.tst_info.gen_time.isoformat())
    return 0


def _beside(file: str, signed: Any) -> Path | None:
    """The content of a detached signature that lies beside it under the same name."""
    beside = Path(file).with_suffix("")
    return beside if signed.is_detached and beside.is_file() else None


def _told(out: str, data: bytes, *, as_json: bool, **facts: Any) -> None:
    import hashlib

    if as_json:
        show_json({"out": out, "sha256": hashlib.sha256(data).hexdigest(), **facts})
    else:
        done(f"{out}: {', '.join(f'{say(name)} {value}' for name, value in facts.items())}")
