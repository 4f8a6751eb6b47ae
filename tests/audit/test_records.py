"""Records: one spelling for one content, and nothing in them that must not be said."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eds.audit.merkle import leaf_hash
from eds.audit.records import FORBIDDEN_KEYS, AuditEntry, AuditRecord, write_record
from eds.errors import InvalidArgument, MalformedAuditRecord, NaiveDatetime, PersonalDataRefused
from tests.audit.house import NOON, is_personal, record

KEYS = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True).filter(
    lambda key: key not in FORBIDDEN_KEYS
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def nobody(text: str) -> bool:
    del text
    return False


def write(is_personal: Callable[[str], bool] = is_personal, **changed: Any) -> bytes:
    one = record(**changed)
    entry = AuditEntry(
        at=one.at, act=one.act, actor=one.actor, subject=one.subject, details=dict(one.details)
    )
    return write_record(
        entry, writer=one.writer, sequence=one.sequence, previous=one.previous,
        is_personal=is_personal,
    )  # fmt: skip


def test_the_canonical_bytes_are_these() -> None:
    one = record(details={"b": [1, None, True], "a": 'Ә\x1f\n"\\/\x7f€', "c": {}})
    assert one.encoded.decode() == (
        '{"act":"ca.certificate.issued","actor":"official/9f86","at":"2026-11-23T12:00:00.000000Z",'
        '"details":{"a":"Ә\\u001f\\n\\"\\\\/\x7f€","b":[1,null,true],"c":{}},"previous":"'
        + "0" * 64
        + '","sequence":1,"subject":"issuer-1/01","v":1,"writer":"node-1"}'
    )
    assert one.hash == leaf_hash(one.encoded)


@pytest.mark.untraced
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_a_record_is_read_back_from_its_bytes(details: dict[str, Any]) -> None:
    try:
        one = record(details=details)
    except InvalidArgument as refused:
        assert "deeper" in refused.reason  # noqa: PT017
        return
    again = AuditRecord.decode(one.encoded)
    assert again == one
    assert (again.details, again.hash, again.at) == (one.details, one.hash, one.at)
    assert hash(again) == hash(one)
    assert pickle.loads(pickle.dumps(one)) == one
    assert json.loads(one.encoded)["details"] == details
    assert write(nobody, details=details) == one.encoded


@pytest.mark.parametrize(
    "respell",
    [
        lambda text: text + " ",
        lambda text: text.replace(",", ", ", 1),
        lambda text: text.replace('"v":1', '"v":1.0'),
        lambda text: text.replace('"v":1', '"v":true'),
        lambda text: text.replace('"v":1', '"v":2'),
        lambda text: text.replace('"sequence":1', '"sequence":-0'),
        lambda text: text.replace('"sequence":1', '"sequence":1e0'),
        lambda text: text.replace('"sequence":1', '"sequence":"1"'),
        lambda text: text.replace('"v":1', '"v":1,"v":1'),
        lambda text: text.replace('"v":1,', '"v":1,"x":1,'),
        lambda text: text.replace('"v":1,', ""),
        lambda text: text.replace("issued", "\\u0069ssued"),
        lambda text: text.replace(".000000Z", "Z"),
        lambda text: text.replace(".000000Z", ".000000+00:00"),
        lambda text: text.replace("T12:", "T25:"),
        lambda text: text.replace('"details":{', '"details":{"é":1,'),
        lambda text: text.replace('"details":{', '"details":{"z":NaN,'),
        lambda text: text.replace('"details":{', '"details":{"password":"1",'),
        lambda text: text.replace('"previous":"00', '"previous":"0A'),
        lambda text: text.replace('"subject":"issuer-1/01"', '"subject":null'),
        lambda text: "[" + text + "]",
        lambda text: text[:-1],
        lambda _: "",
        lambda _: "[" * 30000,
        lambda text: text + " " * 70000,
    ],
)
def test_another_spelling_is_refused(respell: Callable[[str], str]) -> None:
    with pytest.raises(MalformedAuditRecord):
        AuditRecord.decode(respell(record().encoded.decode()).encode())


def test_what_is_not_utf8_is_refused() -> None:
    with pytest.raises(MalformedAuditRecord):
        AuditRecord.decode(record().encoded.replace(b"issuer", b"i\xffsuer"))


@pytest.mark.parametrize(
    "changed",
    [
        {"writer": "Node 1"},
        {"writer": ""},
        {"sequence": 0},
        {"sequence": True},
        {"sequence": 2**53},
        {"act": "issued"},
        {"act": "ca.Issued"},
        {"actor": "two words"},
        {"actor": "x" * 201},
        {"subject": "имя"},
        {"previous": b"short"},
        {"previous": "0" * 32},
        {"details": []},
        {"details": {"a": 1.5}},
        {"details": {"a": b"octets"}},
        {"details": {"a": 2**53}},
        {"details": {"a": "\ud800"}},
        {"details": {"A": 1}},
        {"details": {1: 1}},
        {"details": {"a": "x" * 65536}},
        {"details": {"a": [[[[[[[[1]]]]]]]]}},
        {"details": {"a": NOON}},
    ],
)
def test_what_has_no_canonical_form_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(InvalidArgument):
        record(**changed)


def test_an_instant_is_aware_and_kept_in_utc() -> None:
    with pytest.raises(NaiveDatetime):
        record(at=datetime(2026, 1, 1))  # noqa: DTZ001
    almaty = timezone(timedelta(hours=5))
    assert record(at=NOON.astimezone(almaty)).encoded == record().encoded


@pytest.mark.parametrize("key", sorted(FORBIDDEN_KEYS))
def test_a_key_that_announces_a_secret_is_refused(key: str) -> None:
    with pytest.raises(PersonalDataRefused) as refused:
        record(details={"deep": [{key: "x"}]})
    assert refused.value.field == f"details.deep.{key}"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"actor": "880101300123"}, "actor"),
        ({"subject": "person/880101300123"}, "subject"),
        ({"details": {"a": {"b": ["no", "880101300123"]}}}, "details.a.b"),
        ({"details": {"a": 880101300123}}, "details.a"),
        ({"details": {"a": [None, {"b": -880101300123}]}}, "details.a.b"),
        ({"details": {"a": {"b": "no", "iin": []}}}, "details.a"),
        ({"actor": "880101300123", "details": {"a": {}}}, "actor"),
        ({"subject": "person/880101300123", "details": {"a": [1]}}, "subject"),
        ({"details": {"iin": "x"}}, "details"),
    ],
)
def test_a_personal_number_is_found_wherever_it_stands(changed: dict[str, Any], field: str) -> None:
    with pytest.raises(PersonalDataRefused) as refused:
        write(**changed)
    assert refused.value.field == field
    assert "880101300123" not in str(refused.value)


@pytest.mark.parametrize(
    "details",
    [{"a": 10**5000}, {"a": [2**53]}, {"a": {"b": 1.5}}, {"a": [[[[[[[[1]]]]]]]]}, {"a": {1: []}}],
)
def test_what_has_no_canonical_form_is_not_written_either(details: dict[str, Any]) -> None:
    one = record()
    entry = AuditEntry(
        at=one.at, act=one.act, actor=one.actor, subject=one.subject, details=details
    )
    with pytest.raises(InvalidArgument):
        write_record(
            entry, writer="w", sequence=1, previous=one.previous, is_personal=is_personal
        )  # fmt: skip


def test_digests_are_no_personal_numbers() -> None:
    details = {"fingerprint": "ab123456789012" + "0" * 50, "ok": True}
    assert write(details=details) == record(details=details).encoded


@pytest.mark.parametrize("text", ["100 %s", '"%d"', "Ә%%\\", ""])
def test_a_record_of_texts_is_written_as_any_other(text: str) -> None:
    details = {"b": text, "a": "x"}
    assert write(nobody, details=details) == record(details=details).encoded
    assert write(nobody, details={**details, "c": True}) == record(
        details={**details, "c": True}
    ).encoded  # fmt: skip
