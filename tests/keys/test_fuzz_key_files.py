"""Any change to any key file: a typed error or the same key, in bounded time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.untraced import untraced

ROOT = Path(__file__).parents[2]
# What opening a file may cost, in derivations that cost a known fraction of a second here: the
# dearest within the limits is about a second on the machine that the limits were chosen on.
DERIVATIONS = 30


def run(seed: int, cases: int, *names: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.keys.fuzz", str(seed), str(cases), *names],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=untraced(),
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def judge(report: dict[str, Any], cases: int) -> None:
    assert report["failures"] == []
    assert report["cases"] == cases
    # Of the processor: what else runs on the machine is not the file's doing.
    assert report["slowest"] <= DERIVATIONS * report["derivation"]
    assert report["megabytes"] <= 100


@pytest.mark.parametrize("seed", range(2))
def test_changed_files_open_or_say_why_not(seed: int) -> None:
    report = run(seed, 1200)
    judge(report, 1200)
    assert {"keys.damaged", "keys.unsupported", "keys.password_incorrect"} <= set(
        report["outcomes"]
    )


# The dearest file that the limits let pass, each way: nothing changed but what it asks for.
DEAREST = """
import json, resource, sys, time
from tests.keys.fuzz import derivation
from eds.keys import pkcs12, pkcs8
from eds.keys.contract import Secret
from eds.keys.pbe import Pbkdf2, Scrypt
from eds.keys.reading import LIMITS, Reading
from eds.keys.privatekeys import PrivateKey, generate
from eds.algorithms import ECDSA_P256_SHA256
key = PrivateKey.of(generate(ECDSA_P256_SHA256))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
contents = pkcs12.Contents(keys=(pkcs12.KeyEntry(private_key=key),))
ask = sys.argv[1]
if ask == "scrypt":
    data = pkcs8.encrypt(key, Secret("pw"), cost=Scrypt(cost=2**15, block_size=8, parallel=4))
elif ask == "memory":
    data = pkcs8.encrypt(key, Secret("pw"), cost=Scrypt(cost=2**15, block_size=15, parallel=2))
elif ask == "PBKDF2":
    data = pkcs8.encrypt(key, Secret("pw"), cost=Pbkdf2(iterations=LIMITS.work))
else:
    cost = Pbkdf2(iterations=LIMITS.work // 3, mac_iterations=4 * LIMITS.work // 9 - 9)
    data = pkcs12.write(contents, Secret("pw"), cost=cost)
started = time.process_time()
reading = Reading(file="x")
if ask == "PKCS#12":
    pkcs12.read(data, Secret("pw"), reading)
else:
    pkcs8.decrypt(data, Secret("pw"), reading)
slowest = time.process_time() - started
grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
said = {"slowest": slowest, "derivation": derivation(), "megabytes": grown}
print(json.dumps(said | {"spent": reading.spent}))
"""


@pytest.mark.parametrize("ask", ["scrypt", "memory", "PBKDF2", "PKCS#12"])
def test_the_dearest_file_within_the_limits_costs_about_a_second(ask: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEAREST, ask],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env=untraced(),
    )
    report = json.loads(done.stdout)
    assert report["spent"] > 900_000
    assert report["slowest"] <= DERIVATIONS * report["derivation"]
    assert report["megabytes"] <= 100


@pytest.mark.campaign
@pytest.mark.parametrize("seed", range(1000, 1020))
def test_campaign(seed: int) -> None:
    judge(run(seed, 25_000), 25_000)
