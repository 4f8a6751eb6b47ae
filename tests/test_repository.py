"""What every commit must keep: no registry, no machine's path, whole locks, true links."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[1]
LOCKS = ("requirements.lock", "requirements-docs.lock", "scripts/lock-tool.lock")

# A class of one letter keeps each pattern from finding itself.
FORBIDDEN = {
    "an option that names a package index": (
        rb"--(?:extra-)?inde[x]-url|--find-link[s][ =]\S*[/:]"
        rb"|\b(?:PI[P]|U[V])_(?:\w+_)?(?:INDEX|FIND_LINKS)"
    ),
    "an address a lock was resolved from": rb'"resolve[d]": *"http|\bregistr[y] *= *"http',
    "the path of one machine": (
        rb"(?<![\w.])/(?:wor[k]|roo[t]|hom[e]/\w+|User[s]/\w+|op[t]/wheels|tm[p]/bash_job[s])\b"
    ),
}
# Files that steer a build name no address at all, so that no index can hide among them.
BUILD_FILES = re.compile(
    r"(\.lock|\.toml|\.cfg|\.in|\.sh|\.ya?ml|(^|/)Makefile|^\.ci/.*|^scripts/.*)$"
)
ADDRESS = re.compile(rb"\bhttps?://")


def committed() -> list[str]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: there is no list of committed files")
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = listed.stdout.decode().split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def findings(name: str, content: bytes) -> Iterator[str]:
    for what, pattern in FORBIDDEN.items():
        for match in re.finditer(pattern, content):
            yield f"{name}: {what}: {match[0].decode(errors='replace')}"
    if BUILD_FILES.search(name) and ADDRESS.search(content):
        yield f"{name}: an address in a file that steers a build"


def pins(lock: str) -> dict[str, tuple[Version, int]]:
    """Each requirement of a lock: its version, and how many hashes it carries."""
    text = (ROOT / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    found = {}
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            requirement, *hashes = re.split(r"\s--hash=", line)
            name, _, version = requirement.partition(";")[0].strip().partition("==")
            found[name] = (
                Version(version),
                sum(re.match(r"sha256:[0-9a-f]{64}\b", h) is not None for h in hashes),
            )
    return found


def links(markdown: str) -> list[str]:
    """Targets inside the repository, without their anchors; code blocks left out."""
    prose = re.sub(r"```.*?```", "", markdown, flags=re.DOTALL)
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", prose)
    return [target for target in targets if ":" not in target]


def project() -> dict[str, object]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        table: dict[str, object] = tomllib.load(file)
    return table


def test_no_committed_file_names_a_registry_or_a_machine() -> None:
    found = [line for name in committed() for line in findings(name, (ROOT / name).read_bytes())]
    assert found == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.md", "pip install --index" + "-url=https://example.org/simple"),
        ("notes.md", "--extra-index" + "-url x"),
        ("run.py", "PIP_" + "INDEX_URL"),
        ("package-lock.json", '"resolved' + '": "https://example.org/a.tgz"'),
        ("notes.md", "see /wor" + "k/main/README.md"),
        ("notes.md", "/roo" + "t/.cache"),
        ("notes.md", "/hom" + "e/aigerim/eds"),
        ("requirements.lock", "x @ https://example.org/x.whl"),
        ("scripts/setup.sh", "curl http://example.org"),
        ("Makefile", "curl http://example.org"),
        (".ci/run", "curl http://example.org"),
    ],
)
def test_a_forbidden_address_or_path_is_found(name: str, content: str) -> None:
    assert list(findings(name, content.encode()))


@pytest.mark.parametrize(
    "content", ["see https://example.org/", "src/work/x", "a/roots/b", "eds/roo" + "t/b", "/tmp/x"]
)
def test_ordinary_text_is_left_alone(content: str) -> None:
    assert list(findings("notes.md", content.encode())) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_each_locked_package_has_a_version_and_hashes(lock: str) -> None:
    locked = pins(lock)
    assert locked
    assert [name for name, (_, hashes) in locked.items() if hashes == 0] == []


def test_the_lock_holds_what_the_project_asks_for() -> None:
    table = project()
    section = table["project"]
    assert isinstance(section, dict)
    build = table["build-system"]
    assert isinstance(build, dict)
    extras = section["optional-dependencies"]
    asked = {
        "requirements.lock": [*section["dependencies"], *extras["dev"], *build["requires"]],
        "requirements-docs.lock": [*section["dependencies"], *extras["docs"]],
    }
    missing = []
    for lock, requirements in asked.items():
        locked = pins(lock)
        for requirement in map(Requirement, requirements):
            version, _ = locked.get(requirement.name, (None, 0))
            if version is None or version not in requirement.specifier:
                missing.append(f"{lock}: {requirement}")
    assert missing == [], "run `make lock`"


def test_the_two_locks_agree() -> None:
    plain, docs = pins("requirements.lock"), pins("requirements-docs.lock")
    differ = {name for name in plain.keys() & docs.keys() if plain[name] != docs[name]}
    assert differ == set(), "run `make lock`"


def test_the_changelog_begins_with_this_version() -> None:
    section = project()["project"]
    assert isinstance(section, dict)
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## \[(.+?)\]", changelog, flags=re.MULTILINE)
    assert headings[0] == section["version"]


def test_each_decision_is_listed_in_the_index() -> None:
    folder = ROOT / "docs" / "adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    decisions = sorted(path.name for path in folder.glob("*.md") if path.name != "README.md")
    assert decisions
    assert [name for name in decisions if f"({name})" not in index] == []
    assert [name for name in decisions if not re.match(r"\d{4}-[a-z0-9-]+\.md$", name)] == []


def test_links_between_documents_lead_somewhere() -> None:
    broken = [
        f"{name}: {target}"
        for name in committed()
        if name.endswith(".md")
        for target in links((ROOT / name).read_text(encoding="utf-8"))
        if not ((ROOT / name).parent / target).exists()
    ]
    assert broken == []
