"""The plan of the house as data, and the proof that what checks it bites.

A new module, room or package is refused until it has a row here: that is the moment to ask
where it belongs.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.architecture import (
    COMMAND_LINE,
    FACADE,
    Plan,
    Violation,
    cycle,
    module_graph,
    violations,
)

ROOT = Path(__file__).parents[1]
SOURCE_FOLDERS = (ROOT / "src", ROOT / "cli")


def rooms(*names: str) -> frozenset[str]:
    return frozenset(names)


GROUND = (
    "algorithms",
    "ber",
    "certificates",
    "certificatelists",
    "departures",
    "diagnosis",
    "der",
    "extensions",
    "formats",
    "gostkeys",
    "languages",
    "names",
    "ocsp",
    "pem",
    "persons",
    "publickeys",
    "requests",
    "signeddata",
    "signedstream",
    "signedstream",
    "timestamps",
    "tolerances",
    "values",
)
PACKAGES = (
    *("gost", "country", "keys", "verify", "sign"),
    *("audit", "ca", "enroll", "login", "http"),
)
LIBRARY = rooms("errors", "gost", "ground", *PACKAGES)

IMPORTS: Mapping[str, frozenset[str]] = MappingProxyType({
    "errors": rooms(),
    "gost": rooms("errors"),
    "ground": rooms("errors", "gost"),
    "country": rooms("errors", "ground"),
    "keys": rooms("errors", "ground"),
    # Relying on a signature needs no key: neither keys, sign nor ca.
    "verify": rooms("errors", "ground", "country"),
    "sign": rooms("errors", "ground", "keys", "verify"),
    "audit": rooms("errors", "ground", "keys"),
    "ca": rooms("errors", "ground", "keys", "country", "audit"),
    # The desk never holds a citizen's private key: never keys.
    "enroll": rooms("errors", "ground", "country", "ca", "verify", "audit"),
    "login": rooms("errors", "ground", "country", "verify"),
    "http": LIBRARY - {"http"},
    FACADE: LIBRARY - {"http"},
    COMMAND_LINE: LIBRARY | {FACADE},
})  # fmt: skip

SOURCE = rooms("eds/*")
NETWORK = rooms("eds/verify/exchange.py", "eds/http/*")
CLOCK = rooms("eds_cli/*", "eds/http/*")
WEB = rooms("eds/http/*")
NOWHERE = rooms()
# Nowhere in the library; the command line may.
NOT_IN_SOURCE = rooms("eds_cli/*")

DOORS: Mapping[str, frozenset[str]] = MappingProxyType({
    # The floor: anywhere below the command line.
    "cryptography": SOURCE,
    # Only for what `cryptography` cannot read.
    "asn1crypto": rooms("eds/ber.py", "eds/keys/pkcs12.py"),
    "pkcs11": rooms("eds/keys/pkcs11*.py"),
    "gmpy2": rooms("eds/gost/acceleration.py"),
    # Calls into C that nothing checks: the tokens' interface, and GOST by the system's libraries.
    "ctypes": rooms("eds/keys/pkcs11*.py", "eds/gost/libcrypto.py", "eds/gost/nativehashes.py"),
    "pyhanko": rooms("eds/sign/pdf*.py", "eds/verify/pdf_*.py"),
    # The letters and codes of visible signatures.
    **dict.fromkeys(("fontTools", "uharfbuzz"), rooms("eds/sign/pdf_appearance.py")),
    "segno": rooms("eds/sign/pdf_appearance.py", "eds/http/qrcodes.py"),
    "sqlalchemy": rooms(
        *("eds/*/store.py", "eds/ca/database.py", "eds/ca/register.py", "eds/ca/tables.py"),
        *("eds/ca/received.py", "eds/ca/issuing.py", "eds/ca/mass.py", "eds/*/migrations/*"),
        *("eds/enroll/tables.py", "eds/audit/statements.py"),
    ),
    "alembic": rooms("eds/*/migrations/*"),
    # XML that others signed.
    **dict.fromkeys(("lxml", "signxml"), rooms("eds/verify/trustedlist.py")),
    "click": rooms("eds_cli/*"),
    **dict.fromkeys(("starlette", "fastapi", "uvicorn", "httptools"), WEB),
    **dict.fromkeys(("granian", "flask", "django"), WEB),
    **dict.fromkeys(("requests", "aiohttp", "httpx", "urllib3", "websockets"), NETWORK),
    **dict.fromkeys(("socketserver", "ssl", "ftplib", "smtplib", "xmlrpc"), NETWORK),
    # The examiners of `eds serve` listen in a private folder, for its workers alone.
    "socket": NETWORK | {"eds_cli/examining.py"},
    **dict.fromkeys(("http.client", "http.server", "urllib.request"), NETWORK),
    **dict.fromkeys(("subprocess", "pty", "runpy", "multiprocessing"), NOT_IN_SOURCE),
    # Reading these runs what the bytes say.
    **dict.fromkeys(("pickle", "marshal", "shelve"), NOWHERE),
    # Guessable; `secrets` is not.
    "random": NOWHERE,
})  # fmt: skip

CALLS: Mapping[str, frozenset[str]] = MappingProxyType({
    **dict.fromkeys(
        (
            *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"),
            *("datetime.date.today", "time.time", "time.time_ns", "time.localtime"),
            *("time.gmtime", "time.ctime", "time.clock_gettime", "time.clock_gettime_ns"),
            "uuid.uuid1",
        ),
        CLOCK,
    ),
    **dict.fromkeys(("asyncio.open_connection", "asyncio.start_server"), NETWORK),
    **dict.fromkeys(
        (
            *("os.system", "os.popen", "os.startfile", "os.posix_spawn", "os.posix_spawnp"),
            *("os.fork", "os.forkpty"),  # a server's threads do not survive it
            *(f"os.exec{kind}" for kind in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
            *(f"os.spawn{kind}" for kind in ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")),
            *("asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell"),
        ),
        NOT_IN_SOURCE,
    ),
    # An import by a computed name would walk around this test; re-exports on demand need it.
    "importlib.import_module": rooms("eds/__init__.py", "eds/*/__init__.py", "eds_cli/*"),
})  # fmt: skip

BUILTINS: Mapping[str, frozenset[str]] = MappingProxyType({
    **dict.fromkeys(("print", "input", "breakpoint"), NOT_IN_SOURCE),
    **dict.fromkeys(("eval", "exec", "__import__"), NOWHERE),
})  # fmt: skip

PLAN = Plan(
    modules=MappingProxyType(
        {
            "errors": "errors",
            **dict.fromkeys(GROUND, "ground"),
            **{package: package for package in PACKAGES},
        }
    ),
    imports=IMPORTS,
    packages=DOORS,
    calls=CALLS,
    builtins=BUILTINS,
    # `python -O` removes them; a check that may vanish is none.
    asserts=NOT_IN_SOURCE,
    module_names=rooms("utils", "util", "helpers", "helper", "common", "misc"),
)

# Packages that cost over 50 ms to import, or open the way to a device or a network.
HEAVY = ("aiohttp", "alembic", "lxml", "pkcs11", "pyhanko", "sqlalchemy", "starlette")


pytestmark = pytest.mark.untraced  # it reads the sources, and runs none


@pytest.fixture(scope="module")
def sources() -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
        for folder in SOURCE_FOLDERS
        for path in sorted(folder.rglob("*.py"))
    }


def test_the_house_keeps_its_plan(sources: dict[str, str]) -> None:
    assert sources
    assert lines(violations(sources, PLAN)) == []


def test_the_table_of_imports_has_no_cycle() -> None:
    assert cycle(IMPORTS) == []


def test_the_modules_import_one_way(sources: dict[str, str]) -> None:
    assert cycle(module_graph(sources)) == []


def test_each_room_of_the_table_can_be_reached() -> None:
    assert set(IMPORTS) == {*PLAN.modules.values(), FACADE, COMMAND_LINE}


@pytest.mark.parametrize("module", ["eds", "eds_cli.main"])
def test_heavy_packages_are_imported_only_where_used(module: str) -> None:
    code = f"import sys, {module}; print(*sorted(set(sys.modules) & set({HEAVY!r})))"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert loaded.stdout.split() == []


# --- the checker bites ----------------------------------------------------------------------


def lines(found: Iterable[Violation]) -> list[str]:
    return [str(violation) for violation in found]


def judge(path: str, text: str) -> list[str]:
    return [f"{violation.rule}: {violation.name}" for violation in violations({path: text}, PLAN)]


BREACHES = {
    "errors may not import ground: eds.der": [("eds/errors.py", "import eds.der")],
    "ground may not import keys: eds.keys.files": [
        ("eds/der.py", "from eds.keys import files"),
        ("eds/der.py", "from .keys import files"),
    ],
    "gost may not import ground: eds.der": [("eds/gost/curve.py", "from .. import der")],
    "verify may not import ca: eds.ca": [("eds/verify/cms.py", "from eds import ca")],
    "verify may not import sign: eds.sign.x": [("eds/verify/cms.py", "from ..sign import x")],
    "enroll may not import keys: eds.keys": [("eds/enroll/desk.py", "import eds.keys as k")],
    "keys may not import eds: eds.open_key": [("eds/keys/files.py", "from eds import open_key")],
    "keys may not import eds: eds": [("eds/keys/files.py", "import eds")],
    "keys may not import cli: eds_cli": [("eds/keys/files.py", "import eds_cli")],
    "eds may not import http: eds.http.app": [("eds/__init__.py", "from .http import app")],
    "login may not import keys: eds.keys.files": [
        ("eds/login/token.py", "def read():\n    from eds.keys import files")
    ],
    "login may not import ca: eds.ca.Register": [
        (
            "eds/login/token.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from eds.ca import Register",
        ),
    ],
    "a private name of another room: eds.der._read": [
        ("eds/keys/x.py", "from eds.der import _read")
    ],
    "cli may not import a stranger: eds._x.y": [("eds_cli/main.py", "from eds._x import y")],
    "no room in the plan: eds.surprise": [
        ("eds/surprise.py", ""),
        ("eds/surprise/__init__.py", ""),
    ],
    "a name that says nothing: utils": [("eds/keys/utils.py", "")],
    "a name that says nothing: common": [("eds_cli/common/output.py", "")],
    "not a door of: pkcs11": [("eds/keys/files.py", "import pkcs11")],
    "not a door of: pyhanko": [("eds/sign/cms.py", "from pyhanko.sign import x")],
    "a package without a door: pyhanko_certvalidator": [
        ("eds/sign/pdf.py", "import pyhanko_certvalidator")
    ],
    "not a door of: sqlalchemy": [("eds/audit/log.py", "import sqlalchemy.orm")],
    "not a door of: asn1crypto": [("eds/der.py", "import asn1crypto.cms")],
    "not a door of: click": [("eds/der.py", "import click")],
    "a package without a door: numpy": [("eds/der.py", "import numpy")],
    "not a door of: cryptography": [("eds_cli/key.py", "from cryptography import x509")],
    "not a door of: starlette": [("eds/login/app.py", "import starlette")],
    "not a door of: pickle": [("eds/keys/files.py", "import pickle")],
    "not a door of: random": [("eds/keys/files.py", "from random import randbytes")],
    "not a door of: socket": [("eds/verify/path.py", "import socket")],
    "not a door of: urllib.request": [
        ("eds/verify/path.py", "import urllib.request"),
        ("eds/verify/path.py", "from urllib import request"),
    ],
    "not a door of: http.client": [
        ("eds/verify/path.py", "import http\nhttp.client.HTTPSConnection")
    ],
    "not a door of: httpx": [("eds_cli/key.py", "import httpx")],
    "not a door of: asyncio.open_connection": [
        ("eds/ca/x.py", "import asyncio\nasyncio.open_connection()")
    ],
    "not a door of: datetime.datetime.now": [
        ("eds/der.py", "import datetime\ndatetime.datetime.now()")
    ],
    "not a door of: datetime.datetime.utcnow": [
        ("eds/der.py", "from datetime import datetime as d\nx = d.utcnow")
    ],
    "not a door of: datetime.date.today": [
        ("eds/der.py", "from datetime import date\ndate.today()")
    ],
    "not a door of: time.time": [
        ("eds/der.py", "import time as t\nt.time()"),
        ("eds/der.py", "from time import time as now\nnow()"),
    ],
    "not a door of: assert": [("eds/der.py", "assert True")],
    "not a door of: print": [("eds/der.py", "print('x')")],
    "not a door of: eval": [("eds/der.py", "eval('1')")],
    "not a door of: subprocess": [("eds/der.py", "import subprocess")],
    "not a door of: os.system": [("eds/der.py", "import os\nos.system('x')")],
    "not a door of: os.popen": [("eds/der.py", "from os import popen\npopen('x')")],
    "not a door of: importlib.import_module": [
        ("eds/keys/x.py", "import importlib\nimportlib.import_module('socket')")
    ],
}


@pytest.mark.parametrize(
    ("breach", "path", "text"),
    [(breach, *case) for breach, cases in BREACHES.items() for case in cases],
)
def test_a_breach_of_the_plan_is_found(breach: str, path: str, text: str) -> None:
    assert judge(path, text) == [breach]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("eds/der.py", "from .errors import MalformedDer"),
        ("eds/keys/files.py", "from ..der import decode\nfrom .contract import _private"),
        ("eds/keys/pkcs11.py", "def load():\n    import pkcs11"),
        ("eds/verify/cms.py", "from cryptography.hazmat.primitives import hashes"),
        ("eds/ca/store.py", "import sqlalchemy"),
        ("eds/verify/exchange.py", "import urllib.request"),
        ("eds/http/ocsp.py", "from datetime import UTC, datetime\ndatetime.now(UTC)"),
        ("eds/http/ocsp.py", "from eds.enroll import Desk\nfrom http import HTTPStatus"),
        ("eds/keys/pkcs11.py", "import time\ntime.monotonic()"),
        ("eds/verify/path.py", "def f(clock, http):\n    clock.now()\n    http.client()"),
        ("eds/verify/path.py", "from urllib.parse import urlsplit\nimport http\nhttp.HTTPStatus"),
        ("eds/__init__.py", "import importlib\nimportlib.import_module('eds.verify')"),
        ("eds_cli/key.py", "import time\nimport click\nfrom eds import open_keystore\ntime.time()"),
        ("eds_cli/main.py", "from eds import __version__\nfrom eds_cli.key import key"),
    ],
)
def test_what_the_plan_allows_passes(path: str, text: str) -> None:
    assert judge(path, text) == []


def test_a_cycle_between_modules_is_found() -> None:
    two_modules = {"eds/der.py": "from . import pem", "eds/pem.py": "def f():\n  import eds.der"}
    assert set(cycle(module_graph(two_modules))) == {"eds.der", "eds.pem"}


def test_a_cycle_for_types_only_is_none() -> None:
    two_modules = {
        "eds/der.py": "from . import pem",
        "eds/pem.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n  import eds.der",
    }
    assert cycle(module_graph(two_modules)) == []
