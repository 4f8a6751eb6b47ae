"""The report as lines of text, for a terminal or a file that people read.

Foreign text (names, field names) comes as it is: whoever prints to a terminal escapes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..certificates import Certificate
from ..errors import Translate
from ..languages import translator
from .findings import Fact, Finding, Outcome
from .indications import SubIndication
from .report import SignatureReport, TimeStampReport, ValidationReport
from .report_json import fact_value, instant
from .wording import COVERAGE, LABELS, STAMPED, explain, holder_rows, subject_of

_WIDTH: Final = 28  # of the labels
_MARKS: Final = {Outcome.KEPT: "+", Outcome.NOTED: "!", Outcome.BROKEN: "x"}


def as_text(report: ValidationReport, *, language: str = "en") -> Iterator[str]:
    """The report line by line: verdicts, who and when, and every finding that is not plain.

    `language` is one of `eds.languages.Language`. Raises InvalidArgument for any other.
    """
    translate = translator(language)
    yield report.verdict
    yield f"  {explain(report, translate=translate)}"
    yield _row(translate(LABELS["at"]), instant(report.at))
    yield _row(translate(LABELS["policy"]), report.policy)
    yield _row(translate(LABELS["trust"]), report.trust)
    yield from _findings(report.findings, translate)
    for number, signature in enumerate(report.signatures, start=1):
        yield ""
        yield from _signature(signature, f"{translate(LABELS['signature'])} {number}", translate)


def _signature(one: SignatureReport, title: str, translate: Translate) -> Iterator[str]:
    yield f"{title}: {one.verdict}"
    yield f"  {explain(one, translate=translate)}"
    if one.signer is not None:
        yield _row(translate(LABELS["signer"]), _who(one.signer))
        for label, text in holder_rows(one.signer, translate=translate):
            yield _row(label, text)
    if len(one.path) > 1:
        yield _row(translate(LABELS["certified_by"]), _who(one.path[1]))
    level = "" if one.level is None else f" B-{one.level.value}"
    yield _row(translate(LABELS["format"]), f"{one.format.value}{level}")
    yield _row(translate(LABELS["claimed_time"]), instant(one.claimed_time))
    yield _row(translate(LABELS["proven_time"]), instant(one.proven_time))
    if one.coverage is not None:
        yield _row(translate(LABELS["coverage"]), translate(COVERAGE[one.coverage.whole]))
        for change in one.coverage.changes:
            yield _row(translate(LABELS["changes"]), change.told(translate))
    yield from _findings(one.findings, translate)
    for stamp in one.time_stamps:
        yield from _indented(_time_stamp(stamp, translate))
    for counter in one.counter_signatures:
        yield from _indented(_signature(counter, translate(LABELS["counter_signature"]), translate))


def _time_stamp(stamp: TimeStampReport, translate: Translate) -> Iterator[str]:
    kind = translate(STAMPED.get(stamp.kind, stamp.kind))
    yield f"{translate(LABELS['time_stamp'])} ({kind}): {stamp.verdict}"
    yield _row(translate(LABELS["time"]), instant(stamp.time))
    if stamp.authority is not None:
        yield _row(translate(LABELS["authority"]), _who(stamp.authority))
    yield from _findings(stamp.findings, translate)


def _findings(findings: Iterable[Finding], translate: Translate) -> Iterator[str]:
    for finding in findings:
        if finding.outcome is Outcome.KEPT:
            continue
        facts = ", ".join(
            f"{name}={_shown(fact_value(fact))}" for name, fact in finding.facts.items()
        )
        yield (
            f"  {_MARKS[finding.outcome]} {finding.code}{_sub(finding.sub_indication)}: "
            f"{translate(finding.rule.says)} [{finding.clause}]{facts and f' {facts}'}"
        )


def _shown(fact: Fact) -> str:
    value = fact_value(fact)
    return " ".join(value) if isinstance(value, list) else str(value)


def _who(certificate: Certificate) -> str:
    name, organisation = subject_of(certificate)
    return name if organisation is None else f"{name}, {organisation}"


def _sub(sub_indication: SubIndication | None) -> str:
    return "" if sub_indication is None else f" / {sub_indication.value}"


def _row(label: str, value: str | None) -> str:
    return f"  {label:<{_WIDTH}} {value or '-'}"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
