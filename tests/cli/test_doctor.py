"""`eds doctor`: a healthy installation, and one fault at a time put into a copy of it."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from eds.ca.folder import AuthorityFolder
from eds.certificates import Certificate
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from eds.verify.trustfolder import load_trust_store, save_trust_store
from eds_cli import machine
from eds_cli.advice import ADVICE, advice
from tests.ca.authority_house import cheap_keys, pin
from tests.cli.conftest import ROOT, Eds
from tests.enroll.desk_house import NOON, DeskHouse

HOUR = timedelta(hours=1)
MICROS = 1_000_000


@pytest.fixture(scope="session")
def _healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("installation")
    DeskHouse(path).build()
    folder = AuthorityFolder(path / "example")
    with cheap_keys(), folder.audit_signer(pin=pin) as signer:
        folder.checkpoint(signer, at=NOON)
    folder.register.engine.dispose()
    backup = path / "backups" / "register.db.copy"
    backup.parent.mkdir(mode=0o700)
    shutil.copyfile(path / "example" / "register.db", backup)
    backup.chmod(0o600)
    for file, age in ((backup, HOUR), (path / "example" / "authority.toml", 24 * HOUR)):
        made = (NOON - age).timestamp()
        os.utime(file, (made, made))
    return path


@pytest.fixture
def installation(_healthy: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("EDS_PKCS11_MODULE", raising=False)
    shutil.copytree(_healthy, home, dirs_exist_ok=True)
    return home


ASKED = (
    *("doctor", "--authority", "example", "--store", "officials", "--trust", "trust"),
    *("--backups", "backups", "--at", NOON.isoformat()),
)


def found(eds: Eds, *more: str) -> list[str]:
    outcome = eds(*ASKED, *more, "--json")
    codes = [one["code"] for one in outcome.json["findings"]]
    assert outcome.status == (1 if codes else 0)
    return codes


def test_a_healthy_installation_has_nothing(eds: Eds, installation: Path) -> None:
    assert found(eds) == []
    outcome = eds(*ASKED, "--language", "kk")
    assert outcome.status == 0
    assert "ештеңе табылмады" in outcome.out


# --- the faults -----------------------------------------------------------------------------------


def sql(*statements: str) -> Callable[[], None]:
    def change() -> None:
        connection = sqlite3.connect("example/register.db")
        triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        for (name,) in triggers.fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()
        connection.close()

    return change


def micros(hours: float) -> int:
    return int((NOON + hours * HOUR).timestamp() * MICROS)


def mode(place: str, bits: int) -> Callable[[], None]:
    return lambda: Path(place).chmod(bits)


def own_anchors(**changes: object) -> Callable[[], None]:
    def change() -> None:
        (anchor,) = load_trust_store(Path("trust")).anchors
        anchors = [TrustAnchor(certificate=anchor.certificate, **changes)]  # type: ignore[arg-type]
        save_trust_store(
            TrustStore(anchors, name="officials", environment=Environment.TEST), Path("trust")
        )

    return change


def another_key() -> None:
    """The key of the log, under the name of the issuer."""
    Path("example/keys/people-2026.pem").write_bytes(Path("example/keys/audit.pem").read_bytes())


def unfinished() -> None:
    connection = sqlite3.connect("example/register.db")
    columns = [row[1] for row in connection.execute("PRAGMA table_info(intents)")]
    changed = {
        "serial": "x'00ff'",
        "request": "'cut-off'",
        "state": "'reserved'",
        "created_at": str(micros(-3)),
        "closed_at": "NULL",
    }
    values = ", ".join(changed.get(name, name) for name in columns)
    connection.execute(
        f"INSERT INTO intents ({', '.join(columns)}) SELECT {values} FROM intents LIMIT 1"
    )
    connection.commit()
    connection.close()


def no_responder() -> None:
    responders = [
        path
        for path in Path("example").rglob("*.pem")
        if path.parent.name != "root" and "ocsp" in path.name
    ]
    assert responders
    for path in responders:
        path.unlink()


def set_back(place: str, hours: float) -> Callable[[], None]:
    at = (NOON + hours * HOUR).timestamp()
    return lambda: os.utime(place, (at, at))


def an_empty_copy() -> None:
    Path("backups/register.db.copy").write_bytes(b"")
    set_back("backups/register.db.copy", -1)()


def overwritten(place: str, data: bytes) -> Callable[[], object]:
    return lambda: Path(place).write_bytes(data)


def cut() -> None:
    key = Path("officials/checker.pem")
    key.write_bytes(key.read_bytes()[:-200])


def another_anchor() -> None:
    next(Path("trust").glob("*.cer")).write_bytes(b"another")


FAULTS: dict[str, tuple[str, Callable[[], object]]] = {
    # permissions
    "the register can be read by others": ("doctor.exposed", mode("example/register.db", 0o644)),
    "the settings can be read by others": ("doctor.exposed", mode("example/authority.toml", 0o640)),
    "an issuing key can be read by others": (
        "doctor.exposed",
        mode("example/keys/people-2026.pem", 0o604),
    ),
    "others may write profiles": ("doctor.exposed", mode("example/profiles", 0o777)),
    "an official's key can be read by others": (
        "doctor.exposed",
        mode("officials/operator.pem", 0o644),
    ),
    "others may say whom to trust": ("doctor.exposed", mode("trust/trust.toml", 0o666)),
    "copies can be read by others": ("doctor.exposed", mode("backups/register.db.copy", 0o644)),
    # keys and certificates
    "an issuing key is gone": (
        "doctor.key_out_of_reach",
        lambda: Path("example/keys/people-2026.pem").unlink(),
    ),
    "a key file is damaged": ("doctor.key_unreadable", cut),
    # the clock
    "the clock went back": ("doctor.clock_behind", set_back("example/authority.toml", 2)),
    # lists and responders
    "a list was never published": (
        "doctor.list_absent",
        sql("UPDATE lists SET this_update = NULL, next_update = NULL WHERE shard = 0"),
    ),
    "a list is past its time": (
        "doctor.list_stale",
        sql(f"UPDATE lists SET this_update = {micros(-30)}, next_update = {micros(-1)}"),
    ),
    "a list is due": (
        "doctor.list_due",
        sql(f"UPDATE lists SET this_update = {micros(-23)}, next_update = {micros(1)}"),
    ),
    "a list is of tomorrow": (
        "doctor.clock_behind",
        sql(f"UPDATE lists SET this_update = {micros(1)}, next_update = {micros(99)}"),
    ),
    "no responder is there": ("doctor.responder_absent", no_responder),
    # the database and the log
    "the database is gone": (
        "doctor.missing",
        lambda: Path("example/register.db").unlink(),
    ),
    "the database is none": (
        "doctor.database_unreachable",
        overwritten("example/register.db", b"no database" * 1000),
    ),
    "the database is of an older program": (
        "doctor.database_revision",
        sql("UPDATE register_version SET version_num = '0000'"),
    ),
    "a certificate was begun and not finished": ("doctor.unfinished", unfinished),
    "a record of the log was taken away": (
        "audit.record_missing",
        sql("DELETE FROM audit_records WHERE sequence = 3"),
    ),
    # trust
    "an anchor has ended": ("doctor.anchor_ended", own_anchors(until=NOON - HOUR)),
    "an anchor ends soon": ("doctor.anchor_ends", own_anchors(until=NOON + 24 * HOUR)),
    "nobody is believed": (
        "doctor.trust_empty",
        lambda: save_trust_store(
            TrustStore([], name="officials", environment=Environment.TEST), Path("trust")
        ),
    ),
    "an anchor was exchanged": ("doctor.trust_unreadable", another_anchor),
    # copies
    "there is no copy": (
        "doctor.backup_absent",
        lambda: Path("backups/register.db.copy").unlink(),
    ),
    "the last copy is old": ("doctor.backup_old", set_back("backups/register.db.copy", -50)),
    "the last copy is empty": ("doctor.backup_empty", an_empty_copy),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_found_and_nothing_else(eds: Eds, installation: Path, fault: str) -> None:
    code, put_in = FAULTS[fault]
    put_in()
    assert set(found(eds)) == {code}


def test_a_key_under_anothers_name_is_found(eds: Eds, installation: Path) -> None:
    another_key()
    assert "doctor.key_exchanged" in found(eds)


def test_the_folders_of_production_and_test_are_told_apart(eds: Eds, installation: Path) -> None:
    store = load_trust_store(Path("trust"))
    save_trust_store(
        TrustStore(store.anchors, name="ours", environment=Environment.PRODUCTION), Path("more")
    )
    assert found(eds, "--trust", "more") == ["doctor.environments_mixed"]


def test_an_anchor_of_a_test_set_is_not_for_production(
    eds: Eds, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from eds.country import countries
    from eds.verify import doctor

    (anchor,) = load_trust_store(Path("trust")).anchors
    (kz,) = (one for one in countries().values() if one.code == "KZ")
    tests = next(one for one in kz.trust_sets if one.environment == "test")
    known = replace(tests.certificates[0], sha256=anchor.certificate.fingerprint.hex())
    mine = replace(kz, trust_sets=(replace(tests, certificates=(known,)),))
    monkeypatch.setattr(doctor, "countries", lambda: {"KZ": mine})
    save_trust_store(
        TrustStore([anchor], name="ours", environment=Environment.PRODUCTION), Path("trust")
    )
    assert found(eds) == ["doctor.test_anchor"]


def test_certificates_of_people_end(eds: Eds, installation: Path) -> None:
    key = Path("officials/operator.pem").read_bytes()
    certificate = Certificate.load_all(key)[0]
    ends = certificate.not_after
    for at, code in (
        (ends - 24 * HOUR, "doctor.certificate_ends"),
        (ends + HOUR, "doctor.certificate_expired"),
        (certificate.not_before - HOUR, "doctor.certificate_early"),
    ):
        outcome = eds("doctor", "--store", "officials", "--trust", "trust", "--at", at.isoformat(),
                      "--json")  # fmt: skip
        assert code in {one["code"] for one in outcome.json["findings"]}


def test_a_module_that_cannot_be_loaded_is_found(
    eds: Eds, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDS_PKCS11_MODULE", str(installation / "no-such-module.so"))
    assert found(eds) == ["doctor.token_module"]


def test_a_full_disk_is_found(
    eds: Eds, installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "LEAST_FREE", 1 << 62)
    assert found(eds) == ["doctor.disk_full"]


@pytest.mark.parametrize(
    ("requirements", "code"),
    [
        (["no-such-thing>=1"], "doctor.package_missing"),
        (["click>=999"], "doctor.package_version"),
        (["click<2"], "doctor.package_version"),
        (["click>=8; extra == 'x'", "no-such-thing>=1; extra == 'x'"], "doctor.extra_incomplete"),
    ],
)
def test_packages_that_are_not_as_they_are_wanted_are_found(
    eds: Eds,
    installation: Path,
    monkeypatch: pytest.MonkeyPatch,
    requirements: list[str],
    code: str,
) -> None:
    monkeypatch.setattr(machine, "requirements", lambda: requirements)
    assert found(eds) == [code]


def test_an_extra_that_nobody_wanted_is_not_missed() -> None:
    wanted = ["no-such-thing>=1; extra == 'x'", "no-such-tool; extra == 'dev'"]
    assert list(machine.packages(wanted, version=machine.installed)) == []


def test_data_that_the_package_lacks_is_found(tmp_path: Path) -> None:
    assert {one.code for one in machine.data(tmp_path)} == {"doctor.data_missing"}


def test_a_desk_is_examined_where_it_is_named(eds: Eds, installation: Path) -> None:
    healthy = set(found(eds, "--desk", "desk"))
    assert healthy <= {"doctor.demonstration", "doctor.simulator"}  # it is a demonstration
    Path("desk/vault.key").chmod(0o644)
    assert set(found(eds, "--desk", "desk")) - healthy == {"doctor.exposed"}


def test_every_finding_says_what_to_do() -> None:
    sources = [
        path
        for folder in (ROOT / "src", ROOT / "cli")
        for path in folder.rglob("*.py")
        if path.name != "advice.py"
    ]
    codes = {
        code
        for path in sources
        for code in re.findall(r'"(doctor\.[a-z_]+)"', path.read_text(encoding="utf-8"))
    }
    assert codes == set(ADVICE)
    assert advice("audit.record_missing")
    assert advice("else") is None


def test_advice_is_in_the_language_of_the_reader(eds: Eds, installation: Path) -> None:
    Path("example/profiles").chmod(0o777)
    told = eds(*ASKED, "--language", "ru").out
    assert "[doctor.exposed]\n        Закройте доступ" in told


def test_what_is_named_and_not_there_is_an_error(eds: Eds, installation: Path) -> None:
    assert eds("doctor", "--authority", "nowhere").code == "ca.authority_not_found"
    assert eds("doctor", "--desk", "nowhere").code == "enroll.desk_not_found"
