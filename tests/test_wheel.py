"""What is released: an sdist, and the wheel that it makes, in an environment of its own.

Nothing is fetched. The environment sees the packages of this one through a guard, which lets in
what the project declares and what that declares in turn, and nothing else.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = sorted(set(PROJECT["optional-dependencies"]) - {"dev", "docs", "fuzz"})
# What signatures and certificates of others come in; ours are made when the tests run.
FOREIGN = frozenset(
    {
        *(".p12", ".pfx", ".jks", ".pem", ".cer", ".crt", ".der", ".csr", ".p10", ".crl", ".ocsp"),
        *(".tst", ".tsr", ".p7s", ".p7m", ".p7b", ".cms", ".sig", ".pdf", ".asice", ".asics"),
        *(".zip", ".gz", ".bin", ".docx", ".xlsx"),
    }
)
LARGEST = 1 << 20  # octets; only the font comes near

GUARD = """
import importlib.abc, json, pathlib, sys
DENIED = frozenset(json.loads(pathlib.Path(__file__).with_name("denied.json").read_text()))
class Guard(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in DENIED:
            raise ModuleNotFoundError(f"not declared: {name}", name=name)
sys.meta_path.insert(0, Guard())
"""

EVERY_MODULE = """
import importlib, pkgutil, sys
import eds, eds_cli
for package in (eds, eds_cli):
    for one in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        # Migrations are run by Alembic and imported by nobody.
        if not one.name.endswith((".__main__", ".env")) and ".versions." not in one.name:
            importlib.import_module(one.name)
print(eds.__file__)
"""


def hatchling(target: str, *, source: Path, out: Path) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", out],
        cwd=source,
        check=True,
        capture_output=True,
    )
    (made,) = out.iterdir()
    return made


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the sdist, unpacked."""
    folder = tmp_path_factory.mktemp("sdist")
    made = hatchling("sdist", source=ROOT, out=folder / "made")
    with tarfile.open(made) as archive:
        # The first releases of Python 3.11 know no filters; the archive is our own.
        safely: Any = {"filter": "data"} if hasattr(tarfile, "data_filter") else {}
        archive.extractall(folder / "files", **safely)
    (unpacked,) = (folder / "files").iterdir()
    return unpacked


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made from the sdist and not from the checkout."""
    return hatchling("wheel", source=sdist, out=tmp_path_factory.mktemp("wheel") / "made")


def closure(*extras: str) -> frozenset[str]:
    """The distributions that the project and these extras ask for, and what they ask for."""
    wanted = [(Requirement(one), "") for one in PROJECT["dependencies"]]
    for extra in extras:
        wanted += [(Requirement(one), "") for one in PROJECT["optional-dependencies"][extra]]
    found: set[str] = set()
    while wanted:
        requirement, extra = wanted.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": extra}):
            continue
        seen = {name, *(f"{name}[{one}]" for one in requirement.extras)} - found
        found |= seen
        try:
            asked = distribution(name).requires or []
        except PackageNotFoundError:
            continue
        if seen:
            inner = [Requirement(one) for one in asked]
            wanted += [(one, of) for one in inner for of in ("", *requirement.extras)]
    return frozenset(one for one in found if "[" not in one)


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the wheel and the guard; the folder of its programs."""
    folder = tmp_path_factory.mktemp("venv") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"),
            *("--python", folder / "bin" / "python", "install", "--no-deps", "--no-compile"),
            *("--no-index", wheel),
        ],
        check=True,
        capture_output=True,
    )
    (site,) = folder.glob("lib/python*/site-packages")
    # Not as sitecustomize: some systems have one of their own, which comes first.
    (site / "only_declared.py").write_text(GUARD, encoding="utf-8")
    shared = f"{Path(pytest.__file__).parents[1]}\nimport only_declared\n"
    (site / "shared.pth").write_text(shared, encoding="utf-8")
    return folder / "bin"


def allow(environment: Path, distributions: frozenset[str]) -> None:
    """Let in these distributions, and none of the others that are installed here."""
    (site,) = environment.parent.glob("lib/python*/site-packages")
    denied = sorted(
        top
        for top, names in packages_distributions().items()
        if not {canonicalize_name(name) for name in names} & {*distributions, PROJECT["name"]}
    )
    (site / "denied.json").write_text(json.dumps(denied), encoding="utf-8")


def run(environment: Path, program: str, *arguments: str | Path, folder: Path) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env |= {"HOME": str(folder), "TMPDIR": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [environment / program, *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_the_sdist_carries_the_project_and_nothing_of_others(sdist: Path) -> None:
    files = [path.relative_to(sdist) for path in sdist.rglob("*") if path.is_file()]
    assert {"pyproject.toml", "README.md", "LICENSE", "Makefile"} <= {str(path) for path in files}
    assert {path.parts[0] for path in files} >= {"src", "cli", "tests", "docs", "examples"}
    foreign = [path for path in files if path.suffix.lower() in FOREIGN]
    assert [str(path) for path in foreign] == []
    large = [path for path in files if (sdist / path).stat().st_size > LARGEST]
    assert [str(path) for path in large] == []


def test_the_wheel_carries_the_packages_with_their_data_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    tops = {PurePosixPath(name).parts[0] for name in names}
    (info,) = (one for one in tops if one.endswith(".dist-info"))
    assert tops == {"eds", "eds_cli", info}
    # Every file that git keeps below the packages, code and data.
    for folder, package in ((ROOT / "src", "eds"), (ROOT / "cli", "eds_cli")):
        there = {
            path.relative_to(folder).as_posix()
            for path in (folder / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert there == {name for name in names if name.startswith(f"{package}/")}
    assert {"eds/locale/kk.po", "eds/sign/fonts/EDSSans.ttf", "eds/py.typed"} <= names


def test_the_wheel_signs_and_verifies_with_what_is_declared_alone(
    environment: Path, sdist: Path, tmp_path: Path
) -> None:
    allow(environment, closure())
    assert "Sign documents." in run(environment, "eds", "--help", folder=tmp_path)
    assert "Құжаттарға қол қою." in run(environment, "eds", "--language", "kk", folder=tmp_path)
    assert run(environment, "eds", "--version", folder=tmp_path).strip() == (
        f"eds {PROJECT['version']}"
    )
    said = run(environment, "python", sdist / "examples" / "sign_and_verify.py", folder=tmp_path)
    assert "verified: TOTAL_PASSED" in said
    assert "verified: TOTAL_FAILED" in said


def test_every_module_imports_what_is_declared_alone(environment: Path, tmp_path: Path) -> None:
    allow(environment, closure(*EXTRAS))
    said = run(environment, "python", "-c", EVERY_MODULE, folder=tmp_path)
    assert Path(said.strip()).is_relative_to(environment.parent)


def test_the_guard_lets_in_nothing_that_is_not_declared(environment: Path, tmp_path: Path) -> None:
    allow(environment, closure())
    for package in ("pytest", "starlette"):
        with pytest.raises(AssertionError, match=f"not declared: {package}"):
            run(environment, "python", "-c", f"import {package}", folder=tmp_path)
