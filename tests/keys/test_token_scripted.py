"""What SoftHSM never does, done by a module in C that follows a script in front of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.keys.softhsm import PIN, needs_softhsm, new_tokens, softhsm

pytestmark = [
    needs_softhsm,
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler"),
]
HERE = Path(__file__).parent

BEGIN = f"""
import sys, threading
from pathlib import Path
from eds.algorithms import ECDSA_P256_SHA256
from eds.errors import EdsError
from eds.keys import KeyPurpose, PinRequest, Secret, open_keystore

SIGNATURE = KeyPurpose.SIGNATURE
folder = Path(sys.argv[1])
asked = []
answer = right = {PIN!r}

def pin(request):
    asked.append(request)
    return Secret(answer)

def rules(text):
    (folder / "rules").write_text(text)

def logins():
    # 1 is CKU_USER.
    return (folder / "log").read_text().count("login 1")

def code(act):
    try:
        act()
    except EdsError as error:
        return error.code
    return "done"

def opened():
    with store.open(key, purpose=SIGNATURE, pin=pin) as signer:
        signer.sign(b"x")

store = open_keystore("pkcs11:token=scripted", module=str(folder / "scripted.so"))
key = store.generate(label="one", algorithm=ECDSA_P256_SHA256, purpose=SIGNATURE, pin=pin)

def check(signature, message):
    assert key.public_key.verify(signature, message, algorithm=ECDSA_P256_SHA256)

asked.clear()
(folder / "log").write_text("")
"""


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("scripted") / "scripted.so"
    source = HERE / "scripted_module.c"
    command = ["cc", "-std=gnu11", "-shared", "-fPIC", "-w", "-o", str(made), str(source), "-ldl"]
    subprocess.run(command, check=True, timeout=60)
    return made


@pytest.fixture
def run(compiled: Path, tmp_path: Path) -> Callable[..., str]:
    shutil.copy(compiled, tmp_path / "scripted.so")
    environment = {
        **new_tokens(tmp_path, "scripted"),
        "SCRIPT_REAL": softhsm() or "",
        "SCRIPT_RULES": str(tmp_path / "rules"),
        "SCRIPT_LOG": str(tmp_path / "log"),
    }

    def start(text: str, *, rules: str = "") -> str:
        (tmp_path / "rules").write_text(rules)
        (tmp_path / "log").write_text("")
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-c", BEGIN + text, str(tmp_path)],
            env=environment,
            cwd=HERE.parents[1],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return (tmp_path / "log").read_text()

    return start


def test_a_wrong_pin_is_tried_once(run: Callable[..., str]) -> None:
    run("""
rules("login 160")  # CKR_PIN_INCORRECT
assert code(opened) == "keys.pin_incorrect"
assert (len(asked), logins()) == (1, 1)
""")


def test_a_pin_that_is_locked_meanwhile_is_tried_once(run: Callable[..., str]) -> None:
    run("""
rules("login 164")  # CKR_PIN_LOCKED
assert code(opened) == "keys.pin_locked"
assert (len(asked), logins()) == (1, 1)
""")


def test_a_locked_pin_is_neither_asked_for_nor_tried(run: Callable[..., str]) -> None:
    run("""
rules("flags 262144")  # CKF_USER_PIN_LOCKED
assert store.info().locked
for act in (
    opened,
    lambda: store.delete(key, pin=pin),
    lambda: store.change_pin(key, pin=pin),
    lambda: store.generate(label="two", algorithm=ECDSA_P256_SHA256, purpose=SIGNATURE, pin=pin),
):
    assert code(act) == "keys.pin_locked"
assert (len(asked), logins()) == (0, 0)
""")


def test_a_request_says_how_many_tries_are_left(run: Callable[..., str]) -> None:
    run("""
rules("flags 65536")  # CKF_USER_PIN_COUNT_LOW
opened()
rules("flags 196608")  # and CKF_USER_PIN_FINAL_TRY
opened()
assert [(one.few_tries_left, one.final_try) for one in asked] == [(True, False), (True, True)]
""")


def test_a_final_try_that_nobody_wants_is_not_taken(run: Callable[..., str]) -> None:
    run("""
from eds.errors import PinFinalTry
rules("flags 131072")

def careful(request):
    if request.final_try:
        raise PinFinalTry(token=request.target)
    return Secret(answer)

def careless():
    with store.open(key, purpose=SIGNATURE, pin=careful):
        pass

assert code(careless) == "keys.pin_final_try"
assert logins() == 0
""")


def test_no_pin_is_sent_again_after_an_error(run: Callable[..., str]) -> None:
    run("""
answers = (5, 6, 48, 163)  # GENERAL_ERROR, FUNCTION_FAILED, DEVICE_ERROR, PIN_EXPIRED
for count, answer_code in enumerate(answers, 1):
    rules(f"login {answer_code}")
    assert code(opened) == "keys.token_failed"
    assert (len(asked), logins()) == (count, count)  # a card may have counted it
""")


def test_a_module_that_cannot_lock_gets_one_call_at_a_time(run: Callable[..., str]) -> None:
    log = run(
        """
from eds.keys.pkcs11_module import Module
module = Module.get(str(folder / "scripted.so"))
assert module.turn() is module.alone()
signed = []
with store.open(key, purpose=SIGNATURE, pin=pin) as signer:
    def work():
        for at in range(50):
            signed.append(signer.sign(b"x"))
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
assert len(signed) == 400
for signature in signed:
    check(signature, b"x")
""",
        rules="cant_lock 1",
    )
    assert log  # it was this module


def test_a_session_that_is_lost_is_replaced_once(run: Callable[..., str]) -> None:
    run("""
rules("sign 1 50")  # CKR_DEVICE_REMOVED once, though the login holds
with store.open(key, purpose=SIGNATURE, pin=pin) as signer:
    check(signer.sign(b"x"), b"x")
    check(signer.sign(b"y"), b"y")
assert (len(asked), logins()) == (1, 1)
assert (folder / "log").read_text().count("sign") == 3
""")


def test_a_device_that_stays_away_is_tried_twice_and_said(run: Callable[..., str]) -> None:
    run("""
rules("sign 1000 50")
with store.open(key, purpose=SIGNATURE, pin=pin) as signer:
    assert code(lambda: signer.sign(b"x")) == "keys.token_absent"
    assert (folder / "log").read_text().count("sign") == 2
assert (len(asked), logins()) == (1, 1)
""")


def test_a_token_that_comes_back_without_its_login_asks_again(run: Callable[..., str]) -> None:
    run("""
rules("removed 1")
with store.open(key, purpose=SIGNATURE, pin=pin) as signer:
    check(signer.sign(b"x"), b"x")
    check(signer.sign(b"y"), b"y")
assert (len(asked), logins()) == (2, 2)
""")


def test_threads_that_lose_the_login_ask_once_between_them(run: Callable[..., str]) -> None:
    run("""
rules("removed 1")
signed, failed = [], []
with store.open(key, purpose=SIGNATURE, pin=pin) as signer:
    def work():
        try:
            for at in range(20):
                signed.append(signer.sign(b"x"))
        except Exception as error:
            failed.append(repr(error))
    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
assert not failed, failed
for signature in signed:
    check(signature, b"x")
assert (len(signed), len(asked), logins()) == (120, 2, 2)
""")


def test_a_pin_that_became_wrong_is_not_tried_again_and_again(run: Callable[..., str]) -> None:
    run(
        """
rules("removed 1")
with store.open(key, purpose=SIGNATURE, pin=pin) as signer:
    answer = "another"
    codes = [code(lambda: signer.sign(b"x")) for _ in range(5)]
    assert codes == ["keys.pin_incorrect"] * 5, codes
    assert (len(asked), logins()) == (2, 2)
    answer = right
    with store.open(key, purpose=SIGNATURE, pin=pin) as anew:
        check(anew.sign(b"x"), b"x")
        check(signer.sign(b"y"), b"y")
assert (len(asked), logins()) == (3, 3)
"""
    )


def test_a_signature_of_odd_length_is_no_signature(run: Callable[..., str]) -> None:
    run("""
rules("odd 1")
with store.open(key, purpose=SIGNATURE, pin=pin) as signer:
    assert code(lambda: signer.sign(b"x")) == "keys.token_failed"
""")


def test_a_token_of_few_sessions_makes_do(run: Callable[..., str]) -> None:
    run("""
rules("sessions 3")
signed = []
with store.open(key, purpose=SIGNATURE, pin=pin) as signer:
    def work():
        for at in range(20):
            signed.append(signer.sign(b"x"))
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
assert len(signed) == 160
""")


def _make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


MODULES: dict[str, Callable[[Path], object]] = {
    "others may write it": lambda path: path.chmod(0o666),
    "others may write its folder": lambda path: path.parent.chmod(0o777),
    "not a regular file": _make_folder,
    "no such file": lambda path: path.unlink(),
    "not a module": lambda path: path.write_bytes(b"\x7fELF"),
}


@pytest.mark.parametrize("fault", MODULES)
def test_a_module_that_is_not_to_be_trusted_is_not_loaded(tmp_path: Path, fault: str) -> None:
    from eds.errors import ModuleUnavailable
    from eds.keys.pkcs11_module import Module

    path = tmp_path / "folder" / "module.so"
    path.parent.mkdir(mode=0o755)
    shutil.copy(softhsm() or "", path)
    path.chmod(0o644)
    MODULES[fault](path)
    with pytest.raises(ModuleUnavailable):
        Module.get(str(path))


def test_a_module_is_named_by_path_name_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    from eds.errors import ModuleUnavailable, TokenAbsent
    from eds.keys.stores import open_keystore

    monkeypatch.delenv("EDS_PKCS11_MODULE", raising=False)
    with pytest.raises(ModuleUnavailable):
        open_keystore("pkcs11:token=nobody")
    for wrong in ("relative/path.so", "./softhsm2", "nothing-of-that-name", "/nowhere/module.so"):
        with pytest.raises(ModuleUnavailable):
            open_keystore("pkcs11:token=nobody", module=wrong)
    found = softhsm() or ""
    for uri in (
        f"pkcs11:token=nobody?module-path={found}",
        "pkcs11:token=nobody?module-name=softhsm2",
    ):
        with pytest.raises(TokenAbsent):
            open_keystore(uri)
    monkeypatch.setenv("EDS_PKCS11_MODULE", found)
    with pytest.raises(TokenAbsent):
        open_keystore("pkcs11:token=nobody")
    assert os.environ["EDS_PKCS11_MODULE"] == found
