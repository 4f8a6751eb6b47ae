"""How results look: escaped, aligned, coloured where a terminal is there, or as JSON.

Commands hand over facts, a dict of plain values with stable keys. `--json` prints them as they
are; people see the same facts as a tree or a table. Text from files, tokens and names is
untrusted: what could steer a terminal is shown as an escape.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import click

from eds_cli.speech import language_option, say

F = TypeVar("F", bound=Callable[..., Any])

Facts = Mapping[str, Any]

# Words whose letters are not simply the key's.
LABELS: Final = {
    "sha1": "SHA-1",
    "sha256": "SHA-256",
    "uri": "URI",
    "oid": "OID",
    "ca": "CA",
    "der": "DER",
    "pin": "PIN",
    "mac": "MAC",
    "tsa": "TSA",
    "url": "URL",
    "urls": "URLs",
    "uris": "URIs",
    "ocsp": "OCSP",
    "crl": "CRL",
    "cms": "CMS",
    "qc": "QC",
    "id": "ID",
}
_INDENT: Final = 2
_LABEL_WIDTH: Final = 28  # columns; longer labels get a line of their own


@dataclass(frozen=True, slots=True)
class Shown:
    """A value that people see in other words than programs do."""

    value: Any
    text: Any
    """A line, lines, or facts; empty: people do not need it."""


class Block(list[str]):
    """Lines for people that stand below their label, not beside it."""


def json_option(command: F) -> F:
    """`--json` and `--language`, the same in every command."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON; its keys are stable.")(
        language_option(command)
    )


def escape(text: str) -> str:
    r"""`text` in one line, with everything that is not plainly visible as \x.. or \u....

    Control characters could move the cursor or rewrite the screen, and characters that change
    direction could show one name as another.
    """
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode()
        for one in text
    )


def width_of(text: str) -> int:
    """How many columns a terminal gives to printable `text`."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(one) else 1 + (unicodedata.east_asian_width(one) in "WF")
        for one in text
    )


def is_terminal() -> bool:
    """Whether people read stdout."""
    return sys.stdout.isatty()


def _with_colour() -> bool:
    return is_terminal() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def columns() -> int | None:
    """The width to keep to; None where nobody looks at lines."""
    return max(shutil.get_terminal_size().columns, 40) if is_terminal() else None


def paint(text: str, **style: Any) -> str:
    """`text` in colour, where there is colour."""
    return click.style(text, **style) if _with_colour() else text


def plain(value: Any) -> Any:
    """Facts as JSON has them."""
    if isinstance(value, Shown):
        return plain(value.value)
    if isinstance(value, Mapping):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def show_json(value: Any) -> None:
    """Print facts as JSON, in ASCII: nothing in it can steer a terminal."""
    click.echo(json.dumps(plain(value), indent=2).replace("\x7f", "\\u007f"))


def show(
    facts: Facts,
    *,
    as_json: bool,
    title: str | None = None,
    words: Callable[[str], str] = str,
) -> None:
    """Print one result; `words` puts labels into another language."""
    if as_json:
        show_json(facts)
        return
    if title is not None:
        first, *rest = _wrap(escape(title), _INDENT)
        for line in (first, *(" " * _INDENT + line for line in rest)):
            click.echo(paint(line, bold=True))
    for line in tree(facts, indent=0 if title is None else _INDENT, words=words):
        click.echo(line)


def confirm(question: str) -> None:
    """Ask on stderr; raises click.Abort unless the answer is yes, in English or as it is spoken."""
    wanted = {"y", "yes", say("y").lower(), say("yes").lower()}
    answer = click.prompt(
        f"{question} [{say('y')}/N]", default="", show_default=False, prompt_suffix=": ", err=True
    )
    if str(answer).strip().lower() not in wanted:
        raise click.Abort


def done(sentence: str) -> None:
    """Say in one line what was done."""
    mark = f"{paint('✓', fg='green')} " if is_terminal() else ""
    click.echo(f"{mark}{escape(sentence)}")


def write_public(data: bytes, out: str | None) -> None:
    """Write what is no secret to a new file, or to stdout. A terminal gets no binary data."""
    if out is not None:
        with Path(out).open("xb") as file:
            file.write(data)
        return
    if is_terminal() and not data.startswith(b"-----BEGIN "):
        raise click.UsageError("binary data does not go to a terminal; see --out")
    click.echo(data, nl=False)


class Progress:
    """A line on stderr while people wait; nothing where nobody looks."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __enter__(self) -> Self:
        return self

    def after(self, source: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """`source`, and the line once it has answered: a prompt comes first."""

        def answer(request: Any) -> Any:
            secret = source(request)
            if sys.stderr.isatty():
                click.echo(self._text, err=True, nl=False)
            return secret

        return answer

    def __exit__(self, *_: object) -> None:
        if sys.stderr.isatty():
            click.echo("\r\033[K", err=True, nl=False)


# --- trees ----------------------------------------------------------------------------------------


def label(key: str) -> str:
    """A key as people read it: `subject_key_identifier` is "subject key identifier"."""
    return " ".join(LABELS.get(word, word) for word in key.split("_"))


def tree(facts: Facts, *, indent: int = 0, words: Callable[[str], str] = str) -> Iterator[str]:
    """Facts as lines: labels in a column, values beside them, nested facts below.

    None and empty values are left out: JSON has them, people do not miss them.
    """
    rows = [(escape(words(label(key))), _for_people(one)) for key, one in facts.items()]
    rows = [(name, one) for name, one in rows if not _is_empty(one)]
    flat = [width_of(name) for name, one in rows if not _is_nested(one)]
    column = indent + min(max(flat, default=0), _LABEL_WIDTH) + 2
    for name, one in rows:
        head = " " * indent + paint(name, fg="cyan")
        used = indent + width_of(name)
        if _is_nested(one):
            yield head
            yield from _below(one, indent=indent + _INDENT, words=words)
            continue
        lines = [line for text in _texts(one, words) for line in _wrap(text, column)]
        if used + 2 > column:  # a label that is longer than the column
            yield head
            used, head = 0, ""
        yield head + " " * (column - used) + lines[0]
        yield from (" " * column + line for line in lines[1:])


def _below(value: Any, *, indent: int, words: Callable[[str], str]) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from tree(value, indent=indent, words=words)
        return
    for one in map(_for_people, value):
        if not isinstance(one, Mapping):
            yield from (fit(" " * indent + text) for text in _texts(one, words))
            continue
        lines = list(tree(one, indent=indent + _INDENT, words=words))
        if lines:
            yield " " * indent + paint("-", fg="cyan") + " " + lines[0][indent + _INDENT :]
            yield from lines[1:]


def _for_people(value: Any) -> Any:
    return value.text if isinstance(value, Shown) else value


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str | list | tuple | dict) and not value)


def _is_nested(value: Any) -> bool:
    if isinstance(value, Mapping | Block):
        return True
    return isinstance(value, list | tuple) and any(
        isinstance(_for_people(one), Mapping) for one in value
    )


def _texts(value: Any, words: Callable[[str], str]) -> list[str]:
    value = _for_people(value)
    if value is True or value is False:
        return [words("yes" if value else "no")]
    if isinstance(value, list | tuple):
        return [text for one in value for text in _texts(one, words)] or ["(none)"]
    return [escape(str(value))]


def _wrap(text: str, column: int) -> list[str]:
    """`text` in lines that fit beside `column`: names break after commas, digests in the middle."""
    width = columns()
    if width is None or column + width_of(text) <= width:
        return [text]
    room = max(width - column, 16)
    lines = [""]
    for piece in _pieces(text, room):
        if lines[-1] and width_of(lines[-1] + piece.rstrip(" ")) > room:
            lines.append("")
        lines[-1] += piece
    return [line.rstrip(" ") for line in lines]


def _pieces(text: str, room: int) -> Iterator[str]:
    """What a line may not break in: parts of a name, or else words, or else as much as fits."""
    for part in re.findall(r"(?:\\.|[^,\\])+,* *|.", text):
        for word in [part] if width_of(part.rstrip(" ")) <= room else re.findall(r" *\S+ *", part):
            if width_of(word.rstrip(" ")) <= room:
                yield word
            elif re.fullmatch("[0-9a-f]+", word):
                lines = -(-len(word) // room)
                yield from _cut_up(word, min(room, -(-len(word) // lines // 8) * 8))
            else:
                # Addresses break after a stroke. Wide characters take two columns.
                size = room if word.isascii() else max(room // 2, 8)
                for step in re.findall("[^/]+/*|/+", word):
                    yield from _cut_up(step, size)


def _cut_up(text: str, size: int) -> Iterator[str]:
    return (text[at : at + size] for at in range(0, len(text), size))


# --- tables ---------------------------------------------------------------------------------------


def show_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows in columns; the last column is cut where the terminal ends."""
    cells = [[escape("" if one is None else str(one)) for one in row] for row in rows]
    widths = [
        max(width_of(cell) for cell in column)
        for column in zip(*([list(headings), *cells]), strict=True)
    ]
    for number, row in enumerate([list(headings), *cells]):
        text = "  ".join(
            cell + " " * (width - width_of(cell)) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        text = fit(text)
        click.echo(paint(text, bold=True) if number == 0 else text)


def fit(text: str) -> str:
    """`text` in one line, cut where the terminal ends."""
    room = columns()
    if room is None or width_of(text) <= room:
        return text
    while width_of(text) > room - 1:
        text = text[:-1]
    return f"{text}…"
