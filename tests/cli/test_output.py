"""How results look: untrusted text escaped, columns aligned, JSON in ASCII."""

from __future__ import annotations

import json
import os

import pytest

from eds_cli import output
from eds_cli.output import Shown, escape, plain, show, show_table, tree, width_of


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ТЕСТОВ ТЕСТ", "ТЕСТОВ ТЕСТ"),
        ("Әлиева", "Әлиева"),
        ("日本", "日本"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b31m", r"\x9b31m"),
        ("a\rb\nc\td", r"a\rb\nc\td"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("\u200bzero\ufeff", r"\u200bzero\ufeff"),
        ("\u2066x\u2069", r"\u2066x\u2069"),
        ("\udc80", r"\udc80"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_is_not_plainly_visible_is_escaped(text: str, shown: str) -> None:
    assert escape(text) == shown
    assert escape(text).isprintable()


def test_nested_facts_stand_below_their_label() -> None:
    facts = {
        "a": 1,
        "long_label": "x",
        "nothing": None,
        "empty": [],
        "inner": {"b": True, "sha256": "00"},
        "many": [{"c": 1, "d": 2}, {"c": 3, "d": None}],
        "lines": ["one", Shown(2, "two")],
        "hidden": Shown(1, ""),
    }
    assert list(tree(facts)) == [
        "a           1",
        "long label  x",
        "inner",
        "  b        yes",
        "  SHA-256  00",
        "many",
        "  - c  1",
        "    d  2",
        "  - c  3",
        "lines       one",
        "            two",
    ]
    assert plain(facts)["lines"] == ["one", 2]
    assert plain(facts)["hidden"] == 1
    assert plain(facts)["nothing"] is None


def test_labels_and_values_of_others_are_escaped() -> None:
    assert list(tree({"a\x1bb": "\x1b]0;x\x07", "n": {"k\n": ["\r"]}})) == [
        r"a\x1bb  \x1b]0;x\x07",
        "n",
        r"  k\n  \r",
    ]


def test_a_long_value_wraps_below_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "columns", lambda: 40)
    lines = list(tree({"name": "CN=" + "A" * 20 + ",O=" + "B" * 20, "hex": "ab" * 40}))
    assert lines[:2] == ["name  CN=" + "A" * 20 + ",", "      O=" + "B" * 20]
    assert max(map(width_of, lines)) <= 40
    assert "".join(line[6:] for line in lines[2:]) == "ab" * 40


def test_a_list_below_a_width_is_cut_and_never_below_no_width(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [("a", "x" * 60), ("日本", "y\x1b")]
    show_table(("K", "VALUE"), rows)
    assert capsys.readouterr().out.splitlines() == [
        "K     VALUE",
        "a     " + "x" * 60,
        r"日本  y\x1b",
    ]
    monkeypatch.setattr(output, "columns", lambda: 20)
    show_table(("K", "VALUE"), rows)
    assert capsys.readouterr().out.splitlines()[1] == "a     " + "x" * 13 + "…"


def test_json_is_ascii_and_steers_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    show({"a": "\x1b\x7f\x9b\u202eЖ\udc80"}, as_json=True)
    text = capsys.readouterr().out
    assert text.isascii()
    assert not set(text) & {"\x1b", "\x7f"}
    assert json.loads(text) == {"a": "\x1b\x7f\x9b\u202eЖ\udc80"}


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        (True, {}, True),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"TERM": "dumb"}, False),
        (False, {}, False),
    ],
)
def test_colour_is_for_terminals_that_want_it(
    terminal: bool,
    environment: dict[str, str],
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert "NO_COLOR" not in os.environ or not coloured
    monkeypatch.setattr(output, "is_terminal", lambda: terminal)
    assert ("\x1b[" in output.paint("x", fg="red")) is coloured
