"""Languages: every message in every catalogue, and people spoken to in their own."""

from __future__ import annotations

import gettext
import importlib
import io
import pickle
import shutil
import subprocess
from pathlib import Path

import pytest

from eds import languages
from eds.enroll.failures import Code
from eds.enroll.states import State
from eds.enroll.wording import NEXT, REFUSALS, STATES, next_step, refusal_in_words, state_in_words
from eds.errors import (
    DocumentRefused,
    InvalidArgument,
    KeyNotFound,
    LimitExceeded,
    MalformedCatalogue,
    PinIncorrect,
    Sentence,
    SignerCertificateRefused,
)
from eds.languages import Language, language_of, message_of, preferred, read_po, translator

messages = importlib.import_module("scripts.messages")

OTHERS = [one for one in Language if one is not Language.ENGLISH]
USED = messages.used()


@pytest.mark.parametrize("language", OTHERS)
def test_every_message_is_in_the_catalogue_as_it_should_be(language: Language) -> None:
    assert list(messages.faults(language, USED)) == []


# Other words for things of the glossary in docs/languages.md: one word for one thing.
ESTRANGED = {
    "kk": ("құпия сөз", "өтінім", "команда", "октет"),
    "ru": ("аявк", "служба регистрации", "октет"),
    "tg": ("папка", "хадамоти бақайдгир", "октет"),
}


@pytest.mark.parametrize("language", OTHERS)
def test_one_thing_has_one_word(language: Language) -> None:
    said = [one.msgstr.lower() for one in messages.catalogue(language)]
    assert [text for text in said for word in ESTRANGED[language] if word in text] == []


def test_the_tool_finds_messages_where_they_stand() -> None:
    source = """
def f(kept):
    say("one {fact}", fact=1)
    self.translate("two" if kept else "three")
    raise DocumentRefused(reason="four")
class Five(EdsError):
    says = "five"
    def __init__(self):
        self.says = "six"
RULE = Rule(code="x", clause="y", says="seven")
"""
    found = list(messages.messages_of(source, "eds/x.py"))
    assert sorted(found) == sorted(["one {fact}", "two", "three", "four", "five", "six", "seven"])
    with pytest.raises(SystemExit, match="no literal"):
        list(messages.messages_of('say(f"{one}")', "eds/x.py"))


def test_the_tool_sees_what_is_missing_left_over_or_misfit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "FOLDER", tmp_path)
    (tmp_path / "kk.po").write_text(
        'msgid "a {b}"\nmsgstr "a"\n\n#, fuzzy\nmsgid "c"\nmsgstr "d"\n\nmsgid "e"\nmsgstr "f"\n\n'
        'msgid "g."\nmsgstr "h"\n',
        encoding="utf-8",
    )
    used = {"a {b}": ["x"], "c": ["x"], "g.": ["x"], "new": ["x"]}
    assert list(messages.faults(Language.KAZAKH, used)) == [
        "other fields in braces: 'a {b}'",
        "fuzzy: 'c'",
        "another end: 'g.'",
        "missing: 'new' (x)",
        "nobody says: 'e'",
    ]


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="no gettext here")
@pytest.mark.parametrize("language", OTHERS)
def test_gettext_reads_the_catalogues_as_we_do(language: Language) -> None:
    path = languages.FOLDER / f"{language.value}.po"
    made = subprocess.run(
        ["msgfmt", "--check", "-o", "-", path], capture_output=True, check=True
    ).stdout
    theirs = gettext.GNUTranslations(io.BytesIO(made))
    ours = translator(language)
    assert all(theirs.gettext(one) == ours(one) != "" for one in USED)


@pytest.mark.parametrize(
    ("text", "line"),
    [('msgid "a"\nmsgstr b\n', 2), ('"a"\n', 1), ('msgid "a\n', 1), ("msgid_plural", 1)],
)
def test_what_is_no_catalogue_is_refused(text: str, line: int) -> None:
    with pytest.raises(MalformedCatalogue) as refused:
        list(read_po(text))
    assert refused.value.line == line


# --- which language -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "kk_KZ.UTF-8"}, "kk"),
        ({"LANG": "kk_KZ.UTF-8", "LC_MESSAGES": "ru_RU.UTF-8"}, "ru"),
        ({"LANG": "kk_KZ.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "kk_KZ.UTF-8", "LC_ALL": ""}, "kk"),  # POSIX: an empty one is not set
        ({"LANG": "tg_TJ"}, "tg"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "ru@cyrillic"}, "ru"),
    ],
)
def test_the_locale_says_the_language(environment: dict[str, str], language: str) -> None:
    assert preferred(environment) == language


def test_a_language_that_is_not_spoken_is_refused() -> None:
    assert language_of("kk-KZ") is Language.KAZAKH
    for tag in ("de", "", "english"):
        with pytest.raises(InvalidArgument):
            translator(tag)


# --- what is said ---------------------------------------------------------------------------------


def test_an_error_speaks_every_language_and_its_facts_stay() -> None:
    error = KeyNotFound(key="policy")  # a fact that happens to be a message
    assert str(error) == "no such key: policy"
    assert message_of(error, language="en") == "no such key: policy"
    assert message_of(error, language="kk") == "мұндай кілт жоқ: policy"
    assert message_of(PinIncorrect(token="{x}"), language="ru") == "токен '{x}' не принял PIN"
    reason = SignerCertificateRefused(reason="it is on hold")
    assert message_of(reason, language="tg").endswith("он боздошта шудааст")
    assert message_of(LimitExceeded(limit="x", allowed=1, found=2), language="ru") == (
        "x: не более 1, найдено 2"
    )


def test_a_reason_with_facts_of_its_own_is_told_too() -> None:
    risks = Sentence.together(
        Sentence("{risk} ({code})", risk=Sentence(says), code=code)
        for says, code in (("it runs scripts", "javascript"), ("it is encrypted", "encrypted"))
    )
    error = DocumentRefused(reason=risks)
    assert str(error) == (
        "the document is not signed: it runs scripts (javascript); it is encrypted (encrypted)"
    )
    assert message_of(error, language="ru") == (
        "документ не подписан: в нём выполняются сценарии (javascript); он зашифрован (encrypted)"
    )
    copied = pickle.loads(
        pickle.dumps(Sentence("the form field {field} was filled in", field="{x}"))
    )
    assert copied == "the form field {x} was filled in"
    assert copied.told(translator("ru")) == "заполнено поле {x}"
    assert error.reason == "it runs scripts (javascript); it is encrypted (encrypted)"


def test_every_state_has_its_words_and_its_next_step_and_every_refusal_too() -> None:
    assert set(STATES) == set(NEXT) == set(State)
    assert set(REFUSALS) == {*(one.value for one in Code), "not_accepted"}
    assert state_in_words(State.ACTIVE, language="kk") == (
        "Сертификат жарамды, оны пайдалануға болады."
    )
    assert next_step(State.LOCKED, language="ru").startswith("Придите в центр обслуживания")
    assert refusal_in_words("code_wrong", language="tg") == "Рамз нодуруст аст."
    assert refusal_in_words("unheard_of", language="tg") == "unheard_of"
