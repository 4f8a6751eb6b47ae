"""Read Python sources with `ast` and hold them against a plan of rooms and doors.

The plan itself, what may import what, stands as data in `test_architecture.py`. Nothing is
imported or run here: an import inside a function or under `if TYPE_CHECKING` counts like any other.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import NamedTuple

_TYPE_CHECKING = frozenset({"TYPE_CHECKING", "typing.TYPE_CHECKING"})

FACADE = "eds"  # the package itself: what `from eds import …` gives a newcomer
COMMAND_LINE = "cli"


class Violation(NamedTuple):
    """One breach of the plan: where, which rule, and the name that broke it."""

    path: str
    line: int
    rule: str
    name: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Rooms, doors and forbidden acts.

    Paths are relative to the folder that holds `eds` and `eds_cli` (`eds/keys/pkcs11.py`); a
    door is a set of patterns of such paths.
    """

    modules: Mapping[str, str]
    """Module or package that stands directly in `eds` → its room."""
    imports: Mapping[str, frozenset[str]]
    """Room → rooms that it may import."""
    packages: Mapping[str, frozenset[str]]
    """Third-party or standard-library name → doors; the longest prefix of a name decides."""
    calls: Mapping[str, frozenset[str]]
    """Dotted function that may be named only at its doors (the clock, processes)."""
    builtins: Mapping[str, frozenset[str]]
    """Builtin function that may be used only at its doors."""
    asserts: frozenset[str]
    """Doors of the `assert` statement."""
    module_names: frozenset[str]
    """Names that say nothing, refused for any module or package."""

    def room_of(self, module: str) -> str | None:
        """The room of a dotted module, or None where the plan does not know it."""
        first, *rest = module.split(".")
        if first == "eds_cli":
            return COMMAND_LINE
        if not rest:
            return FACADE
        return self.modules.get(rest[0])


def is_at(path: str, doors: frozenset[str]) -> bool:
    return any(fnmatchcase(path, door) for door in doors)


def module_name(path: str) -> str:
    """`eds/keys/__init__.py` → `eds.keys`."""
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_names(tree: ast.Module, path: str) -> Iterator[tuple[ast.AST, str, str]]:
    """Each import as (node, local name, dotted name that it stands for).

    `import a.b` gives `a.b` under the local name `a`; `from a import b` gives `a.b`.
    """
    package = PurePosixPath(path).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.asname or alias.name.partition(".")[0], alias.name
        elif isinstance(node, ast.ImportFrom):
            base = [*package[: len(package) + 1 - node.level]] if node.level else []
            base += [node.module] if node.module else []
            for alias in node.names:
                yield node, alias.asname or alias.name, ".".join([*base, alias.name])


def dotted(node: ast.expr, origins: Mapping[str, str]) -> str | None:
    """What `dt.now` stands for, if `dt` was imported; a name that was not stands for itself."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name) or (parts and node.id not in origins):
        return None
    return ".".join([origins.get(node.id, node.id), *reversed(parts)])


def longest_prefix(name: str, table: Container[str]) -> str | None:
    """`a.b.c`, or else `a.b`, or else `a`: the first that `table` holds."""
    parts = name.split(".")
    prefixes = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((prefix for prefix in prefixes if prefix in table), None)


def violations(sources: Mapping[str, str], plan: Plan) -> list[Violation]:
    """Everything in `sources` (path → text) that the plan does not allow, in order of place."""
    found: set[Violation] = set()
    for path, text in sources.items():
        tree = ast.parse(text, filename=path)
        found.update(_names(path, plan))
        found.update(_imports(tree, path, plan))
        found.update(_acts(tree, path, plan))
    return sorted(found)


def _names(path: str, plan: Plan) -> Iterator[Violation]:
    if plan.room_of(module_name(path)) is None:
        yield Violation(path, 1, "no room in the plan", module_name(path))
    for part in PurePosixPath(path).with_suffix("").parts:
        if part in plan.module_names:
            yield Violation(path, 1, "a name that says nothing", part)


def _imports(tree: ast.Module, path: str, plan: Plan) -> Iterator[Violation]:
    room = plan.room_of(module_name(path))
    for node, _, name in imported_names(tree, path):
        line = getattr(node, "lineno", 1)
        top = name.partition(".")[0]
        if top in {"eds", "eds_cli"}:
            # `from eds import der` names a room; `from eds import validate` the façade.
            target = plan.room_of(name) or (FACADE if name.count(".") == 1 else "a stranger")
            if target == room:
                continue
            if target not in plan.imports.get(room or "", frozenset()):
                yield Violation(path, line, f"{room} may not import {target}", name)
            elif any(part.startswith("_") and part != "__version__" for part in name.split(".")):
                yield Violation(path, line, "a private name of another room", name)
            continue
        door = longest_prefix(name, plan.packages)
        if door is not None:
            if not is_at(path, plan.packages[door]):
                yield Violation(path, line, "not a door of", door)
        elif top not in sys.stdlib_module_names:
            yield Violation(path, line, "a package without a door", top)


def _acts(tree: ast.Module, path: str, plan: Plan) -> Iterator[Violation]:
    origins = {}
    for node, local, name in imported_names(tree, path):
        # `import a.b` binds only `a`.
        plain = isinstance(node, ast.Import) and local == name.partition(".")[0]
        origins[local] = local if plain else name
    for node in ast.walk(tree):
        if isinstance(node, ast.Assert) and not is_at(path, plan.asserts):
            yield Violation(path, node.lineno, "not a door of", "assert")
        if not isinstance(node, ast.Attribute | ast.Name):
            continue
        act = dotted(node, origins)
        if act is None:
            continue
        if isinstance(node, ast.Name) and node.id not in origins:
            if not is_at(path, plan.builtins.get(act, frozenset({"*"}))):
                yield Violation(path, node.lineno, "not a door of", act)
        elif not is_at(path, plan.calls.get(act, frozenset({"*"}))):
            yield Violation(path, node.lineno, "not a door of", act)
        elif isinstance(node, ast.Attribute):
            # `import http` opens no door, but `http.client` through it does.
            door = longest_prefix(act, plan.packages)
            if door and "." in door and not is_at(path, plan.packages[door]):
                yield Violation(path, node.lineno, "not a door of", door)


def cycle(imports: Mapping[str, frozenset[str]]) -> list[str]:
    """The members of one cycle, first and last the same; empty where there is none."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        members: list[str] = error.args[1]
        return members
    return []


def module_graph(sources: Mapping[str, str]) -> dict[str, frozenset[str]]:
    """Module → modules of ours that it imports when it runs, `TYPE_CHECKING` apart.

    Importing `eds.keys.files` runs `eds.keys` too, but that does not count: a package may
    re-export what its modules hold.
    """
    modules = {module_name(path) for path in sources}
    graph: dict[str, frozenset[str]] = {}
    for path, text in sources.items():
        tree = ast.parse(text, filename=path)
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test) in _TYPE_CHECKING:
                node.body = []
        names = (name for _, _, name in imported_names(tree, path))
        targets = {module for name in names if (module := longest_prefix(name, modules))}
        graph[module_name(path)] = frozenset(targets - {module_name(path)})
    return graph
