"""Files stay old or new: killed at every step, and killed at any moment."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from eds.algorithms import ECDSA_P256_SHA256
from eds.errors import (
    KeyExists,
    KeyFileExposed,
    KeyNotFound,
    PasswordIncorrect,
    StoreUnavailable,
)
from eds.keys import durable
from eds.keys.contract import KeyPurpose
from eds.keys.files import FileKeyStore
from tests.keys.harness import CHEAP, Pins
from tests.untraced import untraced

OLD, NEW = b"old" * 1000, b"new" * 2000

# Imports once, then forks a writer for every line it is told; so writers are cheap to kill.
NURSERY = """
import os, sys
from pathlib import Path
from eds.keys import durable
from eds.keys.contract import PinKind, Secret
from eds.keys.files import FileKeyStore
from eds.keys.pbe import Scrypt

def die_at(path, act, last):
    # At the step of that number the writer is gone, as by a power cut: nothing cleans up.
    seen = 0
    def step(name):
        nonlocal seen
        if seen == int(last):
            os._exit(9)
        seen += 1
    getattr(durable, act)(Path(path), b"new" * 2000, step=step)
    os._exit(100 + seen)

def rewrite(folder):
    at = 0
    while True:
        at += 1
        with durable.locked(Path(folder)):
            durable.clear(Path(folder))
            durable.replace(Path(folder) / "file", bytes([at % 256]) * 20000)

def change(folder, now):
    store = FileKeyStore(Path(folder), cost=Scrypt(cost=2, block_size=1, parallel=1))
    ref = store.find("one")
    while True:
        new = "b" if now == "a" else "a"
        store.change_pin(ref, pin=lambda r: Secret(new if r.kind is PinKind.NEW else now))
        now = new

for line in sys.stdin:
    name, *arguments = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if child == 0:
        globals()[name](*arguments)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Nursery:
    """Starts writers in processes of their own, and ends them."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", NURSERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=untraced(),
        )

    def _line(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def start(self, *words: str | Path | int) -> int:
        """The process identifier of a new writer."""
        assert self._process.stdin is not None
        self._process.stdin.write("\t".join(map(str, words)) + "\n")
        self._process.stdin.flush()
        return self._line()

    def wait(self) -> int:
        """The exit code of the writer."""
        return self._line()

    def run_and_kill(self, *words: str | Path | int, after: float) -> None:
        child = self.start(*words)
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
        assert self.wait() == -signal.SIGKILL

    def close(self) -> None:
        self._process.communicate()


def seconds(act: Callable[[], object]) -> float:
    """What one act takes here and now: the moments to kill at are spread over a few of it."""
    started = time.perf_counter()
    for _ in range(10):
        act()
    return (time.perf_counter() - started) / 10


def fitted(window: float, *, wrote: bool) -> float:
    """The next window: shorter after a write, longer after none, so that kills fall around the
    first write however busy the machine is."""
    return window / 1.2 if wrote else window * 1.2


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.mark.parametrize("act", ["create", "replace"])
def test_a_writer_killed_at_any_step_leaves_old_or_new(
    act: str, tmp_path: Path, nursery: Nursery
) -> None:
    outcomes = []
    for step in range(20):
        folder = tmp_path / str(step)
        folder.mkdir()
        path = folder / "file"
        if act == "replace":
            path.write_bytes(OLD)
        nursery.start("die_at", path, act, step)
        code = nursery.wait()
        found = path.read_bytes() if path.exists() else b""
        outcomes.append(found)
        assert found in ((OLD, NEW) if act == "replace" else (b"", NEW))
        left = [one for one in folder.iterdir() if one != path]
        assert all(one.stat().st_mode & 0o777 == 0o600 for one in left)
        with durable.locked(folder):
            durable.clear(folder)
        assert [one for one in folder.iterdir() if one != path] == []
        if code >= 100:
            assert found == NEW
            assert step == code - 100  # every step was tried, and there were some
            assert step >= 6
            break
    else:
        pytest.fail("never finished")
    # Once new, always new: there is one instant at which the file changes.
    changes = sum(one != two for one, two in pairwise(outcomes))
    assert changes == 1


def test_a_writer_killed_at_any_moment_leaves_one_whole_file(
    tmp_path: Path, nursery: Nursery
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\0" * 20000)
    window = 4 * seconds(lambda: durable.replace(path, b"\0" * 20000))
    chance = random.Random(9500)
    seen = {0}
    for _ in range(60):
        before = path.read_bytes()[0]
        nursery.run_and_kill("rewrite", tmp_path, after=chance.uniform(0, window))
        data = path.read_bytes()
        assert len(data) == 20000
        assert len(set(data)) == 1
        seen.add(data[0])
        window = fitted(window, wrote=data[0] != before)
    assert len(seen) > 2  # writers did get to write


def test_a_key_store_killed_while_changing_passwords_opens_with_one_of_them(
    tmp_path: Path, nursery: Nursery
) -> None:
    store = FileKeyStore(tmp_path / "keys", cost=CHEAP)
    ref = store.generate(
        label="one",
        algorithm=ECDSA_P256_SHA256,
        purpose=KeyPurpose.SIGNATURE,
        pin=Pins(current="a"),
    )
    window = 4 * seconds(lambda: store.change_pin(ref, pin=Pins(current="a", new="a")))
    chance, now, changes = random.Random(2268), "a", 0
    for _ in range(40):
        nursery.run_and_kill("change", store.folder, now, after=chance.uniform(0, window))
        opened = []
        for password in "ab":
            with suppress(PasswordIncorrect):
                store.export(ref, pin=Pins(current=password))
                opened.append(password)
        assert len(opened) == 1
        changed = opened[0] != now
        window = fitted(window, wrote=changed)
        changes += changed
        now = opened[0]
        assert store.keys() == (ref,)
    assert changes > 0  # writers did get to write


# --- nothing silently overwritten --------------------------------------------------------------


def test_create_never_overwrites(tmp_path: Path) -> None:
    path = tmp_path / "file"
    durable.create(path, OLD)
    with pytest.raises(KeyExists):
        durable.create(path, NEW)
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_create_loses_a_race_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def step(name: str) -> None:
        if name == "link":
            path.write_bytes(b"theirs")

    with pytest.raises(KeyExists):
        durable.create(path, NEW, step=step)
    assert path.read_bytes() == b"theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_create_works_where_there_are_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "as vfat says")

    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "file"
    durable.create(path, NEW)
    assert path.read_bytes() == NEW
    with pytest.raises(KeyExists):
        durable.create(path, OLD)
    assert path.read_bytes() == NEW
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)

    def step(name: str) -> None:
        if name == "sync":
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreUnavailable) as caught:
        durable.replace(path, NEW, step=step)
    assert caught.value.reason == "No space left on device"
    assert path.read_bytes() == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_replace_wants_a_regular_file(tmp_path: Path) -> None:
    with pytest.raises(KeyNotFound):
        durable.replace(tmp_path / "none", NEW)
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(KeyFileExposed):
        durable.replace(tmp_path / "link", NEW)


def test_errors_of_the_system_are_ours(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        durable.create(tmp_path / "none" / "file", NEW)
    with pytest.raises(KeyNotFound):
        durable.read(tmp_path / "none", limit=10)
    with pytest.raises(KeyNotFound):
        durable.remove(tmp_path / "none")
    with pytest.raises(StoreUnavailable):
        durable.read(tmp_path / ("x" * 300), limit=10)
    with pytest.raises(StoreUnavailable):
        durable.read(Path("a\0b"), limit=10)


def test_writers_of_one_folder_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "count"
    durable.create(path, b"0")

    def work() -> None:
        for _ in range(10):
            with durable.locked(tmp_path):
                durable.clear(tmp_path)
                value = int(path.read_bytes())
                durable.replace(path, str(value + 1).encode())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_bytes() == b"40"
