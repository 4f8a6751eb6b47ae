"""The page that the demo leaves behind: what happened, the files, and what others made of them.

It needs nothing but the files beside it: no script, no address, nothing from a network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from .telling import Story

_STYLE = """
:root{--ink:#16202c;--soft:#5b6675;--line:#dbe1e8;--wash:#f3f5f8;--good:#176b3a;--bad:#a11c1c;
--open:#8a5a00;--accent:#0f5a8c}
*{box-sizing:border-box}
body{margin:0;background:var(--wash);color:var(--ink);
font:16px/1.55 system-ui,-apple-system,"Segoe UI","Noto Sans",Roboto,Arial,sans-serif}
header{background:linear-gradient(120deg,#0d3b5c,#0f5a8c 60%,#1c7fa8);color:#fff}
header>div,main{max-width:68rem;margin:0 auto;padding:2rem 1.25rem}
header h1{margin:0;font-size:2rem;letter-spacing:-.01em}
header p{margin:.4rem 0 0;opacity:.9;max-width:44rem}
.figures{display:flex;flex-wrap:wrap;gap:.75rem;margin:1.25rem 0 0;padding:0;list-style:none}
.figures li{background:#ffffff22;border-radius:.6rem;padding:.5rem .9rem}
.figures b{display:block;font-size:1.4rem;line-height:1.2}
h2{font-size:1.3rem;margin:2.25rem 0 .9rem}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(19rem,1fr));gap:1rem}
.two{grid-template-columns:repeat(auto-fit,minmax(20rem,1fr))}
.card{background:#fff;border:1px solid var(--line);border-radius:.75rem;padding:1.1rem 1.25rem}
.card h3{margin:0 0 .3rem;font-size:1.05rem}
.card p{margin:.3rem 0;color:var(--soft);font-size:.92rem}
.card a{color:var(--accent)}
.wide{display:grid;grid-template-columns:minmax(15rem,22rem) 1fr;gap:1.5rem;align-items:start}
.wide img{width:100%;border:1px solid var(--line);border-radius:.4rem;box-shadow:0 2px 10px #0002}
.badge{display:inline-block;border-radius:1rem;padding:.1rem .7rem;font-size:.82rem;
font-weight:650;color:#fff;background:var(--open)}
.badge.good{background:var(--good)}.badge.bad{background:var(--bad)}
table{border-collapse:collapse;width:100%;font-size:.92rem}
td,th{border-top:1px solid var(--line);padding:.45rem .5rem;text-align:left;vertical-align:top;
overflow-wrap:anywhere}
th{color:var(--soft);font-weight:600;border:0}
ol.line{list-style:none;margin:.5rem 0 0;padding:0 0 0 1.1rem;border-left:2px solid var(--line)}
ol.line li{position:relative;padding:.15rem 0 .5rem;font-size:.94rem}
ol.line li::before{content:"";position:absolute;left:-1.5rem;top:.6rem;width:.7rem;height:.7rem;
border-radius:50%;background:var(--accent);border:2px solid #fff}
ol.line time{color:var(--soft);font-size:.82rem;margin-left:.4rem}
details{background:#fff;border:1px solid var(--line);border-radius:.6rem;margin:.5rem 0}
summary{cursor:pointer;padding:.7rem 1rem;font-weight:600}
summary span{float:right;color:var(--soft);font-weight:400;font-size:.88rem}
pre{margin:0;padding:.6rem 1rem 1rem;white-space:pre-wrap;overflow-wrap:anywhere;
font:13px/1.5 ui-monospace,"Noto Sans Mono",Consolas,monospace}
pre b{color:var(--good)}pre i{color:var(--soft);font-style:normal}
footer{color:var(--soft);font-size:.88rem;padding:2rem 0}
@media(max-width:46rem){.wide{grid-template-columns:1fr}}
"""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """A certificate to show: whose, for what, where it stands now."""

    title: str
    holder: str
    rows: Sequence[tuple[str, str]]
    state: str
    file: str


@dataclass(frozen=True, kw_only=True)
class Document:
    """A document, the verdicts on it as they followed each other, and the reports."""

    title: str
    file: str
    says: str
    verdicts: Sequence[tuple[str, str]]  # when, verdict
    links: Sequence[tuple[str, str]]  # words, file
    picture: str | None = None


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What became of one application, step by step."""

    title: str
    says: str
    steps: Sequence[tuple[str, str]]  # what, when


@dataclass(frozen=True, kw_only=True)
class Left:
    """Everything that is shown beside the chapters."""

    certificates: Sequence[Certificate]
    documents: Sequence[Document]
    timelines: Sequence[Timeline]


def write_page(story: Story, left: Left, *, version: str, seconds: float) -> Path:
    """Write `index.html` into the story's folder."""
    page = story.folder / "index.html"
    page.write_text("".join(_page(story, left, version, seconds)), encoding="utf-8")
    return page


def _page(story: Story, left: Left, version: str, seconds: float) -> Iterator[str]:
    claims = [line for chapter in story.chapters for line in chapter.lines if line.mark == "✓"]
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width,initial-scale=1">'
    yield '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
    yield "style-src 'unsafe-inline';img-src 'self' data: file:\">"
    yield f"<title>eds: what happened</title><style>{_STYLE}</style></head><body><header><div>"
    yield "<h1>From a person to a signature that holds</h1>"
    yield "<p>A key ceremony, a citizen who enrols from home, a non-resident who comes to a service"
    yield " centre, documents that both sign, and what becomes of them. Everything below was made"
    yield " a moment ago on this machine, by commands that you can type yourself.</p>"
    yield '<ul class="figures">'
    for figure, words in (
        (str(len(claims)), "claims that held"),
        (str(len(left.certificates)), "certificates"),
        (str(len(left.documents)), "documents"),
        (f"{seconds:.0f} s", f"with eds {version}"),
    ):
        yield f"<li><b>{escape(figure)}</b>{escape(words)}</li>"
    yield "</ul></div></header><main>"
    yield "<h2>Documents</h2>"
    for document in left.documents:
        yield from _document(document)
    yield '<h2>How both came to a certificate</h2><div class="grid two">'
    for timeline in left.timelines:
        yield f'<section class="card"><h3>{escape(timeline.title)}</h3>'
        yield f"<p>{escape(timeline.says)}</p>"
        yield '<ol class="line">'
        for what, when in timeline.steps:
            yield f"<li>{escape(what)}<time>{escape(when)}</time></li>"
        yield "</ol></section>"
    yield '</div><h2>Certificates</h2><div class="grid">'
    for certificate in left.certificates:
        yield from _certificate(certificate)
    yield "</div><h2>The whole story</h2>"
    for chapter in story.chapters:
        held = sum(line.mark == "✓" for line in chapter.lines)
        yield f"<details><summary>{chapter.number}. {escape(chapter.title)}"
        yield f"<span>{held} held · {chapter.seconds:.1f} s</span></summary><pre>"
        for line in chapter.lines:
            text = escape(line.text)
            if line.mark == "$":
                yield f"<i>$ {text}</i>\n"
            else:
                mark = f"<b>{line.mark}</b>" if line.mark == "✓" else line.mark
                yield f"{mark} {escape(line.what)}: {text}\n" if line.what else f"{mark} {text}\n"
        yield "</pre></details>"
    for skipped in story.skipped:
        yield f"<p>Not shown here: {escape(skipped)}.</p>"
    yield "<footer>All people, numbers and organisations are invented. The keys in this folder"
    yield " are for looking at, and believed by nobody.</footer></main></body></html>\n"


def _document(document: Document) -> Iterator[str]:
    yield '<section class="card" style="margin-bottom:1rem">'
    yield '<div class="wide">' if document.picture else "<div>"
    if document.picture:
        alt = f"{document.title}, as it looks"
        yield f'<a href="{_link(document.file)}"><img src="{_link(document.picture)}"'
        yield f' alt="{escape(alt)}"></a>'
    yield f"<div><h3>{escape(document.title)}</h3><p>{escape(document.says)}</p>"
    yield f'<p><a href="{_link(document.file)}">{escape(document.file)}</a>'
    for words, file in document.links:
        yield f' · <a href="{_link(file)}">{escape(words)}</a>'
    yield "</p><table><tr><th>when</th><th>verdict</th></tr>"
    for when, verdict in document.verdicts:
        yield f"<tr><td>{escape(when)}</td><td>{_badge(verdict)}</td></tr>"
    yield "</table></div></div></section>"


def _certificate(certificate: Certificate) -> Iterator[str]:
    yield f'<section class="card"><h3>{escape(certificate.title)}</h3>'
    yield f"<p>{escape(certificate.holder)}</p><p>{_badge(certificate.state)}</p><table>"
    for name, value in certificate.rows:
        yield f"<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>"
    yield f'</table><p><a href="{_link(certificate.file)}">{escape(certificate.file)}</a></p>'
    yield "</section>"


def _badge(word: str) -> str:
    first = word.partition(" ")[0]
    kind = {"TOTAL_PASSED": "good", "valid": "good", "TOTAL_FAILED": "bad", "revoked": "bad"}
    return f'<span class="badge {kind.get(first, "")}">{escape(word)}</span>'


def _link(file: str) -> str:
    return escape(file, quote=True)
