"""Many threads and processes at one token, and forks; each program in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.keys.softhsm import PIN, needs_softhsm, new_tokens
from tests.untraced import untraced

pytestmark = needs_softhsm
ROOT = Path(__file__).parents[2]

BEGIN = f"""
import os, sys, threading, time, traceback
from eds.algorithms import ECDSA_P256_SHA256, RSA_PKCS1_SHA256
from eds.errors import EdsError
from eds.keys import KeyPurpose, Secret, open_keystore

ALGORITHMS = {{"ec": ECDSA_P256_SHA256, "rsa": RSA_PKCS1_SHA256}}
SIGNATURE = KeyPurpose.SIGNATURE
tries = 0

def pin(request):
    global tries
    tries += 1
    return Secret({PIN!r})

def keystore():
    return open_keystore("pkcs11:token=threads", module="softhsm2")

def check(key, signature, message):
    assert key.public_key.verify(signature, message, algorithm=ALGORITHMS[key.label])

def child(work):
    number = os.fork()
    if number:
        return number
    status = 1
    try:
        work()
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)

def wait(number):
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found, status = os.waitpid(number, os.WNOHANG)
        if found:
            assert status == 0, status
            return
        time.sleep(0.01)
    os.kill(number, 9)
    os.waitpid(number, 0)
    raise SystemExit("a child hangs")
"""
MAKE = """
for label, algorithm in ALGORITHMS.items():
    keystore().generate(
        label=label, algorithm=algorithm, purpose=SIGNATURE, pin=pin, rsa_bits=2048
    )
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    found = new_tokens(tmp_path, "threads")
    finish(start(untraced(found), MAKE))
    return found


def start(environment: dict[str, str], text: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-c", BEGIN + text, *arguments],
        env=environment,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    try:
        said, complaints = process.communicate(timeout=90)
    except subprocess.TimeoutExpired:
        process.kill()
        pytest.fail("stuck: " + process.communicate()[1])
    assert process.returncode == 0, complaints
    return said


CROWD = """
number, rounds = int(sys.argv[1]), int(sys.argv[2])
store = keystore()
keys = {label: store.find(label) for label in ALGORITHMS}
begun, signed, failed = [], [], []

def work(thread):
    label = "rsa" if thread == 0 else "ec"
    at = 0
    try:
        for _ in range(rounds):
            # The login comes and goes with the last that is open.
            with store.open(keys[label], purpose=SIGNATURE, pin=pin) as signer:
                for _ in range(20):
                    message = f"{number} {thread} {at}".encode()
                    begun.append(message)
                    signed.append((keys[label], signer.sign(message), message))
                    at += 1
    except BaseException:
        failed.append(traceback.format_exc())

threads = [threading.Thread(target=work, args=(thread,)) for thread in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert not failed, failed[0]
for key, signature, message in signed:
    check(key, signature, message)
assert sorted(begun) == sorted(message for _, _, message in signed)
print(len(signed))
"""


def test_no_signature_of_a_crowd_is_wrong_or_lost(environment: dict[str, str]) -> None:
    crowd = [start(untraced(environment), CROWD, str(number), "8") for number in range(4)]
    assert [int(finish(process)) for process in crowd] == [4 * 8 * 20] * 4


def test_processes_that_open_at_once_do_not_disturb_each_other(environment: dict[str, str]) -> None:
    opening = """
for _ in range(10):
    store = keystore()
    with store.open(store.find("ec"), purpose=SIGNATURE, pin=pin) as signer:
        check(signer.key, signer.sign(b"x"), b"x")
assert tries == 10  # nobody was asked twice because of the others
"""
    crowd = [start(untraced(environment), opening) for _ in range(8)]
    for process in crowd:
        finish(process)


FORK = """
store = keystore()
key = store.find("ec")
with store.open(key, purpose=SIGNATURE, pin=pin) as signer:
    check(key, signer.sign(b"parent"), b"parent")

    def work():
        try:
            signer.sign(b"child")
            raise SystemExit("signed with what the parent opened")
        except EdsError as error:
            assert error.code == "keys.operation_unsupported", error.code
        with store.open(key, purpose=SIGNATURE, pin=pin) as anew:
            assert tries == before + 1  # a login does not pass to a child
            check(key, anew.sign(b"child"), b"child")
            try:
                signer.sign(b"child")
                raise SystemExit("signed with what the parent opened")
            except EdsError as error:
                assert error.code == "keys.operation_unsupported", error.code

    before = tries
    for _ in range(3):
        wait(child(work))
    check(key, signer.sign(b"parent again"), b"parent again")
    assert tries == before
"""

FORK_AMID_THREADS = """
store = keystore()
key = store.find("ec")
over = threading.Event()
signed, failed = [], []
with store.open(key, purpose=SIGNATURE, pin=pin) as signer:

    def sign():
        try:
            # Verified later: `cryptography` imports when it verifies, and a fork in the middle of
            # that leaves the child the lock of an import (CPython, any thread that imports).
            while not over.is_set():
                signed.append(signer.sign(b"x"))
        except BaseException:
            failed.append(traceback.format_exc())

    def work():
        with store.open(key, purpose=SIGNATURE, pin=pin) as anew:
            check(key, anew.sign(b"child"), b"child")

    threads = [threading.Thread(target=sign) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        wait(child(work))  # a fork does not starve behind those who sign
    over.set()
    for thread in threads:
        thread.join()
    assert not failed, failed[0]
    assert signed
    for signature in signed:
        check(key, signature, b"x")
"""

FORK_EXIT = """
store = keystore()
key = store.find("ec")
number = 0
with store.open(key, purpose=SIGNATURE, pin=pin) as signer:
    number = os.fork()
    if number:
        wait(number)
        check(key, signer.sign(b"x"), b"x")  # the child's way out closed nothing of ours
"""


@pytest.mark.parametrize("text", [FORK, FORK_AMID_THREADS, FORK_EXIT])
def test_a_child_opens_anew_and_the_parent_signs_on(environment: dict[str, str], text: str) -> None:
    finish(start(environment, text))


THIRTY = """
store = keystore()
with store.open(store.find("ec"), purpose=SIGNATURE, pin=pin) as signer:
    signed = []
    def work():
        for at in range(20):
            signed.append(signer.sign(b"x"))
    threads = [threading.Thread(target=work) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(signed) == 600
    assert tries == 1
"""


def test_more_threads_than_sessions_wait_for_each_other(environment: dict[str, str]) -> None:
    finish(start(untraced(environment), THIRTY))


FOREIGN = """
import pkcs11
from eds.keys.pkcs11_paths import module_path
library = pkcs11.lib(module_path(path=None, name="softhsm2", environment=None))
theirs = library.get_token(token_label="threads").open()
store = keystore()  # C_Initialize(NULL) was called before
with store.open(store.find("ec"), purpose=SIGNATURE, pin=pin) as signer:
    failed = []
    def work():
        try:
            for at in range(200):
                check(signer.key, signer.sign(b"x"), b"x")
        except BaseException:
            failed.append(traceback.format_exc())
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed[0]
assert list(theirs.get_objects({}))  # and their session lives
"""


def test_a_module_that_somebody_else_initialised_is_left_so(environment: dict[str, str]) -> None:
    finish(start(environment, FOREIGN))


def test_p11_kit_gives_the_same_token(environment: dict[str, str], tmp_path: Path) -> None:
    from eds.errors import ModuleUnavailable
    from eds.keys.pkcs11_paths import module_path

    try:
        module_path(path=None, name="p11-kit-proxy", environment=None)
    except ModuleUnavailable:
        pytest.skip("no p11-kit")
    finish(start(untraced(environment), CROWD.replace("keystore()", PROXY), "0", "4"))


PROXY = 'open_keystore("pkcs11:token=threads", module="p11-kit-proxy")'
