"""The report as one HTML page that needs nothing else: no script, no picture, no address.

It reads on a telephone and prints on paper. Every foreign text is escaped; the page may be
opened from a hostile document's verdict.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final

from ..certificates import Certificate
from ..errors import DecodeError, Translate
from ..languages import language_of, translator
from .findings import Fact, Finding, Outcome
from .indications import Indication
from .report import Coverage, SignatureReport, TimeStampReport, ValidationReport
from .report_json import fact_value
from .wording import COVERAGE, LABELS, STAMPED, explain, holder_rows, subject_of

_CLASS: Final = {
    Indication.TOTAL_PASSED: "passed",
    Indication.TOTAL_FAILED: "failed",
    Indication.INDETERMINATE: "open",
}
_SIGN: Final = {"passed": "✓", "failed": "✕", "open": "?"}
_MARK: Final = {Outcome.KEPT: "✓", Outcome.NOTED: "!", Outcome.BROKEN: "✕"}
_ORDER: Final = (Outcome.BROKEN, Outcome.NOTED, Outcome.KEPT)
_WORD: Final = {
    Indication.TOTAL_PASSED: "Valid",
    Indication.TOTAL_FAILED: "Not valid",
    Indication.INDETERMINATE: "Undetermined",
}

_STYLE: Final = """
:root{--ink:#1b2430;--soft:#5b6675;--line:#dfe4ea;--paper:#fff;--wash:#f5f7f9;
--passed:#176b3a;--failed:#a11c1c;--open:#8a5a00}
*{box-sizing:border-box}
body{margin:0;background:var(--wash);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI","Noto Sans",Roboto,Arial,sans-serif}
main{max-width:60rem;margin:0 auto;padding:2rem 1rem 4rem}
h1{font-size:1.15rem;margin:0 0 .25rem;color:var(--soft);font-weight:600}
.verdict,.card{background:var(--paper);border:1px solid var(--line);border-radius:.75rem;
padding:1.25rem 1.5rem;margin:0 0 1.25rem}
.verdict{border-left:.5rem solid currentColor}
.verdict>*,.card>*{color:var(--ink)}
.head{display:flex;gap:1rem;align-items:center}
.sign{flex:none;width:2.75rem;height:2.75rem;border-radius:50%;background:var(--open);
display:grid;place-items:center;font-size:1.5rem;font-weight:700}
.card .sign{width:2rem;height:2rem;font-size:1.1rem}
.passed{color:var(--passed)}.failed{color:var(--failed)}.open{color:var(--open)}
.passed .sign,.sign.passed{background:var(--passed)}
.failed .sign,.sign.failed{background:var(--failed)}
.head .sign{color:#fff}
.head h2{margin:0;font-size:1.5rem;line-height:1.2}
.card .head h2{font-size:1.2rem}
.code{font:.8rem ui-monospace,"Noto Sans Mono",Consolas,monospace;color:var(--soft)}
p{margin:.75rem 0}
dl{display:grid;grid-template-columns:fit-content(16rem) 1fr;gap:.35rem 1.25rem;margin:1rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
details{border-top:1px solid var(--line);padding:.6rem 0}
summary{cursor:pointer;font-weight:600}
table{border-collapse:collapse;width:100%;font-size:.9rem;margin:.5rem 0}
td{border-top:1px solid var(--line);padding:.4rem .5rem;vertical-align:top;overflow-wrap:anywhere}
td:first-child{width:1.75rem;font-weight:700;text-align:center}
tr.kept td:first-child{color:var(--passed)}tr.noted td:first-child{color:var(--open)}
tr.broken td:first-child{color:var(--failed)}
.nested{border-left:3px solid var(--line);padding-left:1rem;margin:1rem 0}
footer{color:var(--soft);font-size:.85rem}
@media(max-width:36rem){dl{grid-template-columns:1fr}dd{margin-bottom:.5rem}}
@media print{body{background:#fff;font-size:11pt}main{max-width:none;padding:0}
.verdict,.card{break-inside:avoid;border-radius:0}details{break-inside:auto}
summary{list-style:none}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


def as_html(
    report: ValidationReport,
    *,
    document: str = "",
    language: str = "en",
) -> str:
    """The page. `document` is the name of the file, for the title only.

    `language` is one of `eds.languages.Language`. Raises InvalidArgument for any other.
    """
    spoken = language_of(language)
    page = _Page(translator(spoken))
    return "".join(page.page(report, document=document, language=spoken.value))


class _Page:
    def __init__(self, translate: Translate) -> None:
        self._translate = translate

    def say(self, text: str) -> str:
        return escape(self._translate(text))

    def page(self, report: ValidationReport, *, document: str, language: str) -> Iterator[str]:
        title = self.say("Validation report")
        named = f"{title}: {escape(document)}" if document else title
        yield f'<!doctype html><html lang="{escape(language)}"><head><meta charset="utf-8">'
        yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
        yield (
            '<meta http-equiv="Content-Security-Policy" '
            "content=\"default-src 'none';style-src 'unsafe-inline'\">"
        )
        yield f"<title>{named}</title><style>{_STYLE}</style></head><body><main>"
        yield f"<h1>{named}</h1>"
        kind = _CLASS[report.indication]
        yield f'<section class="verdict {kind}">'
        yield self.head(report)
        yield f"<p>{escape(explain(report, translate=self._translate))}</p>"
        yield self.rows(
            ("at", _instant(report.at)),
            ("policy", report.policy),
            ("trust", report.trust),
            (
                "content_digest",
                None if report.content_digest is None else report.content_digest.hex(),
            ),
        )
        yield self.findings(report.findings)
        yield "</section>"
        for number, signature in enumerate(report.signatures, start=1):
            yield f'<section class="card {_CLASS[signature.indication]}">'
            yield from self.signature(signature, f"{self.name('signature')} {number}")
            yield "</section>"
        yield "<footer>"
        yield self.say(
            "A valid signature says who signed which octets, and that the certificate was good at "
            "the proven time. It does not say that what the document states is true."
        )
        yield "</footer></main></body></html>\n"

    def head(self, report: ValidationReport | SignatureReport, title: str = "") -> str:
        kind = _CLASS[report.indication]
        before = f"{title}: " if title else ""
        return (
            f'<div class="head"><div class="sign {kind}" aria-hidden="true">{_SIGN[kind]}</div>'
            f"<div><h2>{before}{self.say(_WORD[report.indication])}</h2>"
            f'<div class="code">{report.verdict}</div>'
            "</div></div>"
        )

    def signature(self, one: SignatureReport, title: str) -> Iterator[str]:
        yield self.head(one, title)
        yield f"<p>{escape(explain(one, translate=self._translate))}</p>"
        who = organisation = None
        if one.signer is not None:
            who, organisation = subject_of(one.signer)
        yield self.rows(
            ("signer", who),
            ("organisation", organisation),
            *self.holder(one),
            ("certified_by", subject_of(one.path[1])[0] if len(one.path) > 1 else None),
            ("format", one.format.value + ("" if one.level is None else f" B-{one.level.value}")),
            ("proven_time", _instant(one.proven_time)),
            ("claimed_time", _instant(one.claimed_time)),
            ("algorithm", one.algorithm),
            *self.coverage(one.coverage),
        )
        if one.signer is not None:
            yield self.certificates(one.path or (one.signer,))
        for stamp in one.time_stamps:
            yield from self.time_stamp(stamp)
        yield self.findings(one.findings)
        for counter in one.counter_signatures:
            yield '<div class="nested">'
            yield from self.signature(counter, self.name("counter_signature"))
            yield "</div>"

    def coverage(self, coverage: Coverage | None) -> Iterator[tuple[str, str | None]]:
        if coverage is None:
            return
        yield "coverage", self._translate(COVERAGE[coverage.whole])
        yield "field", coverage.name or None
        told = (one.told(self._translate) for one in coverage.changes)
        yield "changes", "; ".join(told) or None

    def time_stamp(self, stamp: TimeStampReport) -> Iterator[str]:
        kind = _CLASS[stamp.indication]
        yield f'<details><summary>{self.name("time_stamp")} <span class="{kind}">'
        yield f"{_SIGN[kind]} {escape(_instant(stamp.time) or '')}</span></summary>"
        yield self.rows(
            ("kind", self._translate(STAMPED.get(stamp.kind, stamp.kind))),
            ("verdict", stamp.verdict),
            ("authority", None if stamp.authority is None else subject_of(stamp.authority)[0]),
            ("policy", stamp.policy),
        )
        yield self.table(stamp.findings)
        yield "</details>"

    def certificates(self, path: Iterable[Certificate]) -> str:
        cards = "".join(
            self.rows(
                ("subject", _read(one, "subject")),
                ("issuer", _read(one, "issuer")),
                ("serial_number", _read(one, "serial_number_octets")),
                ("not_before", _read(one, "not_before")),
                ("not_after", _read(one, "not_after")),
                ("SHA-256", one.fingerprint.hex()),
            )
            for one in path
        )
        return f"<details><summary>{self.name('certificates')}</summary>{cards}</details>"

    def findings(self, findings: tuple[Finding, ...]) -> str:
        if not findings:
            return ""
        is_open = " open" if any(one.outcome is Outcome.BROKEN for one in findings) else ""
        return (
            f"<details{is_open}><summary>{self.name('findings')} ({len(findings)})</summary>"
            f"{self.table(findings)}</details>"
        )

    def table(self, findings: Iterable[Finding]) -> str:
        # What does not hold comes first: it is what people look for.
        ordered = sorted(findings, key=lambda one: _ORDER.index(one.outcome))
        return f"<table>{''.join(map(self.finding, ordered))}</table>"

    def finding(self, one: Finding) -> str:
        facts = _facts(one.facts)
        says = self._translate(one.rule.says)
        if one.outcome is Outcome.BROKEN:
            says = self._translate("does not hold: {rule}").format(rule=says)
        return (
            f'<tr class="{one.outcome.value}"><td>{_MARK[one.outcome]}</td>'
            f'<td>{escape(says)}<div class="code">{escape(one.code)} · '
            f"{escape(one.clause)}{facts and f'<br>{facts}'}</div></td></tr>"
        )

    def name(self, key: str) -> str:
        return self.say(LABELS.get(key, key))

    def holder(self, one: SignatureReport) -> Iterator[tuple[str, str | None]]:
        if one.signer is not None:
            yield from holder_rows(one.signer, translate=self._translate)

    def rows(self, *pairs: tuple[str, str | None]) -> str:
        cells = "".join(
            f"<dt>{self.name(key)}</dt><dd>{escape(text)}</dd>"
            for key, text in pairs
            if text is not None
        )
        return f"<dl>{cells}</dl>"


def escape(text: str) -> str:
    r"""`text` as HTML shows it; what is not plainly visible as \x.. or \u....

    Characters that change direction could show one name as another.
    """
    if not text.isprintable():
        text = "".join(
            one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode()
            for one in text
        )
    return html.escape(text)


def _facts(facts: Mapping[str, Fact]) -> str:
    return escape("; ".join(f"{name}: {_shown(fact)}" for name, fact in facts.items()))


def _shown(fact: Fact) -> str:
    value = fact_value(fact)
    return ", ".join(value) if isinstance(value, list) else str(value)


def _instant(at: datetime | None) -> str | None:
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _read(certificate: Certificate, what: str) -> str:
    try:
        value = getattr(certificate, what)
        if isinstance(value, bytes):
            return value.hex()
        return _instant(value) or "" if isinstance(value, datetime) else str(value.rfc4514)
    except DecodeError as error:
        return f"? ({error.code})"
