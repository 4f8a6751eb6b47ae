"""The languages of messages, reports and appearances: gettext catalogues beside this module.

A message is its English sentence (the msgid). `locale/LANGUAGE.po` has it in another language and
is read as it is: nothing is compiled, so a source tree, an sdist and a wheel behave alike.
Codes, names, numbers and times are never translated; JSON knows no language.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from gettext import NullTranslations
from pathlib import Path
from typing import Final

from .errors import EdsError, InvalidArgument, MalformedCatalogue, Translate

FOLDER: Final = Path(__file__).parent / "locale"


class Language(StrEnum):
    """A language that people are spoken to in; its value is the tag (RFC 5646)."""

    ENGLISH = "en"
    KAZAKH = "kk"
    RUSSIAN = "ru"
    TAJIK = "tg"


def language_of(tag: str) -> Language:
    """The language of a tag (`kk`, `kk-KZ`) or of a locale (`ru_RU.UTF-8`).

    Raises InvalidArgument for a language that is not spoken here.
    """
    try:
        return Language(re.split(r"[-_.@]", tag, maxsplit=1)[0].lower())
    except ValueError:
        raise InvalidArgument(argument="language", reason="one of " + ", ".join(Language)) from None


def preferred(environment: Mapping[str, str]) -> Language:
    """The language that LC_ALL, LC_MESSAGES or LANG asks for, the first that is set (POSIX).

    English for a locale without words (`C`) and for a language that is not spoken here.
    """
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if locale := environment.get(name):
            try:
                return language_of(locale)
            except InvalidArgument:
                break
    return Language.ENGLISH


def translator(language: str) -> Translate:
    """Gives an English message of this package in `language`.

    Raises InvalidArgument for a language that is not spoken here.
    """
    return translations(language).gettext


def translations(language: str) -> NullTranslations:
    """The catalogue as the standard library's gettext has them. Raises InvalidArgument."""
    return _catalogue(language_of(language))


def message_of(error: EdsError, *, language: str) -> str:
    """What an error says, in `language`. Raises InvalidArgument."""
    return error.told(translator(language))


class Catalogue(NullTranslations):
    """The messages of one language: English → translation; what is not there stays English."""

    def __init__(self, messages: Mapping[str, str]) -> None:
        super().__init__()
        self._messages = messages

    def gettext(self, message: str) -> str:
        return self._messages.get(message) or message


@cache
def _catalogue(language: Language) -> Catalogue:
    if language is Language.ENGLISH:
        return Catalogue({})
    text = (FOLDER / f"{language.value}.po").read_text(encoding="utf-8")
    return Catalogue({one.msgid: one.msgstr for one in read_po(text) if one.msgid})


class Entry:
    """One message of a catalogue: `places` are the modules that use it."""

    __slots__ = ("flags", "msgid", "msgstr", "places")

    def __init__(self) -> None:
        self.msgid = self.msgstr = ""
        self.places: list[str] = []
        self.flags: list[str] = []


_STRING: Final = re.compile(r'(?:(msgid|msgstr) )?"((?:[^"\\]|\\.)*)"')
_ESCAPE: Final = re.compile(r"\\(.)")
_ESCAPES: Final = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}


def read_po(text: str) -> Iterator[Entry]:
    """The entries of a `.po` file (GNU gettext §3), the header first.

    Plural forms and contexts are not used here. Raises MalformedCatalogue.
    """
    entry, field = Entry(), ""
    for number, line in enumerate([*text.splitlines(), ""], start=1):
        if not line.strip():
            if field:
                yield entry
                entry, field = Entry(), ""
        elif line.startswith("#: "):
            entry.places += line[3:].split()
        elif line.startswith("#, "):
            entry.flags += line[3:].split(", ")
        elif not line.startswith("#"):
            found = _STRING.fullmatch(line)
            field = (found and found[1]) or field
            if found is None or not field:
                raise MalformedCatalogue(line=number)
            said = _ESCAPE.sub(lambda one: _ESCAPES.get(one[1], one[0]), found[2])
            setattr(entry, field, getattr(entry, field) + said)
