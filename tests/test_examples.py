"""Each example runs to its end; what it tells is therefore true."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eds.ocsp import OcspResponse
from tests.ca.authority_house import PASSWORD
from tests.http.house import build_house, ocsp_request
from tests.http.portal import ORIGIN, furnish
from tests.material import DATA, needs_data

EXAMPLES = Path(__file__).parents[1] / "examples"
PIN = "271828"


def run(name: str, folder: Path, *arguments: str | Path, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        capture_output=True,
        check=False,
        cwd=folder,
        env={**os.environ, "HOME": str(folder), "TMPDIR": str(folder), **env},
        start_new_session=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    return done.stdout.decode()


def test_a_message_is_signed_with_a_key_in_a_file(tmp_path: Path) -> None:
    assert "verified" in run("sign_message.py", tmp_path)


def test_a_message_is_signed_with_a_key_in_a_token(tmp_path: Path) -> None:
    if shutil.which("softhsm2-util") is None:
        pytest.skip("softhsm2 is not installed")
    (tmp_path / "tokens").mkdir()
    settings = tmp_path / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\nlog.level = ERROR\n")
    subprocess.run(
        [
            *("softhsm2-util", "--init-token", "--free", "--label", "EDS"),
            *("--so-pin", "31415926", "--pin", PIN),
        ],
        check=True,
        capture_output=True,
        env={**os.environ, "SOFTHSM2_CONF": str(settings)},
    )
    said = run(
        "token_key.py",
        tmp_path,
        SOFTHSM2_CONF=str(settings),
        EDS_STORE="pkcs11:token=EDS?module-name=softhsm2",
        EDS_PIN=PIN,
    )
    assert "keys.operation_unsupported" in said


def test_a_portal_learns_who_is_at_the_door(tmp_path: Path) -> None:
    said = run("login.py", tmp_path)
    assert said == "at the door: MARI MAASIKAS\nrefused: login.signature\n"


def test_a_citizen_signs_and_a_portal_verifies(tmp_path: Path) -> None:
    said = run("sign_and_verify.py", tmp_path)
    assert "verified: TOTAL_PASSED" in said
    assert "verified: TOTAL_FAILED / HASH_FAILURE" in said
    assert "INDETERMINATE / TRY_LATER" in said


def test_a_verdict_follows_the_life_of_a_certificate(tmp_path: Path) -> None:
    said = run("revoke_and_verify.py", tmp_path).splitlines()
    assert [line.split()[-1] for line in said] == [
        *("TOTAL_PASSED", "TRY_LATER", "TOTAL_PASSED", "REVOKED_NO_POE")
    ]


def test_a_citizen_gets_a_certificate_from_home(tmp_path: Path) -> None:
    said = run("remote_enrolment.py", tmp_path)
    assert said == "proven: cleared\nissued: issued\nsigned: TOTAL_PASSED\n"


def test_a_guest_gets_one_by_two_officials(tmp_path: Path) -> None:
    said = run("service_centre.py", tmp_path)
    assert said == (
        "alone:  role_missing same_person\nby two: cleared with a secret of 16 letters\n"
    )


def test_an_archive_is_verified_by_every_core(tmp_path: Path) -> None:
    said = run("verify_archive.py", tmp_path)
    assert sorted(said.splitlines()) == ["1 TOTAL_FAILED / HASH_FAILURE", "19 TOTAL_PASSED"]


@needs_data
def test_a_document_of_the_nca_is_judged_and_its_signer_named(tmp_path: Path) -> None:
    nca = DATA / "kz"
    said = run(
        "nca_document.py",
        tmp_path,
        *("kz-test", "2026-08-12T00:00:00+00:00"),
        *(nca / "cms" / f"sdk2026-individual_{one}" for one in ("detached.der", "document.txt")),
        *(nca / "ca" / "test_root_gost_2022.cer", nca / "ca" / "test_nca_gost_2022.cer"),
        nca / "crl" / "test_nca_gost2022_2026-08.crl",
    )
    # Of the root no list is at hand, so the issuing authority may have been revoked.
    assert said.startswith("INDETERMINATE / TRY_LATER\n  ТЕСТОВ ТЕСТ, individual\n")


def test_a_country_joins_by_an_entry_point_of_any_distribution(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "own_country.py", tmp_path)
    metadata = tmp_path / "utopia-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: utopia\nVersion: 1.0\n")
    entry = metadata / "entry_points.txt"

    def check(number: str, named: str) -> tuple[int, str]:
        entry.write_text(f"[eds.country]\nutopia = own_country:{named}\n")
        path = os.pathsep.join((str(tmp_path), os.environ.get("PYTHONPATH", "")))
        done = subprocess.run(
            [sys.executable, "-m", "eds_cli", "id", "check", "--country", "XU"],
            input=number.encode(),
            capture_output=True,
            check=False,
            env={**os.environ, "PYTHONPATH": path},
        )
        return done.returncode, (done.stdout + done.stderr).decode()

    status, said = check("19900101427", "COUNTRY")
    assert (status, "Utopia" in said) == (0, True)
    status, said = check("19900101429", "COUNTRY")
    assert (status, "xu.check_digit" in said) == (5, True)
    status, said = check("19900101427", "CHECK_DIGIT")
    assert (status, "eds.invalid_argument" in said) == (5, True)


@pytest.mark.parametrize("name", ["login_fastapi.py", "login_flask.py", "login_django.py"])
def test_a_portal_of_each_framework_is_ready_to_serve(name: str, tmp_path: Path) -> None:
    """What they do when asked: tests/http/test_login_frameworks.py."""
    furnish(tmp_path)
    assert run(name, tmp_path, PORTAL=str(tmp_path), ORIGIN=ORIGIN) == ""


@pytest.mark.parametrize("tokens", [True, False])
def test_the_demo_holds_and_leaves_a_page(tokens: bool, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    there = shutil.which("softhsm2-util") is not None
    if tokens and not there:
        pytest.skip("softhsm2 is not installed")
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "openssl").symlink_to(shutil.which("openssl") or "")
    said = run("demo", tmp_path, **({} if tokens else {"PATH": str(tools)}))
    assert "✗" not in said
    assert ("softhsm2 is not installed" in said) is not tokens
    assert "Everything held" in said
    page = (tmp_path / "demo-out" / "index.html").read_text()
    files = set(re.findall(r'(?:href|src)="([^"]+)"', page))
    assert len(files) > 12
    assert [file for file in files if not (tmp_path / "demo-out" / file).is_file()] == []
    assert not re.search("900101400014|850505500019", page)


def test_a_server_tells_the_status_of_certificates_and_the_time(tmp_path: Path) -> None:
    house = build_house(tmp_path / "a", people=1)
    process = subprocess.Popen(
        [sys.executable, EXAMPLES / "status_server.py", house.path, "tsu-1"],
        stdout=subprocess.PIPE, text=True,
        env={**os.environ, "EDS_PASSWORD": PASSWORD, "PORT": "0"},
    )  # fmt: skip
    try:
        said = process.stdout
        assert said is not None
        lines = [""]
        while not lines[-1].startswith("listening"):
            lines.append(said.readline())
            assert lines[-1], lines
        port = int(lines[-1].split()[-1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        asked = ocsp_request(house, house.people[0])
        connection.request("POST", "/ocsp", asked, {"Content-Type": "application/ocsp-request"})
        answer = OcspResponse(connection.getresponse().read())
        assert answer.responses[0].status.name == "GOOD"
        connection.close()
        assert house.raised(house.signed(b"I owe you 10"), port=port)
    finally:
        process.terminate()
        process.communicate(timeout=60)


def test_every_example_is_run_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f'"{path.name}"' not in text] == []


def test_an_example_can_be_copied() -> None:
    longer = {"practice.py", "practice_desk.py"}
    lines = {path.name: len(path.read_text().splitlines()) for path in EXAMPLES.glob("*.py")}
    assert {name for name, count in lines.items() if count > 60} == longer
