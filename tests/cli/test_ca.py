"""`eds ca`, as officials run it, judged by openssl and certtool."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from eds.ca.folder import AuthorityFolder
from eds.keys import open_keystore
from eds.keys.files import FileKeyStore
from tests.ca.authority_house import (
    DESCRIPTION,
    PASSWORD,
    ROOT,
    cheap_keys,
    documented,
    hold_ceremony,
    new_authority,
)
from tests.cli.conftest import PIN, Eds, Outcome, Token, at_terminal, openssl, spawn

PERSON = documented("toml", 1)
NUMBER = "880101300123"
needs_certtool = pytest.mark.skipif(shutil.which("certtool") is None, reason="no certtool")


@pytest.fixture(scope="session")
def _authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "example"
    now = datetime.now(UTC)
    with cheap_keys():
        folder = new_authority(path, at=now)
        hold_ceremony(folder, at=now)
    folder.register.engine.dispose()
    return path


@pytest.fixture
def house(_authority: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> AuthorityFolder:
    """An authority after its ceremony in `example`, a request in `asan.p10`, a person's file."""
    monkeypatch.setenv("EDS_ACTOR", "official/9f86d081")
    monkeypatch.setenv("EDS_AUTHORITY", "example")
    shutil.copytree(_authority, home / "example")
    (home / "asan.toml").write_text(PERSON)
    (home / "record.txt").write_text("application 17")
    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "asan.key")
    openssl("req", "-new", "-key", "asan.key", "-subj", "/CN=evil.example", "-out", "asan.p10")
    return AuthorityFolder(home / "example")


ISSUE = (
    *("ca", "issue", "asan.p10", "--profile", "natural-person-signature"),
    *("--issuer", "people-2026", "--subject-file", "asan.toml", "--person", "person-17"),
    *("--ra", "centre-7", "--evidence", "record.txt"),
)


def issue(eds: Eds, *more: str) -> str:
    """A certificate in asan.pem; its serial number."""
    outcome = eds(*ISSUE, "--out", "asan.pem", "--yes", "--json", *more, password=PASSWORD)
    assert outcome.status == 0, outcome.err
    return str(outcome.json["serial_number"])


def chain(eds: Eds) -> None:
    """root.pem and people.pem."""
    for label, file in (("root-2026", "root.pem"), ("people-2026", "people.pem")):
        assert eds("ca", "show", label, "--out", file).status == 0


# --- the page -------------------------------------------------------------------------------------

_SECRET = (
    *("ca init", "ca ceremony first", "ca issue", "ca crl", "ca ocsp answer", "ca ocsp rotate"),
    *("ca checkpoint", "key generate", "request create"),
)


def test_every_command_of_the_page_works(
    eds: Eds, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (ROOT / "docs" / "ca.md").read_text(encoding="utf-8")
    Path("first.toml").write_text(documented("toml", 0))
    Path("asan.toml").write_text(documented("toml", 1))
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    assert len(lines) > 30
    last = ""
    for line in lines:
        if not line.startswith("eds "):
            said = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", f"{line}\nenv -0 > env.out"],
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert said.returncode == 0, (line, said.stderr)
            assert "unauthorized" not in said.stdout
            assigned = re.match(r"(?:export )?([A-Z_]+)=", line)
            if assigned:
                value = subprocess.run(
                    ["bash", "-c", f'{line}\nprintf %s "${assigned[1]}"'],
                    capture_output=True, text=True, check=True,
                )  # fmt: skip
                monkeypatch.setenv(assigned[1], value.stdout)
            continue
        words = subprocess.run(
            ["bash", "-c", f"printf '%s\\0' {line.removeprefix('eds ')}"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        arguments = words.stdout.rstrip("\0").split("\0")
        asks = shlex.join(arguments).startswith(_SECRET)
        outcome = eds(*arguments, password=PASSWORD if asks else None)
        assert outcome.status == 0, (line, outcome.err, outcome.out)
        last = outcome.out
    assert "nothing found" in last


# --- issuing --------------------------------------------------------------------------------------


def test_a_certificate_is_what_the_official_said_and_not_what_the_request_says(
    eds: Eds, house: AuthorityFolder
) -> None:
    issue(eds)
    chain(eds)
    assert "asan.pem: OK" in openssl(
        "verify", "-x509_strict", "-CAfile", "root.pem", "-untrusted", "people.pem", "asan.pem"
    )
    said = openssl(
        "x509", "-in", "asan.pem", "-noout", "-subject", "-nameopt", "utf8,sep_comma_plus"
    )
    assert "evil" not in said
    assert f"PNOKZ-{NUMBER}" in said
    assert "АХМЕТОВ АСАН" in said


@needs_certtool
def test_certtool_accepts_the_chain(eds: Eds, house: AuthorityFolder) -> None:
    issue(eds)
    chain(eds)
    whole = b"".join(Path(name).read_bytes() for name in ("asan.pem", "people.pem"))
    done = subprocess.run(
        ["certtool", "--verify", "--load-ca-certificate", "root.pem"],
        input=whole, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert b"Chain verification output: Verified." in done.stdout


def test_without_yes_nothing_is_issued_and_no_pin_is_wanted(
    eds: Eds, house: AuthorityFolder
) -> None:
    outcome = eds(*ISSUE, "--out", "asan.pem")
    assert outcome.status == 8
    assert "natural-person-signature/1" in outcome.out
    assert outcome.err == "nothing was done; --yes carries it out\n"
    assert eds(*ISSUE, "--dry-run").status == 0
    planned = eds(*ISSUE, "--json")
    assert (planned.status, planned.json["done"]) == (8, False)
    assert planned.json["plan"]["person"] == "person-17"
    assert not Path("asan.pem").exists()
    assert eds("ca", "find", "--person", "person-17").status == 3


def test_one_request_makes_one_certificate(eds: Eds, house: AuthorityFolder) -> None:
    issue(eds)
    again = eds(*ISSUE, "--yes", password=PASSWORD)
    assert (again.status, again.code) == (5, "register.request_used")
    # Another decision is another certificate; the key and the name stay this person's.
    assert issue_other(eds, "--decision", "renewal/2").status == 0
    other = issue_other(eds, "--decision", "renewal/3", person="person-18")
    assert "[register.key_taken]" in other.err


def issue_other(eds: Eds, *more: str, person: str = "person-17") -> Outcome:
    line = [person if word == "person-17" else word for word in ISSUE]
    return eds(*line, "--yes", *more, password=PASSWORD)


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        (("--profile", "root"), 5, "ca.profile_violated"),
        (("--profile", "issuing-ca"), 5, "ca.profile_violated"),
        (("--profile", "ocsp-responder"), 5, "ca.profile_violated"),
        (("--profile", "legal-entity-head"), 5, "ca.profile_violated"),
        (("--profile", "natural-person-unified"), 5, "ca.profile_violated"),
        (("--profile", "no-such"), 3, "ca.profile_not_found"),
        (("--issuer", "nobody"), 3, "register.issuer_not_found"),
        (("--issuer", "root-2026"), 5, "ca.profile_violated"),
        (("--until", "2099-01-01"), 5, "ca.profile_violated"),
        (("--email", "nobody"), 5, "ca.lint_failed"),
        (("--with-purpose", "1.3.6.1.5.5.7.3.1"), 5, "ca.profile_violated"),
        (("--subject-title", "Head"), 5, "ca.profile_violated"),
        (("--person", f"iin-{NUMBER}"), 5, "audit.personal_data"),
        (("--person", "two words"), 5, "eds.invalid_argument"),
        (("--ra", NUMBER), 5, "audit.personal_data"),
        (("--decision", NUMBER), 5, "audit.personal_data"),
        (("--actor", NUMBER), 5, "audit.personal_data"),
    ],
)
def test_what_is_not_to_be_issued_is_refused_before_anything_happens(
    change: tuple[str, str], status: int, code: str, eds: Eds, house: AuthorityFolder
) -> None:
    outcome = eds(*ISSUE, *change, "--yes", password=PASSWORD)
    assert (outcome.status, outcome.code) == (status, code)
    assert NUMBER not in outcome.err
    assert eds("ca", "find", "--person", "person-17").status == 3


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (
            '{"common_name": "АХМЕТОВ АСАН", "serial_number": "880101300123"',
            "ca.malformed_settings",
        ),
        ('{"serial_number": "880101300123", "iin": "880101300123"}', "ca.malformed_settings"),
        ('{"serial_number": 880101300123}', "ca.malformed_settings"),
        ('serial_number = "880101300123', "ca.malformed_settings"),
        ('880101300123 = "x"', "ca.malformed_settings"),
        ("[880101300123]\n[880101300123]", "ca.malformed_settings"),
        ('{"880101300123": "x"}', "ca.malformed_settings"),
        ('country = "KZ"\nserial_number = "880101300123"', "ca.profile_violated"),
        (PERSON.replace("АХМЕТОВ АСАН", "880101300123"), "ca.profile_violated"),
        (PERSON.replace("PNOKZ-", "IIN"), "ca.profile_violated"),
        (PERSON.replace('"KZ"', '"kz"'), "names.refused"),
    ],
)
def test_a_subject_that_is_wrong_is_refused_without_its_number(
    content: str, code: str, eds: Eds, house: AuthorityFolder
) -> None:
    Path("asan.toml").write_text(content)
    outcome = eds(*ISSUE, "--yes", password=PASSWORD)
    assert outcome.code == code
    assert NUMBER not in outcome.err + outcome.out


def test_no_number_of_a_person_comes_to_the_log_or_the_references(
    eds: Eds, house: AuthorityFolder
) -> None:
    serial = issue(eds)
    eds("ca", "revoke", serial, "--reason", "superseded", "--yes")
    eds("audit", "export", "--database", "example/register.db", "--out", "log.jsonl")
    assert serial in Path("log.jsonl").read_text()
    assert NUMBER not in Path("log.jsonl").read_text()


def test_the_subject_may_come_from_standard_input(house: AuthorityFolder) -> None:
    line = ["-" if word == "asan.toml" else word for word in ISSUE]
    given = json.dumps({"country": "KZ", "common_name": "A B", "surname": "B",
                        "serial_number": f"PNOKZ-{NUMBER}"}).encode()  # fmt: skip
    outcome = spawn(*line, "--json", stdin=given)
    assert outcome.status == 8, outcome.err
    assert "A B" in outcome.json["plan"]["certificate"]["subject"]["rfc4514"]


def test_at_a_terminal_the_number_and_consent_are_asked_for(house: AuthorityFolder) -> None:
    Path("asan.toml").write_text(
        "\n".join(line for line in PERSON.splitlines() if "serial_number" not in line)
    )
    screen = at_terminal(
        *ISSUE,
        answers=[("Identity number", f"PNOKZ-{NUMBER}\n"), ("Carry it out?", "n\n")],
        columns=200,
    )
    assert screen.status == 130
    assert "plan: issue natural-person-signature" in screen.out


@pytest.mark.parametrize("content", [b"", b"\x30\x00", b"-----BEGIN CERTIFICATE REQUEST-----\n"])
def test_a_request_that_is_none_is_refused(
    content: bytes, eds: Eds, house: AuthorityFolder
) -> None:
    Path("asan.p10").write_bytes(content)
    assert eds(*ISSUE, "--yes", password=PASSWORD).status == 6


def test_a_request_whose_key_nobody_proved_is_refused(eds: Eds, house: AuthorityFolder) -> None:
    openssl("req", "-in", "asan.p10", "-outform", "DER", "-out", "asan.der")
    broken = bytearray(Path("asan.der").read_bytes())
    broken[-1] ^= 1
    Path("asan.p10").write_bytes(bytes(broken))
    outcome = eds(*ISSUE, "--yes", password=PASSWORD)
    assert outcome.code == "certificates.proof_of_possession_failed"


# --- finding --------------------------------------------------------------------------------------


def test_a_certificate_is_found_by_whatever_names_it(eds: Eds, house: AuthorityFolder) -> None:
    serial = issue(eds)
    fingerprint = (
        openssl("x509", "-in", "asan.pem", "-noout", "-fingerprint", "-sha256")
        .strip()
        .partition("=")[2]
    )
    colons = ":".join(re.findall("..", serial))
    for reference in (
        serial, f"0x{serial}", serial.upper(), colons, f"dec:{int(serial, 16)}",
        str(int(serial, 16)), fingerprint, fingerprint.replace(":", "").lower(),
        f"sha256:{fingerprint}",
    ):  # fmt: skip
        outcome = eds("ca", "show", reference, "--json")
        assert outcome.status == 0, (reference, outcome.err)
        assert outcome.json["certificate"]["serial_number"].replace(":", "") == serial
    for option in (
        ("--person", "person-17"), ("--key", "asan.p10"), ("--key", "asan.pem"),
        ("--serial", serial), ("--fingerprint", fingerprint),
    ):  # fmt: skip
        found = eds("ca", "find", *option, "--json")
        assert [row["serial_number"] for row in found.json] == [serial], option
    assert eds("ca", "find", "--person", "person-99", "--json").json == []


@pytest.mark.parametrize(
    "reference", ["1234567890", "0123456789012345678901234567890123456789"[:38], "0x", "zz", "-1"]
)
def test_a_serial_number_that_could_be_read_in_two_ways_is_refused(
    reference: str, eds: Eds, house: AuthorityFolder
) -> None:
    outcome = eds("ca", "revoke", "--reason", "superseded", "--yes", "--", reference)
    assert (outcome.status, outcome.code) == (5, "eds.invalid_argument")


# --- the life of a certificate --------------------------------------------------------------------


def listed(serial: str) -> str | None:
    """What openssl reads of that serial number in the lists below www; None if it is on none."""
    for file in Path("www").rglob("*.crl"):
        if file.stem.endswith("delta"):
            continue
        said = openssl("crl", "-inform", "DER", "-in", file, "-noout", "-text",
                       "-CAfile", "people.pem")  # fmt: skip
        assert "verify OK" in said
        _, found, rest = said.lower().partition(f"serial number: {serial}")
        if found:
            entry, _, _ = rest.partition("serial number: ")
            reason = re.search(r"reason code: *\n *(.+)", entry)
            return reason[1].strip() if reason else ""
    return None


def ocsp_says(eds: Eds) -> str:
    openssl("ocsp", "-issuer", "people.pem", "-cert", "asan.pem", "-reqout", "q.der")
    Path("a.der").unlink(missing_ok=True)
    outcome = eds("ca", "ocsp", "answer", "q.der", "--out", "a.der", password=PASSWORD)
    assert outcome.status == 0, outcome.err
    said = openssl(
        *("ocsp", "-respin", "a.der", "-reqin", "q.der", "-no_nonce", "-issuer", "people.pem"),
        *("-cert", "asan.pem", "-CAfile", "root.pem"),
    )
    assert "Response verify OK" in said
    assert "nonce" not in said.lower()
    return said


def publish(eds: Eds, *more: str) -> Outcome:
    outcome = eds("ca", "crl", "--issuer", "people-2026", "--out", "www", *more, password=PASSWORD)
    assert outcome.status == 0, outcome.err
    return outcome


def test_hold_release_and_revocation_are_told_by_list_and_responder(
    eds: Eds, house: AuthorityFolder
) -> None:
    serial = issue(eds)
    chain(eds)
    publish(eds)
    assert listed(serial) is None
    assert "asan.pem: good" in ocsp_says(eds)
    for command, reason, said in (
        (("hold",), "certificate hold", "asan.pem: revoked"),
        (("release",), None, "asan.pem: good"),
        (("revoke", "--reason", "superseded"), "superseded", "asan.pem: revoked"),
    ):
        assert eds("ca", *command, serial).status == 8
        assert eds("ca", *command, serial, "--yes").status == 0
        publish(eds)
        assert listed(serial) == reason
        assert said in ocsp_says(eds)
    history = eds("ca", "show", serial, "--json").json["history"]
    assert [row["state"] for row in history] == ["valid", "on_hold", "valid", "revoked"]
    again = eds("ca", "release", serial, "--yes")
    assert (again.status, again.code) == (5, "register.status_change_refused")


def test_an_authority_speaks_the_language_of_the_official(eds: Eds, house: AuthorityFolder) -> None:
    serial = issue(eds)
    planned = eds("ca", "hold", serial, "--language", "ru")
    assert planned.status == 8
    assert planned.out.startswith(f"план: приостановление {serial}\n")
    assert re.search(r"^  после изменения\n +состояние +приостановлен$", planned.out, re.MULTILINE)
    assert planned.err == "ничего не сделано; --yes выполнит это\n"
    assert eds("ca", "hold", serial, "--json").json["plan"]["after"]["state"] == "on_hold"
    held = eds("ca", "hold", serial, "--yes", "--language", "ru")
    last = held.out.splitlines()[-1]
    assert last == f"сертификат {serial} приостановлен; об этом скажет следующий список"


def test_a_released_hold_is_taken_back_in_the_delta(eds: Eds, house: AuthorityFolder) -> None:
    serial = issue(eds)
    eds("ca", "hold", serial, "--yes")
    publish(eds)
    eds("ca", "release", serial, "--yes")
    rows = json.loads(publish(eds, "--kind", "delta", "--json").out)
    assert sorted(row["entries"] for row in rows) == [0, 0, 0, 1]
    file = next(row["file"] for row in rows if row["entries"])
    said = openssl("crl", "-inform", "DER", "-in", file, "-noout", "-text")
    assert "Remove From CRL" in said


def test_a_compromised_key_takes_all_its_certificates_with_it(
    eds: Eds, house: AuthorityFolder
) -> None:
    first = issue(eds)
    issue_other(eds, "--decision", "renewal/2")
    outcome = eds("ca", "revoke", first, "--reason", "key-compromise", "--yes", "--json")
    assert len(outcome.json["status"]) == 2
    rows = eds("ca", "find", "--person", "person-17", "--json").json
    assert [row["state"] for row in rows] == ["revoked", "revoked"]
    again = issue_other(eds, "--decision", "renewal/3")
    assert "[register.key_blocked]" in again.err


def test_lists_lie_where_their_addresses_say(eds: Eds, house: AuthorityFolder) -> None:
    rows = json.loads(publish(eds, "--json").out)
    assert [row["file"] for row in rows] == [f"www/people/{shard}.crl" for shard in range(4)]
    one = json.loads(publish(eds, "--shard", "2", "--json").out)
    assert [(row["shard"], row["number"]) for row in one] == [(2, 2)]
    assert not [*Path("www").rglob("*.part")]
    # The responder's certificate is still in force.
    last = ("ca", "crl", "--issuer", "people-2026", "--out", "www", "--kind", "last")
    refused = eds(*last, password=PASSWORD)
    assert (refused.status, refused.code) == (5, "register.list_refused")
    rows = json.loads(eds(*last, "--shard", "1", "--json", password=PASSWORD).out)
    assert rows[0]["next_update"] == "9999-12-31T23:59:59+00:00"
    refused = eds(*last[:-2], "--shard", "1", password=PASSWORD)
    assert (refused.status, refused.code) == (5, "register.list_refused")


def test_a_serial_number_that_was_never_issued_is_not_good(
    eds: Eds, house: AuthorityFolder
) -> None:
    chain(eds)
    openssl("ocsp", "-issuer", "people.pem", "-serial", "0x0102030405", "-reqout", "q.der")
    eds("ca", "ocsp", "answer", "q.der", "--out", "a.der", password=PASSWORD)
    said = openssl(
        *("ocsp", "-respin", "a.der", "-reqin", "q.der", "-no_nonce", "-issuer", "people.pem"),
        *("-serial", "0x0102030405", "-CAfile", "root.pem"),
    )
    assert "0x0102030405: revoked" in said


def test_what_is_no_request_gets_an_answer_that_says_so(eds: Eds, house: AuthorityFolder) -> None:
    Path("q.der").write_bytes(b"nonsense")
    outcome = eds("ca", "ocsp", "answer", "q.der", "--out", "a.der", "--json", password=PASSWORD)
    assert (outcome.status, outcome.json["status"]) == (1, "malformed_request")
    assert Path("a.der").read_bytes() == bytes.fromhex("30030a0101")  # malformedRequest


def test_a_new_responder_answers_and_the_old_one_stands(eds: Eds, house: AuthorityFolder) -> None:
    issue(eds)
    chain(eds)
    rotate = ("ca", "ocsp", "rotate", "--issuer", "people-2026")
    assert eds(*rotate).status == 8
    made = eds(*rotate, "--yes", "--json", password=PASSWORD)
    assert made.status == 0, made.err
    rows = eds("ca", "ocsp", "show", "--issuer", "people-2026", "--json").json
    assert [row["answers"] for row in rows] == [True, True]
    said = ocsp_says(eds)
    assert "good" in said
    openssl("ocsp", "-respin", "a.der", "-noverify", "-resp_text", "-out", "text")
    shown = re.search(r"Serial Number: *\n\s+([0-9a-f:]+)", Path("text").read_text())
    assert shown
    newest = max(rows, key=lambda row: row["not_before"])
    assert shown[1].replace(":", "").zfill(38) == newest["serial_number"]


def test_an_interrupted_rotation_goes_on_with_its_key(eds: Eds, house: AuthorityFolder) -> None:
    store = open_keystore(str(house.path / "keys"))
    assert isinstance(store, FileKeyStore)
    assert eds("key", "generate", "ocsp-people-2026-20260101", "--store", "example/keys",
               "--purpose", "authentication", password=PASSWORD).status == 0  # fmt: skip
    outcome = eds("ca", "ocsp", "rotate", "--issuer", "people-2026", "--yes", "--json",
                  password=PASSWORD)  # fmt: skip
    assert outcome.json["plan"]["key"] == "ocsp-people-2026-20260101"
    assert store.find("ocsp-people-2026-20260101").certificate is not None


# --- many at once, and in time --------------------------------------------------------------------


def test_a_mass_act_is_counted_and_then_carried_out(eds: Eds, house: AuthorityFolder) -> None:
    serial = issue(eds)
    issue_other(eds, "--decision", "renewal/2")
    line = ("ca", "mass", "hold", "incident-7", "--issuer", "people-2026", "--key", "asan.p10")
    planned = eds(*line, "--json")
    assert (planned.status, planned.json["plan"]["changes"]) == (8, 2)
    assert eds(*line, "--ra", "centre-8", "--json").json["plan"]["selected"] == 0
    assert eds(*line, "--profile", "natural-person-unified", "--json").json["plan"]["selected"] == 0
    assert eds("ca", "show", serial, "--json").json["status"]["state"] == "valid"
    done = eds(*line, "--ra", "centre-7", "--yes", "--json")
    assert (done.json["progress"]["state"], done.json["progress"]["changed"]) == ("finished", 2)
    assert eds("ca", "show", serial, "--json").json["status"]["state"] == "on_hold"
    again = eds(*line, "--yes")
    assert (again.status, again.code) == (5, "register.request_used")
    revoked = eds("ca", "mass", "revoke", "incident-8", "--issuer", "people-2026", "--person",
                  "person-17", "--reason", "superseded", "--yes")  # fmt: skip
    assert "2 changed" in revoked.out


def test_a_mass_act_that_was_cut_off_goes_on_or_is_stopped(
    eds: Eds, house: AuthorityFolder
) -> None:
    from eds.ca.issuers import STATUS_RULES
    from eds.ca.lifecycle import Act
    from eds.ca.mass import MassActs
    from eds.ca.selection import MassAct, Selection

    serial = issue(eds)
    acts = MassActs(house.register, policy=STATUS_RULES)
    for name in ("cut-1", "cut-2"):
        selection = Selection(
            issuer=house.issuer("people-2026").identifier, persons=frozenset({"person-17"})
        )
        act = MassAct(name=name, selection=selection, act=Act.HOLD, actor="official/1")
        now = datetime.now(UTC)
        acts.start(acts.plan(act, at=now), at=now)
    assert "doctor.mass_unfinished" in codes(eds)
    assert eds("ca", "mass", "show", "--json").json == ["cut-1", "cut-2"]
    assert eds("ca", "mass", "stop", "cut-2", "--yes").status == 0
    assert eds("ca", "mass", "resume", "cut-1").status == 8
    assert eds("ca", "mass", "resume", "cut-1", "--yes").status == 0
    assert eds("ca", "mass", "show", "--json").json == []
    assert eds("ca", "mass", "show", "cut-1", "--json").json["progress"]["state"] == "finished"
    assert eds("ca", "show", serial, "--json").json["status"]["state"] == "on_hold"
    assert eds("ca", "mass", "show", "cut-3").status == 3


def test_a_request_to_revoke_has_24_hours(eds: Eds, house: AuthorityFolder) -> None:
    serial = issue(eds)
    receive = ("ca", "revocations", "receive", serial, "--requester", "person-17")
    early = (datetime.now(UTC) - timedelta(hours=20)).isoformat()
    for name, more in (("w-1", ()), ("w-2", ("--received-at", early)), ("w-3", ())):
        outcome = eds(*receive, "--request", name, "--reason", "superseded", *more)
        assert outcome.status == 0, outcome.err
    listed = eds("ca", "revocations", "list", "--json")
    assert listed.status == 1
    assert [(row["request"], row["urgency"]) for row in listed.json] == [
        ("w-2", "due"), ("w-1", "waiting"), ("w-3", "waiting")
    ]  # fmt: skip
    assert "doctor.revocation_due" in codes(eds)
    day = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert "doctor.revocation_overdue" in codes(eds, "--at", day)
    assert eds("ca", "revocations", "refuse", "w-3", "--why", "not confirmed").status == 0
    assert eds("ca", "revoke", serial, "--reason", "superseded", "--yes").status == 0
    listed = eds("ca", "revocations", "list", "--json")
    assert (listed.status, listed.json) == (0, [])
    ahead = ("--received-at", day, "--request", "w-4", "--reason", "hold")
    assert eds(*receive, *ahead).status == 2


# --- unfinished -----------------------------------------------------------------------------------


def test_what_was_never_finished_is_found_and_given_up(eds: Eds, house: AuthorityFolder) -> None:
    from eds.ca.issuers import ClosedKey, desk_rules
    from tests.ca.test_issuing_folder import request_for

    people = house.issuer("people-2026")
    authority = house.authority(people, ClosedKey.of(people), policy=desk_rules(people))
    now = datetime.now(UTC)
    prepared = authority.prepare(request_for(house), at=now)
    intent = replace(prepared.intent, created_at=now - timedelta(hours=2))
    house.register.reserve([intent])
    assert eds("ca", "doctor", "--json").status == 1
    found = eds("ca", "recover", "--json")
    assert (found.status, len(found.json["plan"]["intents"])) == (8, 1)
    assert eds("ca", "recover", "--older-than", "180", "--json").json["given_up"] == []
    done = eds("ca", "recover", "--yes", "--json")
    assert done.json["given_up"] == [intent.serial.hex()]
    chain(eds)
    publish(eds)
    assert listed(intent.serial.hex()) == "cessation of operation"


# --- the doctor -----------------------------------------------------------------------------------


def codes(eds: Eds, *more: str) -> set[str]:
    outcome = eds("ca", "doctor", "--json", *more)
    found = {row["code"] for row in outcome.json["findings"]}
    assert outcome.status == (1 if found else 0)
    return found


def test_the_doctor_finds_nothing_where_nothing_is_wrong(eds: Eds, house: AuthorityFolder) -> None:
    publish(eds)
    eds("ca", "crl", "--issuer", "root-2026", "--out", "www", password=PASSWORD)
    assert codes(eds) == set()
    assert "nothing found" in eds("ca", "doctor").out


def test_the_doctor_sees_time_pass(eds: Eds, house: AuthorityFolder) -> None:
    publish(eds)

    def after(days: float) -> set[str]:
        return codes(eds, "--at", (datetime.now(UTC) + timedelta(days=days)).isoformat())

    assert codes(eds) == {"doctor.list_absent"}  # of the root
    assert after(0.9) == {"doctor.list_absent", "doctor.list_due"}
    assert "doctor.list_stale" in after(1.1)
    assert "doctor.checkpoint_due" in after(1.1)
    assert "doctor.responder_ends" in after(80)
    assert "doctor.responder_absent" in after(100)
    assert "doctor.issuer_ends" in after(3600)
    assert "doctor.issuer_expired" in after(4000)
    assert "doctor.clock_behind" in after(-1)
    os.utime(house.path / "authority.toml", (0, 0))  # not by that file, but by the log
    assert "doctor.clock_behind" in after(-0.1)


def test_the_doctor_sees_what_others_can_reach(eds: Eds, house: AuthorityFolder) -> None:
    for path in ("register.db", "authority.toml", "keys/people-2026.pem"):
        (house.path / path).chmod(0o644)
    (house.path / "profiles").chmod(0o777)
    outcome = eds("ca", "doctor", "--json")
    places = {row["place"] for row in outcome.json["findings"] if row["code"] == "doctor.exposed"}
    assert places == {"register.db", "authority.toml", "keys/people-2026.pem", "profiles"}


def test_the_doctor_sees_keys_that_are_not_as_they_should_be(
    eds: Eds, house: AuthorityFolder
) -> None:
    keys = house.path / "keys"
    (keys / "root" / "root-2026.pem").rename(keys / "root" / "other.pem")
    (keys / "people-2026.pem").unlink()
    assert eds("key", "generate", "people-2026", "--store", str(keys), "--purpose", "both",
               password=PASSWORD).status == 0  # fmt: skip
    found = codes(eds)
    assert found >= {
        "doctor.key_out_of_reach", "doctor.key_exchanged", "doctor.key_purpose"
    }  # fmt: skip


def test_the_doctor_sees_a_log_that_was_changed(eds: Eds, house: AuthorityFolder) -> None:
    from sqlalchemy import text

    with house.register.engine.connect() as connection:
        connection.execute(text("DROP TRIGGER IF EXISTS audit_records_no_delete"))
        for (name,) in connection.execute(
            text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        ).all():
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text("DELETE FROM audit_records WHERE sequence = 5"))
        connection.commit()
    assert "audit.record_missing" in codes(eds)


# --- the folder -----------------------------------------------------------------------------------


def test_an_authority_is_made_once(eds: Eds, home: Path) -> None:
    init = ("ca", "init", "a", "--name", "example", "--actor", "official/1")
    assert eds(*init, password=PASSWORD).status == 0
    assert (home / "a").stat().st_mode & 0o777 == 0o700
    assert (home / "a" / "register.db").stat().st_mode & 0o777 == 0o600
    again = eds(*init, password=PASSWORD)
    assert (again.status, again.code) == (5, "eds.invalid_argument")
    assert codes(eds, "--authority", "a") == {"doctor.no_issuer", "doctor.checkpoint_due"}
    assert eds("ca", "upgrade", "--authority", "a").status == 0
    note = eds("ca", "checkpoint", "--authority", "a", password=PASSWORD)
    assert note.out.startswith("example/log\n")


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("--name", "Example Authority"), "eds.invalid_argument"),
        (("--database", "postgresql://eds:secret@host/register"), "eds.invalid_argument"),
        (("--database", "mysql://host/register"), "eds.invalid_argument"),
        (("--actor", NUMBER), "audit.personal_data"),
    ],
)
def test_settings_that_are_wrong_make_no_authority(
    options: tuple[str, str], code: str, eds: Eds, home: Path
) -> None:
    outcome = eds("ca", "init", "a", "--name", "example", "--actor", "official/1", *options,
                  password=PASSWORD)  # fmt: skip
    assert outcome.code == code
    assert "secret" not in outcome.err
    assert not (home / "a" / "authority.toml").exists()


def test_where_no_authority_is_the_command_says_so(eds: Eds, home: Path) -> None:
    outcome = eds("ca", "doctor")
    assert (outcome.status, outcome.code) == (3, "ca.authority_not_found")


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ("version = 1", "version = 2", "version"),
        ("node = 1", "node = 200", "node"),
        ("node = 1", "node = 1\ncolour = 2", "colour"),
        ("personal_numbers = '", "personal_numbers = '(", "personal_numbers"),
    ],
)
def test_settings_that_are_not_known_are_refused(
    before: str, after: str, field: str, eds: Eds, house: AuthorityFolder
) -> None:
    file = house.path / "authority.toml"
    file.write_text(file.read_text().replace(before, after))
    outcome = eds("ca", "doctor")
    assert (outcome.status, outcome.code) == (6, "ca.malformed_settings")
    assert f"authority.toml: {field}: " in outcome.err


# --- a ceremony in a token ------------------------------------------------------------------------


def test_a_ceremony_in_a_token(
    token: Token, eds: Eds, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = {**token.env, "EDS_ACTOR": "official/1", "T_PIN": PIN}
    pin = ("--pin-env", "T_PIN")
    monkeypatch.setenv("EDS_AUTHORITY", "a")
    made = spawn("ca", "init", "a", "--name", "example", "--key-store", token.uri, *pin, env=env)
    assert made.status == 0, made.err
    text = DESCRIPTION.decode().replace('"keys/root"', f'"{token.uri}"')
    Path("first.toml").write_text(text)
    held = spawn("ca", "ceremony", "first.toml", "--yes", "--json", *pin, env=env)
    assert held.status == 0, held.err
    uris = [row["key_uri"] for row in held.json["certificates"]]
    assert all(uri.startswith("pkcs11:") and "serial=" in uri for uri in uris)
    assert not [*Path("a").rglob("keys/*")]
    # What follows needs no token, but the last.
    report = "a/ceremonies/example-2026.json"
    verified = eds("ca", "ceremony", "--verify", report, "--key", "a/audit.pem")
    assert (verified.status, "the report holds" in verified.out) == (0, True)
    chain(eds)
    said = openssl("verify", "-x509_strict", "-CAfile", "root.pem", "people.pem")
    assert "people.pem: OK" in said
    listed = spawn("ca", "crl", "--issuer", "root-2026", "--out", "www", *pin, env=env)
    assert listed.status == 0, listed.err
    openssl("crl", "-inform", "DER", "-in", "www/root.crl", "-CAfile", "root.pem", "-noout")


def test_a_changed_report_has_findings_and_status_1(eds: Eds, house: AuthorityFolder) -> None:
    report = house.path / "ceremonies" / "example-2026.json"
    assert eds("ca", "ceremony", "--verify", report, "--json").json["findings"] == []
    report.write_bytes(report.read_bytes().replace(b"D. Omarov", b"D. Umarov"))
    outcome = eds("ca", "ceremony", "--verify", report, "--json")
    assert outcome.status == 1
    assert [row["code"] for row in outcome.json["findings"]] == ["ceremony.untrusted"]
