"""`eds verify`: whether documents are signed, by whom and when."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

from eds_cli.evidence import read_evidence
from eds_cli.instants import Instant, now
from eds_cli.output import done, escape, fit, json_option, paint, show_json, write_public
from eds_cli.speech import language, say
from eds_cli.trusting import load_trust, trust_option

if TYPE_CHECKING:
    from eds.verify.evidence import Evidence
    from eds.verify.fetch_rules import FetchRules
    from eds.verify.policy import ValidationPolicy
    from eds.verify.report import ValidationReport
    from eds.verify.trust import TrustStore

# A signature beside its content: `contract.docx.p7s` is about `contract.docx`.
_DETACHED: Final = frozenset({".p7s", ".sig", ".cms", ".p7m", ".p7"})
_WALKED: Final = _DETACHED | {".pdf"}
_COLOURS: Final = {"TOTAL_PASSED": "green", "TOTAL_FAILED": "red", "INDETERMINATE": "yellow"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What every file is asked."""

    trust: TrustStore
    policy: ValidationPolicy
    at: datetime
    evidence: Evidence
    content: str | None
    rules: FetchRules | None  # None: nothing is fetched


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--content", metavar="FILE", help="What a detached signature is about.")
@trust_option
@click.option("--at", type=Instant(), help="Judge as of that instant; now, if not given.")
@click.option(
    "--policy",
    default="basic",
    show_default=True,
    metavar="NAME|FILE",
    help="What is demanded: basic, strict, that of a country (kz), or a TOML file.",
)
@click.option(
    "--evidence",
    "evidence_files",
    metavar="FILE",
    multiple=True,
    help="A certificate, revocation list or OCSP response that may help to decide; or a folder.",
)
@click.option(
    "--extract",
    metavar="FILE",
    help="Write the content of an attached CMS to this new file, if it passed; - is stdout.",
)
@click.option("--html", metavar="FILE", help="Write the report as a page; a folder for several.")
@click.option(
    "--xml",
    metavar="FILE",
    help="Write the report as ETSI TS 119 102-2 has it; a folder for several.",
)
@click.option(
    "--fetch-from",
    "allowed",
    metavar="URL",
    multiple=True,
    help="Missing status may be fetched from addresses that begin so; from none, if not given.",
)
@click.option(
    "--fetch-network",
    "networks",
    metavar="NETWORK",
    multiple=True,
    help="A private network that may be reached, such as 10.0.0.0/8.",
)
@click.option(
    "--confined",
    is_flag=True,
    help="Judge each file in a process of its own: 512 MiB of memory, 30 seconds.",
)
@json_option
def verify(
    files: tuple[str, ...],
    content: str | None,
    folders: tuple[str, ...],
    at: datetime | None,
    policy: str,
    evidence_files: tuple[str, ...],
    extract: str | None,
    html: str | None,
    xml: str | None,
    allowed: tuple[str, ...],
    networks: tuple[str, ...],
    confined: bool,
    as_json: bool,
) -> int:
    """Validate the signatures of each FILE: PDF, CMS with its content or without, a ZIP container
    of the NCA of Kazakhstan.

    A detached signature is judged with --content, or with the file beside it whose name it
    carries (contract.docx.p7s: contract.docx). Of a folder, all PDF and CMS files in it are
    judged. Nothing is fetched unless --fetch-from says where. The exit status is 0 where all
    passed, 10 where one failed, 11 where one cannot be decided.
    """
    from eds.errors import EdsError
    from eds_cli.main import code_of, complain_of

    question = Question(
        trust=load_trust(folders),
        policy=_policy(policy),
        at=at or now(),
        evidence=read_evidence(evidence_files),
        content=content,
        rules=_rules(allowed, networks),
    )
    found = list(_walk(files))
    if content is not None and len(found) != 1:
        raise click.UsageError("--content goes with one signature")
    if extract is not None and len(found) != 1:
        raise click.UsageError("--extract goes with one document")
    pages = {kind: Path(place) for kind, place in (("html", html), ("xml", xml)) if place}
    if len(found) > 1:
        for place in pages.values():
            place.mkdir(parents=True, exist_ok=True)
    statuses: set[int] = set()
    results: list[Any] = []
    told: list[tuple[str, str]] = []
    for number, file in enumerate(found, start=1):
        if len(found) > 1 and not as_json:
            _progress(number, len(found), file)
        try:
            answer = (_answered_apart if confined else _answered)(
                file, question, kinds=tuple(pages), extract=extract is not None
            )
            if answer.content is not None:
                write_public(base64.b64decode(answer.content), None if extract == "-" else extract)
        except (EdsError, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            statuses.add(complain_of(error, about=str(file)))
            results.append(
                {"file": str(file), "error": {"code": code_of(error), "message": str(error)}}
            )
            continue
        statuses.add(exit_status_of(answer.indication))
        told.append((answer.indication, str(file)))
        for kind, place in pages.items():
            _write_page(answer.pages[kind], kind, file, place, alone=len(found) == 1)
        if as_json:
            results.append({"file": str(file), "report": answer.told})
        else:
            _show(answer.lines, file)
    if as_json:
        show_json(results)
    elif len(told) > 1:
        _summary(told)
    return max(statuses, key=_weight)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A report in the forms in which it is shown: `pages` by their kind, html or xml."""

    indication: str
    told: dict[str, Any]
    lines: list[str]
    pages: dict[str, str]
    content: str | None  # in base64


def _answered(file: Path, question: Question, *, kinds: tuple[str, ...], extract: bool) -> Answer:
    from eds.verify.indications import Indication
    from eds.verify.report_html import as_html
    from eds.verify.report_json import as_json
    from eds.verify.report_text import as_text
    from eds.verify.report_xml import as_xml
    from eds.verify.validation import signed_content

    report = _validated(file, question)
    pages = {}
    if "html" in kinds:
        pages["html"] = as_html(report, document=file.name, language=language())
    if "xml" in kinds:
        pages["xml"] = as_xml(report).decode()
    passed = report.indication is Indication.TOTAL_PASSED
    content = signed_content(file.read_bytes(), report=report) if extract and passed else None
    return Answer(
        content=None if content is None else base64.b64encode(content).decode(),
        indication=report.indication.value,
        told=as_json(report),
        lines=list(as_text(report, language=language())),
        pages=pages,
    )


def _answered_apart(
    file: Path, question: Question, *, kinds: tuple[str, ...], extract: bool
) -> Answer:
    """The same, by a child process under limits."""
    from eds_cli.confined import confined

    def work() -> bytes:
        return json.dumps(asdict(_answered(file, question, kinds=kinds, extract=extract))).encode()

    return Answer(**json.loads(confined(work)))


def exit_status_of(indication: str) -> int:
    """The exit status that a verdict stands for."""
    from eds_cli.main import NOT_PASSED, UNDETERMINED

    return {"TOTAL_PASSED": 0, "TOTAL_FAILED": NOT_PASSED}.get(indication, UNDETERMINED)


def _weight(status: int) -> int:
    """Of several statuses: a failure before anything undecided, that before an unread file."""
    from eds_cli.main import NOT_PASSED, UNDETERMINED

    order = (0, UNDETERMINED, NOT_PASSED)
    return order.index(status) * 100 if status in order else 50


def _policy(name: str) -> ValidationPolicy:
    from eds.verify.policies import read_policy, shipped_policies

    if name in shipped_policies():
        return shipped_policies()[name]
    return read_policy(Path(name).read_text(encoding="utf-8"))


def _rules(allowed: tuple[str, ...], networks: tuple[str, ...]) -> FetchRules | None:
    from eds.verify.fetch_rules import FetchRules

    if not allowed:
        return None
    try:
        reached = tuple(map(ip_network, networks))
    except ValueError as error:
        raise click.UsageError(f"--fetch-network: {error}") from None
    return FetchRules(allowed=allowed, networks=reached)


def _walk(files: tuple[str, ...]) -> Iterator[Path]:
    for file in map(Path, files):
        if not file.is_dir():
            yield file
            continue
        yield from (
            one
            for one in sorted(file.rglob("*"))
            if one.is_file() and one.suffix.lower() in _WALKED and not one.is_symlink()
        )


def _validated(file: Path, question: Question) -> ValidationReport:
    content = question.content or _beside(file)
    with file.open("rb") as opened:
        if content is None:
            return _asked(opened, None, question)
        signature = opened.read()
    with Path(content).open("rb") as about:
        return _asked(about, signature, question)


def _asked(document: BinaryIO, signature: bytes | None, question: Question) -> ValidationReport:
    from eds.verify.completing import validate_completing
    from eds.verify.validation import validate

    if question.rules is None:
        return validate(
            document,
            signature=signature,
            trust=question.trust,
            policy=question.policy,
            at=question.at,
            evidence=question.evidence,
        )
    completed = validate_completing(
        document,
        signature=signature,
        trust=question.trust,
        policy=question.policy,
        at=question.at,
        evidence=question.evidence,
        rules=question.rules,
    )
    for one in completed.outcomes:
        told = say("fetched: {url}", url=escape(one.url))
        click.echo(f"{told} {one.result.value} {one.detail}".rstrip(), err=True)
    return completed.report


def _beside(file: Path) -> Path | None:
    """The content of a detached signature, where a file of that name lies beside it."""
    from eds.errors import DecodeError
    from eds.signeddata import SignedData

    content = file.with_suffix("")
    if file.suffix.lower() not in _DETACHED or not content.is_file():
        return None
    try:
        return content if SignedData.load(file.read_bytes()).is_detached else None
    except DecodeError:
        return None


def _show(lines: list[str], file: Path) -> None:
    click.echo(paint(escape(str(file)), bold=True))
    for line in lines:
        text = f"  {escape(line)}"
        for word, colour in _COLOURS.items():
            if word in line and not line.startswith("  "):
                text = text.replace(word, paint(word, fg=colour, bold=True), 1)
        click.echo(text)


def _summary(told: list[tuple[str, str]]) -> None:
    click.echo()
    for verdict in _COLOURS:
        count = sum(one == verdict for one, _ in told)
        if count:
            click.echo(f"{paint(verdict, fg=_COLOURS[verdict])}  {count}")


def _progress(number: int, of: int, file: Path) -> None:
    import sys

    if sys.stderr.isatty():
        click.echo(fit(f"\r\033[K{number}/{of} {escape(str(file))}"), err=True, nl=False)
        if number == of:
            click.echo("\r\033[K", err=True, nl=False)


def _write_page(text: str, kind: str, file: Path, place: Path, *, alone: bool) -> None:
    page = place if alone else place / f"{file.name}.{kind}"
    page.write_text(text, encoding="utf-8")
    done(say("report: {file}", file=page))
