"""How the demo speaks: chapters, what was done, what was held against somebody else's judgement.

Everything said on the terminal is kept for the page that is left behind. The first claim that
does not hold ends the demo with status 1.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from eds_cli.main import run

SECRET = ("--password-env", "EDS_DEMO_PASSWORD")
PIN = ("--pin-env", "EDS_DEMO_PIN")
COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


@dataclass
class Line:
    """One line of a chapter. `mark` is ✓ for a claim that held, $ for a command."""

    mark: str
    what: str
    text: str


@dataclass
class Chapter:
    """One part of the story, with its lines."""

    number: int
    title: str
    lines: list[Line] = field(default_factory=list)
    seconds: float = 0.0


class Story:
    """What happens in `folder`, told as it happens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chapters: list[Chapter] = []
        self.skipped: list[str] = []
        self.began = time.perf_counter()

    @contextlib.contextmanager
    def chapter(self, title: str) -> Iterator[Chapter]:
        """A chapter, and what it took."""
        chapter = Chapter(len(self.chapters) + 1, title)
        self.chapters.append(chapter)
        print(f"\n{_paint(f'{chapter.number}  {title}', '1')}")
        begun = time.perf_counter()
        yield chapter
        chapter.seconds = time.perf_counter() - begun

    def tell(self, what: str, text: str) -> None:
        """Something that was done or is so."""
        self._say(Line(" ", what, text))

    def skip(self, text: str) -> None:
        """Something that cannot be shown here, and why."""
        self.skipped.append(text)
        self._say(Line("–", "skipped", text))

    def check(self, judge: str, text: str, *, holds: bool) -> None:
        """A claim, and who judged it."""
        self._say(Line("✓" if holds else "✗", judge, text))
        if not holds:
            sys.exit(f"demo: this does not hold: {text}")

    def setting(self, **variables: str) -> None:
        """Variables of the environment, for every command from here on."""
        os.environ |= variables
        words = " ".join(f"{name}={text}" for name, text in variables.items())
        self._say(Line("$", "", f"export {words}"))

    def eds(
        self,
        *arguments: str,
        says: str = "",
        status: int = 0,
        quiet: bool = False,
    ) -> str:
        """Run one command as people do, in this folder. Returns what it printed.

        `says` stands in a line of it, which is told. What is done quietly is not told at all.
        """
        shown = shlex.join(arguments)
        for typed in (SECRET, PIN):  # what people are asked for
            shown = shown.replace(f" {shlex.join(typed)}", "")
        if not quiet:
            self._say(Line("$", "", f"eds {shown}"))
        said, complained = io.StringIO(), io.StringIO()
        before = dict(os.environ)
        try:
            with (
                contextlib.chdir(self.folder),
                contextlib.redirect_stdout(said),
                contextlib.redirect_stderr(complained),
            ):
                ended = run(arguments)
        finally:
            os.environ.clear()
            os.environ.update(before)
        lines = [*said.getvalue().splitlines(), *complained.getvalue().splitlines()]
        line = next((one.strip() for one in lines if says in one), None)
        if ended != status or line is None:
            print("\n".join(lines), file=sys.stderr)
            sys.exit(f"demo: eds {shlex.join(arguments)} ended with {ended}, not {status}")
        if says and not quiet:
            self._say(Line("✓", "eds", line))
        return said.getvalue()

    def openssl(self, *arguments: str | Path, holds: bool, says: str) -> None:
        """What OpenSSL makes of it, which knows nothing of this project."""
        done = subprocess.run(
            ["openssl", *map(str, arguments)], cwd=self.folder, capture_output=True, check=False
        )
        self.check("openssl", says, holds=(done.returncode == 0) is holds)

    def _say(self, line: Line) -> None:
        self.chapters[-1].lines.append(line)
        if line.mark == "$":
            shown = textwrap.fill(
                f"     $ {line.text}", 96, subsequent_indent=" " * 11, break_on_hyphens=False
            )
            print(_paint(shown, "2"))
            return
        colour = {"✓": "32", "✗": "31", "–": "33"}.get(line.mark, "0")
        first, *rest = textwrap.wrap(line.text, 78) or [""]
        print(f"   {_paint(line.mark, colour)} {_paint(f'{line.what:<9}', '36')} {first}")
        for more in rest:
            print(" " * 15 + more)


def _paint(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m" if COLOUR else text
