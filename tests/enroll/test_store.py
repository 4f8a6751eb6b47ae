"""What the store promises: versions, messages, single use, the log; on both databases."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect

from eds.audit.records import AuditRecord
from eds.ca.database import open_database
from eds.enroll import issuing, migrations, remote
from eds.enroll.application import rebuild
from eds.enroll.desk import Envelope, snapshot_of
from eds.enroll.encoding import encode
from eds.enroll.evidence.vault import AesMasterKey, RetentionClass
from eds.enroll.filing import evidence_file
from eds.enroll.kinds import EvidenceKind
from eds.enroll.migrations import upgrade
from eds.enroll.states import State
from eds.enroll.store import ApplicationStore
from eds.enroll.tables import METADATA
from eds.errors import (
    ApplicationChanged,
    ApplicationOpen,
    EdsError,
    EvidenceDestroyed,
    EvidenceUnreadable,
    EvidenceUsed,
    MalformedStatement,
    MessageReused,
    RegisterOutdated,
    RegisterUnavailable,
    TransitionRefused,
)
from tests.enroll.house import (
    DAY,
    HOUR,
    MASTER,
    NOON,
    RESIDENT,
    TERMS,
    TOKEN,
    Holder,
    House,
    resident,
)


def test_the_migrations_make_what_the_tables_say(desk_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = open_database(desk_url)
    assert upgrade(engine) == (migrations.REVISION, migrations.REVISION)
    mine = set(METADATA.tables)

    def ours(thing: Any, name: str | None, kind: str, reflected: bool, other: object) -> bool:
        return kind != "table" or name in mine

    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"version_table": migrations.VERSION_TABLE, "include_object": ours}
        )
        assert compare_metadata(context, METADATA) == []
    assert mine <= set(inspect(engine).get_table_names())
    engine.dispose()


def test_a_database_without_the_tables_is_not_opened(tmp_path: Any) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'empty.db'}")
    with pytest.raises(RegisterOutdated):
        House(engine)
    engine.dispose()


def test_a_message_that_comes_twice_does_nothing_twice(both: House) -> None:
    application = both.open()
    envelope = both.envelope("submit")
    first = remote.submit(both.desk, application.application, envelope, consent=b"yes", terms=TERMS)
    again = remote.submit(both.desk, application.application, envelope, consent=b"yes", terms=TERMS)
    assert first == again
    with pytest.raises(MessageReused):
        remote.submit(both.desk, application.application, envelope, consent=b"no", terms=TERMS)
    both.check_log()


def test_a_wrong_code_that_comes_twice_counts_once(both: House) -> None:
    application = both.resolved()
    remote.send_code(both.desk, application.application, both.envelope())
    wrong = f"{(int(both.code()) + 1) % 10**6:06d}"
    envelope = both.envelope("wrong")
    for _ in range(2):
        with pytest.raises(TransitionRefused) as refused:
            remote.confirm_contact(both.desk, application.application, envelope, code=wrong)
        assert refused.value.codes == ("code_wrong",)
    assert both.load(application).code_misses == 1
    both.check_log()


def test_of_many_at_once_one_wins(both: House) -> None:
    application = both.contact_confirmed()
    piece = both.photo(application)
    barrier = Barrier(4)

    def offer(number: int) -> str:
        barrier.wait()
        try:
            remote.offer_evidence(
                both.desk, application.application, pieces=(piece,), message=f"p{number}",
                at=both.at,
            )  # fmt: skip
        except EdsError as error:
            return error.code
        return "done"

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(offer, range(4)))
    assert answers.count("done") == 1
    assert set(answers) <= {
        "done", "enroll.application_changed", "enroll.wrong_state", "enroll.evidence_used",
        "enroll.refused",
    }  # fmt: skip
    both.check_log()


def test_evidence_works_once_ever_also_in_another_application(both: House) -> None:
    other = "850101300018"
    both.population.people[other] = resident(other)
    both.phones.numbers[other] = "+77010000002"
    first, second = both.contact_confirmed(), both.contact_confirmed(other)
    piece = both.photo(first)
    remote.offer_evidence(both.desk, first.application, pieces=(piece,), message="a", at=both.at)
    stolen = replace(piece, holder=second.subject)
    with pytest.raises(EvidenceUsed):
        remote.offer_evidence(
            both.desk, second.application, pieces=(stolen,), message="b", at=both.at
        )
    assert both.load(second).state is State.CONTACT_CONFIRMED
    both.check_log()


def test_one_person_has_one_open_application(both: House) -> None:
    application = both.open()
    with pytest.raises(ApplicationOpen):
        both.open()
    remote.cancel(both.desk, application.application, both.envelope())
    both.open()
    both.check_log()


def test_the_log_tells_everything_without_the_evidence(both: House) -> None:
    application, _ = both.active(both.cleared(), Holder())
    before = rebuild(both.records())
    for retention in RetentionClass:
        assert both.store.forget(application.application, retention, at=both.at)
        assert not both.store.forget(application.application, retention, at=both.at)
    assert rebuild(both.records()) == before == {application.application: both.load(application)}
    with pytest.raises(EvidenceDestroyed):
        both.store.file(application.application, "applicant")
    both.check_log()


def test_each_class_is_forgotten_when_its_time_is_over(both: House) -> None:
    application, _ = both.active(both.cleared(), Holder())
    name = application.application
    face = next(i for i in application.evidence if i.kind is EvidenceKind.FACE_MATCH)
    kept = {
        "applicant": 120,
        evidence_file(face.kind, face.digest): 30,
        "possession": 15 * 365,
        evidence_file(EvidenceKind.REGISTER, application.snapshot): 15 * 365,
    }
    assert both.store.forget_due(at=both.at) == ()
    for days in (29, 30, 119, 120, 15 * 365 - 1, 15 * 365):
        at = both.at + days * DAY
        gone = issuing.tick(both.desk, both.issuing, at=at)
        assert gone == ()
        for file, lasts in kept.items():
            if days < lasts:
                assert both.store.file(name, file) is not None
            else:
                with pytest.raises(EvidenceDestroyed):
                    both.store.file(name, file)
        both.check_log()
    destroyed = [each for each in both.records() if each.act == "enroll.evidence.destroyed"]
    assert [each.details["retention"] for each in destroyed] == [
        "biometric",
        "document",
        "decision",
    ]


def test_what_is_still_open_is_not_forgotten(house: House) -> None:
    application = house.cleared()
    assert house.store.forget_due(at=house.at + 10_000 * DAY) == ()
    assert house.store.file(application.application, "applicant") is not None


def test_the_master_key_is_changed_without_touching_what_is_sealed(both: House) -> None:
    application, _ = both.active(both.cleared(), Holder())
    name = application.application
    both.store.forget(name, RetentionClass.BIOMETRIC, at=both.at)
    new = AesMasterKey(b"n" * 32, key_id="2027")
    later = ApplicationStore(both.engine, audit=both.mortal, master=new)
    with pytest.raises(EvidenceUnreadable):
        later.file(name, "applicant")
    assert later.rewrap_keys(old=MASTER, limit=1) == 1
    assert later.rewrap_keys(old=MASTER) == 1
    assert later.rewrap_keys(old=MASTER) == 0
    assert later.file(name, "applicant") is not None
    assert later.file(name, "possession") is not None
    with pytest.raises(EvidenceUnreadable):
        both.store.file(name, "possession")


def test_nothing_in_the_database_lets_a_personal_number_be_guessed(house: House) -> None:
    """Whoever has every table and the log, but no key, tries the number they suspect."""
    application = house.cleared()
    snapshot = snapshot_of(house.desk, application)
    assert snapshot is not None
    applicant = house.store.file(application.application, "applicant")
    guesses = [RESIDENT.encode(), encode(snapshot), applicant or b"", RESIDENT.encode() + b"\n"]
    digests = [hashlib.sha256(guess).digest() for guess in guesses]
    with house.engine.connect() as connection:
        for table in inspect(house.engine).get_table_names():
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}"):
                text = repr(tuple(row))
                for digest in digests:
                    assert digest.hex() not in text, table
                    assert digest not in row, table


def test_a_code_has_its_own_tries_and_is_gone_when_it_was_right(house: House) -> None:
    application = house.resolved()
    name = application.application
    remote.send_code(house.desk, name, house.envelope())
    right = house.code()
    with pytest.raises(TransitionRefused):
        remote.confirm_contact(house.desk, name, house.envelope(), code="0" * 6)
    kept = house.store.code(name, "contact")
    assert kept is not None
    assert kept.attempts_left == 2
    assert right.encode() not in repr(kept).encode()
    remote.confirm_contact(house.desk, name, house.envelope(), code=right)
    assert house.store.code(name, "contact") is None


@pytest.mark.parametrize("harm", ["drop", "twice", "swap"])
def test_a_log_with_a_change_missing_or_twice_rebuilds_nothing(house: House, harm: str) -> None:
    house.cleared()
    records = [each for each in house.records() if "changes" in each.details]
    bent: list[AuditRecord] = {
        "drop": records[:3] + records[4:],
        "twice": [*records[:4], *records[3:]],
        "swap": [*records[:3], records[4], records[3], *records[5:]],
    }[harm]
    with pytest.raises(MalformedStatement):
        rebuild(bent)


def test_no_personal_number_and_no_telephone_leaves_the_vault(house: House) -> None:
    house.active(house.cleared(), Holder())
    with house.engine.connect() as connection:
        tables = inspect(house.engine).get_table_names()
        ours = [name for name in tables if name.startswith(("enroll_", "audit_"))]
        for table in ours:
            for row in connection.exec_driver_sql(f"SELECT * FROM {table}"):
                text = repr(tuple(row))
                assert RESIDENT not in text, table
                assert "7010000001" not in text, table
                assert "АХМЕТОВ" not in text, table


def test_after_its_deadline_an_application_only_ends(house: House) -> None:
    application = house.resolved()
    house.tick(by=25 * HOUR)
    with pytest.raises(TransitionRefused) as refused:
        remote.send_code(house.desk, application.application, house.envelope())
    assert refused.value.codes == ("expired",)
    house.tick(by=-20 * HOUR)
    assert issuing.tick(house.desk, house.issuing, at=house.at) == ()
    house.tick(by=20 * HOUR)
    ended = issuing.tick(house.desk, house.issuing, at=house.at)
    assert [each.state for each in ended] == [State.EXPIRED]
    house.tick(by=-24 * HOUR)
    with pytest.raises(EdsError):
        remote.send_code(house.desk, application.application, house.envelope())
    house.check_log()


def test_a_clock_that_went_back_moves_nothing(house: House) -> None:
    application = house.resolved()
    house.tick(by=-HOUR)
    with pytest.raises(TransitionRefused) as refused:
        remote.send_code(house.desk, application.application, house.envelope())
    assert refused.value.codes == ("clock_behind",)


def spend(store: ApplicationStore, name: bytes) -> None:
    record = {"act": "test.spent", "actor": "test", "subject": "test", "details": {}}
    store.spend("test", name * 32, record=record, at=NOON)


def test_a_server_that_went_away_is_told_and_forgotten(
    postgresql_desk: Callable[[], str],
) -> None:
    engine, other = (open_database(url) for url in [postgresql_desk()] * 2)
    store = House(engine).store
    spend(store, b"1")
    assert not store.was_used("a", b"1" * 32)
    assert store.find("a") is None
    with other.connect() as connection:
        begun = (
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND state = 'idle in transaction'"
        )
        assert connection.exec_driver_sql(begun).scalar() == 0
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(RegisterUnavailable):
        store.find("a")
    assert store.find("a") is None
    spend(store, b"2")  # the connection for writing was of the same server
    for each in (engine, other):
        each.dispose()


def test_three_applications_a_day(house: House) -> None:
    for _ in range(3):
        application = house.open()
        remote.cancel(house.desk, application.application, house.envelope())
    with pytest.raises(TransitionRefused) as refused:
        house.open()
    assert refused.value.codes == ("too_many_applications",)
    house.tick(by=DAY + HOUR)
    assert house.open().state is State.DRAFT


def test_a_stolen_name_of_an_application_is_no_token(house: House) -> None:
    application = house.open()
    stranger = Envelope(message="x", at=house.at, token=TOKEN + b"?")
    with pytest.raises(TransitionRefused) as refused:
        remote.cancel(house.desk, application.application, stranger)
    assert refused.value.codes == ("applicant_not_authentic",)
    assert refused.value.shown == ("not_accepted",)


def test_a_step_from_an_old_version_is_refused(both: House) -> None:
    from eds.enroll.desk import Move, advance
    from eds.enroll.guards import Request

    old = both.open()
    remote.cancel(both.desk, old.application, both.envelope())
    with pytest.raises(ApplicationChanged):
        advance(
            both.desk, old, Move(request=Request(act="cancel", token_ok=True)), message="old",
            digest=bytes(32), at=both.at,
        )  # fmt: skip
