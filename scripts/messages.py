"""The messages that people see, collected from the sources, and the catalogues held against them.

    python scripts/messages.py           what is missing, left over or misfit (status 1)
    python scripts/messages.py --update  adds what is missing, drops what nobody says

A message is collected where it stands as a literal: as the argument of a function that speaks, as
what a rule or an error says, or as a value of a table that is named here. Nothing is imported.
"""

from __future__ import annotations

import ast
import string
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "src"))

from eds.languages import FOLDER, Entry, Language, read_po  # noqa: E402

SOURCES = (ROOT / "src", ROOT / "cli")

# Functions whose first argument is a message.
SPEAKING = frozenset({"say", "translate", "_translate", "Sentence"})
# Class or call → the argument that is a message.
SAYING = {
    "Rule": "says",
    "Departure": "says",
    **dict.fromkeys(
        (
            *("AppearanceRefused", "ContentMismatch", "DocumentRefused", "IdentityNumberRefused"),
            *(
                "KeyFileExposed",
                "NameRefused",
                "PasswordRefused",
                "SecretUnavailable",
                "SignerCertificateRefused",
            ),
        ),
        "reason",
    ),
}
# Classes whose arguments may stand by their position.
POSITIONS = {"Departure": 1}
# Module → tables whose values, however deep, are messages; of a pair (address, help) the help.
TABLES = {
    "eds/verify/wording.py": (
        *("MEANING", "MEANING_OF_SEVERAL", "SUB_MEANING", "LABELS", "STAMPED", "COVERAGE"),
    ),
    "eds/verify/pdf_form_rules.py": ("_ADDED",),
    "eds/sign/pdf_screening.py": ("_ROWS",),
    "eds/country/kz/terms.py": ("ROLES", "IDENTIFICATIONS", "STORAGES", "POLICIES"),
    "eds/verify/report_html.py": ("_WORD",),
    "eds/enroll/wording.py": (
        *("STATES", "NEXT", "REFUSALS", "_CERTIFICATES", "_NEXT_OF_CERTIFICATES", "_REASONS"),
    ),
    "eds/country/kz/__init__.py": ("_LABELS",),
    "eds/country/contract.py": ("HolderKind", "KeyUse"),
    "eds_cli/centre_guide.py": ("_WORDS",),
    "eds_cli/hints.py": ("HINTS",),
    "eds_cli/advice.py": ("ADVICE", "OF_THE_LOG"),
    "eds_cli/main.py": ("COMMANDS",),
    "eds_cli/atlas.py": ("USERS",),
    "eds_cli/speech.py": ("COMPUTED",),
}


def used() -> dict[str, list[str]]:
    """Every message → the modules that use it, in the order of modules and lines."""
    found: dict[str, dict[str, None]] = {}
    for folder in SOURCES:
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder).as_posix()
            for message in messages_of(path.read_text(encoding="utf-8"), name):
                if message:
                    found.setdefault(message, {})[name] = None
    return {message: list(places) for message, places in found.items()}


def messages_of(source: str, name: str) -> Iterator[str]:
    """The messages of one module."""
    tree = ast.parse(source)
    tables = TABLES.get(name, ())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _of_call(node)
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                named = target.attr if isinstance(target, ast.Attribute) else ast.unparse(target)
                if named in tables:
                    yield from _values(node.value)
                elif named in {"says", "thing"}:
                    yield from _literals(node.value)
        elif isinstance(node, ast.ClassDef) and node.name in tables:
            for row in node.body:
                if isinstance(row, ast.Assign):
                    yield from _literals(row.value)


def _of_call(node: ast.Call) -> Iterator[str]:
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    if name in SPEAKING and node.args:
        if isinstance(node.args[0], ast.JoinedStr):
            sys.exit(f"no literal, so nothing to translate: {ast.unparse(node)}")
        yield from _literals(node.args[0])
    if (argument := SAYING.get(name)) is not None:
        yield from (
            text for one in node.keywords if one.arg == argument for text in _literals(one.value)
        )
        position = POSITIONS.get(name)
        if position is not None and len(node.args) > position:
            yield from _literals(node.args[position])


def _literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


def _values(node: ast.expr) -> Iterator[str]:
    """The values of a dict, the arguments of what is called, the last of a pair."""
    if isinstance(node, ast.Dict):
        for one in node.values:
            yield from _values(one)
    elif isinstance(node, ast.Call):
        for one in node.args:
            yield from _values(one)
    elif isinstance(node, ast.Tuple) and node.elts:
        yield from _values(node.elts[-1])
    elif isinstance(node, ast.Set):
        for one in node.elts:
            starred = one.value if isinstance(one, ast.Starred) else one
            for text in starred.elts if isinstance(starred, ast.Tuple) else [starred]:
                yield from _literals(text)
    elif isinstance(node, ast.DictComp):
        rows = node.generators[0].iter
        for one in rows.elts if isinstance(rows, ast.Tuple) else ():
            yield from _values(one)
    else:
        yield from _literals(node)


# --- catalogues -----------------------------------------------------------------------------------


def catalogue(language: Language) -> list[Entry]:
    path = FOLDER / f"{language.value}.po"
    return list(read_po(path.read_text(encoding="utf-8"))) if path.exists() else []


def faults(language: Language, messages: dict[str, list[str]]) -> Iterator[str]:
    """What is wrong with a catalogue, in sentences."""
    entries = [one for one in catalogue(language) if one.msgid]
    there = {one.msgid: one for one in entries}
    if len(there) != len(entries):
        yield "a message stands twice"
    for message, places in messages.items():
        one = there.get(message)
        if one is None or not one.msgstr:
            yield f"missing: {message!r} ({places[0]})"
        elif one.flags:
            yield f"{', '.join(one.flags)}: {message!r}"
        elif sorted(_fields(message)) != sorted(_fields(one.msgstr)):
            yield f"other fields in braces: {message!r}"
        elif _ends(message) != _ends(one.msgstr):
            yield f"another end: {message!r}"
    yield from (f"nobody says: {one!r}" for one in there if one not in messages)


def _fields(text: str) -> list[str]:
    return [f"{name}!{how}" for _, name, _, how in string.Formatter().parse(text) if name]


def _ends(text: str) -> str:
    return text[-1] if text[-1] in ".:?… \n" else ""


def updated(language: Language, messages: dict[str, list[str]]) -> str:
    """The catalogue with all messages and no others."""
    entries = catalogue(language)
    there = {one.msgid: one for one in entries if one.msgid}
    header = next((one for one in entries if not one.msgid), Entry())
    header.msgstr = header.msgstr or (
        "Project-Id-Version: eds\n"
        f"Language: {language.value}\n"
        "MIME-Version: 1.0\n"
        "Content-Type: text/plain; charset=UTF-8\n"
        "Content-Transfer-Encoding: 8bit\n"
    )
    kept = [header]
    for message, places in messages.items():
        one = there.get(message, Entry())
        one.msgid, one.places = message, places
        kept.append(one)
    return write_po(kept)


def write_po(entries: list[Entry]) -> str:
    return "\n".join("".join(f"{line}\n" for line in _lines(one)) for one in entries)


def _lines(entry: Entry) -> Iterator[str]:
    yield from (f"#: {place}" for place in entry.places)
    if entry.flags:
        yield f"#, {', '.join(entry.flags)}"
    for field in ("msgid", "msgstr"):
        text = getattr(entry, field)
        if "\n" in text[:-1]:
            yield f'{field} ""'
            yield from map(_quoted, text.splitlines(keepends=True))
        else:
            yield f"{field} {_quoted(text)}"


def _quoted(text: str) -> str:
    for letter in ("\\", '"'):
        text = text.replace(letter, f"\\{letter}")
    return '"' + text.replace("\n", "\\n").replace("\t", "\\t") + '"'


def main(arguments: list[str]) -> int:
    messages = used()
    status = 0
    for language in Language:
        if language is Language.ENGLISH:
            continue
        if "--update" in arguments:
            path = FOLDER / f"{language.value}.po"
            path.write_text(updated(language, messages), encoding="utf-8")
        for fault in faults(language, messages):
            print(f"{language.value}: {fault}")
            status = 1
    print(f"{len(messages)} messages")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
