"""Eight processes of eight threads sign with one SoftHSM token, beside eight of one raw session.

Both crowds live at once and take turns by the second, so that what else the machine does falls
on both alike. EDS_BENCH_SECONDS is how long ours sign with each kind of key (default 10).
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.report import Row
from eds.algorithms import ECDSA_P256_SHA256, RSA_PKCS1_SHA256, SignatureAlgorithm
from eds.keys import KeyPurpose, KeyStore, PinRequest, Secret, open_keystore
from eds.keys.pkcs11_turns import among_processes
from tests.keys.softhsm import PIN, new_tokens, softhsm

LABEL = "bench"
PROCESSES, THREADS = 8, 8
SLICE = 0.5  # seconds
PATIENCE = 120.0  # seconds for anything to answer; who takes longer is stuck
KEYS = {"P-256": ECDSA_P256_SHA256, "RSA-2048": RSA_PKCS1_SHA256}
WAIT, RAW, OURS, STOP = range(4)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What the crowds did with one key: signatures and seconds, and what was wrong."""

    key: str
    raw: int
    raw_seconds: float
    ours: int
    ours_seconds: float
    verified: int
    failures: tuple[str, ...]

    @property
    def raw_rate(self) -> float:
        """Signatures a second and process."""
        return self.raw / self.raw_seconds / PROCESSES

    @property
    def ours_rate(self) -> float:
        """Signatures a second and process."""
        return self.ours / self.ours_seconds / PROCESSES


def run() -> Iterator[Row]:
    seconds = float(os.environ.get("EDS_BENCH_SECONDS", "10"))
    for outcome in measure(seconds=seconds):
        if outcome.failures:
            raise RuntimeError("; ".join(outcome.failures))
        yield Row(
            name=f"token, 8x8 threads, {outcome.key}, per process",
            ours=outcome.ours_rate,
            floor=outcome.raw_rate,
            unit="/s",
            goal=0.8,
            better="higher",
        )


def measure(*, seconds: float) -> Iterator[Outcome]:
    """Sign for `seconds` with each kind of key, then verify every signature of ours."""
    if softhsm() is None:
        return
    with tempfile.TemporaryDirectory(prefix="eds-bench-") as folder:
        # The token's place must be known before the module starts, here and in the workers.
        os.environ["SOFTHSM2_CONF"] = new_tokens(Path(folder), LABEL)["SOFTHSM2_CONF"]
        context = multiprocessing.get_context("spawn")
        maker = context.Process(target=make_keys)
        maker.start()
        maker.join(PATIENCE)
        for name in KEYS:
            yield _measure(name, seconds)


def store() -> KeyStore:
    return open_keystore(f"pkcs11:token={LABEL}", module=softhsm())


def pin(_: PinRequest, /) -> Secret:
    return Secret(PIN)


def make_keys() -> None:
    for name, algorithm in KEYS.items():
        store().generate(
            label=name, algorithm=algorithm, purpose=KeyPurpose.SIGNATURE, pin=pin, rsa_bits=2048
        )


def _measure(name: str, seconds: float) -> Outcome:
    context = multiprocessing.get_context("spawn")
    phase = context.RawValue("i", WAIT)
    answers: Any = context.Queue()
    crowds = {RAW: raw_worker, OURS: our_worker}
    workers = {
        f"{'raw' if kind == RAW else 'ours'} {number}": context.Process(
            target=target, args=(name, f"{number}", phase, answers), daemon=True
        )
        for kind, target in crowds.items()
        for number in range(PROCESSES)
    }
    for worker in workers.values():
        worker.start()
    failures = [problem for _ in workers if (problem := _answer(answers, PATIENCE)) != "ready"]
    spent = {RAW: 0.0, OURS: 0.0}
    turn = 0
    while not failures and spent[OURS] < seconds:
        order = (RAW, OURS) if turn % 2 == 0 else (OURS, RAW)
        for kind in order:
            phase.value = kind
            begin = time.perf_counter()
            time.sleep(SLICE)
            phase.value = WAIT
            spent[kind] += time.perf_counter() - begin
            time.sleep(0.05)
        turn += 1
        failures += [f"{who}: died" for who, one in workers.items() if one.exitcode is not None]
    phase.value = STOP
    counts = {RAW: 0, OURS: 0}
    verified = 0
    if not failures:
        for _ in workers:
            said = _answer(answers, PATIENCE + seconds * 4)
            if isinstance(said, str):
                failures.append(said)
                break
            kind, signed, right, errors = said
            counts[kind] += signed
            verified += right
            failures += errors
    for who, worker in workers.items():
        worker.join(PATIENCE)
        if worker.exitcode is None:
            worker.kill()
            failures.append(f"{who}: stuck")
        elif worker.exitcode:
            failures.append(f"{who}: exit status {worker.exitcode}")
    if verified != counts[OURS]:
        failures.append(f"{counts[OURS] - verified} signatures wrong or lost")
    return Outcome(
        key=name,
        raw=counts[RAW],
        raw_seconds=spent[RAW],
        ours=counts[OURS],
        ours_seconds=spent[OURS],
        verified=verified,
        failures=tuple(failures),
    )


def _answer(answers: Any, patience: float) -> Any:
    try:
        return answers.get(timeout=patience)
    except queue.Empty:
        return "a worker did not answer"


def _follow(phase: Any, kind: int, go: threading.Event, over: threading.Event) -> None:
    """Wake and still the threads of this process; one poll for all of them."""
    while phase.value != STOP:
        if phase.value == kind:
            go.set()
        else:
            go.clear()
        time.sleep(0.002)
    over.set()
    go.set()


def raw_worker(name: str, number: str, phase: Any, answers: Any) -> None:
    """One session of python-pkcs11 and nothing else."""
    import pkcs11

    module = softhsm() or ""
    # SoftHSM loses a token when another process logs in at the moment it starts.
    with among_processes(module, alone=True):
        session = pkcs11.lib(module).get_token(token_label=LABEL).open(user_pin=PIN)
    key: Any = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=name)
    mechanism = pkcs11.Mechanism.ECDSA
    if KEYS[name] is RSA_PKCS1_SHA256:
        mechanism = pkcs11.Mechanism.SHA256_RSA_PKCS
    go, over = threading.Event(), threading.Event()
    signed = 0

    def sign() -> None:
        nonlocal signed
        while True:
            go.wait()
            if over.is_set():
                return
            message = f"{number} {signed}".encode()
            if mechanism is pkcs11.Mechanism.ECDSA:
                message = hashlib.sha256(message).digest()
            key.sign(message, mechanism=mechanism)
            signed += 1

    thread = threading.Thread(target=sign)
    thread.start()
    answers.put("ready")
    _follow(phase, RAW, go, over)
    thread.join()
    answers.put((RAW, signed, 0, []))


def our_worker(name: str, number: str, phase: Any, answers: Any) -> None:
    """Eight threads that share one signer, and keep what it signs for later."""
    go, over = threading.Event(), threading.Event()
    kept: list[list[bytes]] = [[] for _ in range(THREADS)]
    errors: list[str] = []
    tokens = store()
    algorithm = KEYS[name]
    with tokens.open(tokens.find(name), purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:

        def sign(thread: int) -> None:
            signatures = kept[thread]
            try:
                while True:
                    go.wait()
                    if over.is_set():
                        return
                    message = f"{number} {thread} {len(signatures)}".encode()
                    signatures.append(signer.sign(message))
            except Exception as error:  # noqa: BLE001  # told to the parent
                errors.append(f"ours {number}: {error!r}")

        threads = [threading.Thread(target=sign, args=(each,)) for each in range(THREADS)]
        for thread in threads:
            thread.start()
        answers.put("ready")
        _follow(phase, OURS, go, over)
        for thread in threads:
            thread.join()
        verify = signer.public_key.verify
    right = sum(_right(verify, algorithm, number, at, each) for at, each in enumerate(kept))
    answers.put((OURS, sum(map(len, kept)), right, errors))


def _right(
    verify: Callable[..., bool],
    algorithm: SignatureAlgorithm,
    number: str,
    thread: int,
    signatures: list[bytes],
) -> int:
    return sum(
        verify(signature, f"{number} {thread} {at}".encode(), algorithm=algorithm)
        for at, signature in enumerate(signatures)
    )
