"""The reference, written anew from signatures and docstrings each time the pages are built.

Sources are read with `ast`, so nothing is imported and what is shown is what stands there. A page
is a room (docs/architecture.md); what begins with an underscore is nobody's interface.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

SOURCES = Path(__file__).parents[1] / "src"
GROUND = "ground"


def write_pages(folder: Path) -> list[Path]:
    """One Markdown page for each room, and an index. What has not changed is left alone."""
    rooms: dict[str, list[Path]] = {}
    for file in sorted((SOURCES / "eds").rglob("*.py")):
        parts = file.relative_to(SOURCES / "eds").parts
        hidden = any(part.startswith("_") and part != "__init__.py" for part in parts)
        if not hidden and "versions" not in parts:  # migrations: released once, called by nobody
            rooms.setdefault(parts[0] if len(parts) > 1 else GROUND, []).append(file)
    folder.mkdir(exist_ok=True)
    written = [folder / f"{room}.md" for room in rooms]
    for page, (room, files) in zip(written, rooms.items(), strict=True):
        body = "\n".join(line for file in files for line in module_lines(file))
        title = "The ground: `eds` itself" if room == GROUND else f"`eds.{room}`"
        _write(page, f"# {title}\n\n{body}")
    index = "\n".join(page.stem for page in written)
    _write(
        folder / "index.md",
        "# Reference\n\nEvery public name of the library with its docstring, room by room.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\n{index}\n```\n",
    )
    for stale in set(folder.glob("*.md")) - {*written, folder / "index.md"}:
        stale.unlink()
    return written


def module_lines(file: Path) -> Iterator[str]:
    """A module as Markdown: its docstring, then its public classes and functions."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    parts = file.relative_to(SOURCES).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    found = [line for node in tree.body for line in _definition(node, "###")]
    said = _docstring(tree)
    if not found and not said:
        return
    yield from (f"## `{name}`", "", *said, "")
    yield from found


def _definition(node: ast.stmt, mark: str) -> Iterator[str]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return
    if node.name.startswith("_"):
        return
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        signature = f"class {node.name}({bases})" if bases else f"class {node.name}"
        fields = [
            f"    {ast.unparse(one)}"
            for one in node.body
            if isinstance(one, ast.AnnAssign) and not ast.unparse(one.target).startswith("_")
        ]
        fields += [
            f"    {ast.unparse(one)}"
            for one in node.body
            if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]).isupper()
        ]
    else:
        given = ast.unparse(node.args)
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        signature = f"{node.name}({given}){returns}"
        fields = []
    decorators = {ast.unparse(one).partition("(")[0] for one in node.decorator_list}
    if "property" in decorators or "cached_property" in decorators:
        returns = ast.unparse(node.returns) if getattr(node, "returns", None) else ""
        signature = f"{node.name}: {returns}"
    yield from (f"{mark} `{node.name}`", "", "```python", signature, *fields, "```", "")
    yield from (*_docstring(node), "")
    if isinstance(node, ast.ClassDef):
        for one in node.body:
            if ast.get_docstring(one) if isinstance(one, ast.FunctionDef) else None:
                yield from _definition(one, "####")


def _docstring(node: ast.AST) -> list[str]:
    said = ast.get_docstring(node) if isinstance(node, _DOCUMENTED) else None
    return inspect.cleandoc(said).splitlines() if said else []


_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _write(page: Path, text: str) -> None:
    if not page.exists() or page.read_text(encoding="utf-8") != text:
        page.write_text(text, encoding="utf-8")
