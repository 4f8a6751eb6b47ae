"""Rules: every one has a code of its own, and stands on the page as it is."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import eds.login
import eds.verify
from eds.verify.findings import Rule

PAGE = Path(__file__).parents[2] / "docs" / "findings.md"


def modules() -> Iterator[str]:
    for package in (eds.verify, eds.login):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            yield found.name


def rules() -> list[Rule]:
    """Every rule that is a constant of a module, once however often it is imported."""
    found: dict[int, Rule] = {}
    for name in modules():
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, Rule):
                found[id(value)] = value
    return list(found.values())


def row(rule: Rule) -> str:
    return f"| `{rule.code}` | {rule.says} | {rule.clause} |"


def test_rules_are_constants_of_modules() -> None:
    """One made elsewhere would be missing from the page."""
    for name in modules():
        source = importlib.import_module(name).__file__
        assert source is not None
        tree = ast.parse(Path(source).read_text(encoding="utf-8"))
        made = {
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "Rule"
        }
        constants = {
            statement.value
            for statement in tree.body
            if isinstance(statement, ast.Assign | ast.AnnAssign)
        }
        assert made <= constants, name


def test_every_rule_has_a_code_of_its_own() -> None:
    codes = [rule.code for rule in rules()]
    assert sorted(codes) == sorted(set(codes))
    for rule in rules():
        assert re.fullmatch(r"[a-z_]+\.[a-z_]+", rule.code), rule.code
        assert re.fullmatch(r"[a-z].*[^.]", rule.says), f"{rule.code}: part of a sentence"
        assert rule.clause, rule.code


def test_page_lists_every_rule_as_it_is() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:3] == "| `"]
    wanted = {row(rule) for rule in rules()}
    assert sorted(wanted - set(rows)) == [], "these rows belong into docs/findings.md"
    assert sorted(set(rows) - wanted) == [], "these rows of docs/findings.md tell of no rule"
    assert rows == sorted(rows), "the rows stand in the order of their codes"
