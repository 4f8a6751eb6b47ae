"""What the description says is what the doors do, and nothing that fits it makes them fall."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest

from eds.http.desk import OPERATIONS
from eds.http.openapi import PATH
from tests.enroll.house import OPERATOR
from tests.http.described import attack
from tests.http.desk_house import Doors, serving


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_the_description_is_openapi_of_all_routes(doors: Doors) -> None:
    found = doors.send("GET", PATH, token="").json
    assert found["openapi"] == "3.1.0"
    told = {(method.upper(), path) for path, row in found["paths"].items() for method in row}
    made = {(row.method, row.path) for row in OPERATIONS}
    assert told == made
    names = [row["operationId"] for rows in found["paths"].values() for row in rows.values()]
    assert len(names) == len(set(names))
    for schema in found["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    parts = found["components"]
    for _, kind, name in (each.split("/")[1:] for each in references(found)):
        assert name in parts[kind], name


@pytest.mark.untraced
def test_nothing_that_fits_the_description_makes_a_door_fall(doors: Doors) -> None:
    cleared = doors.cleared()
    waiting = doors.house.present().application
    with serving(doors.application) as port:
        assert attack(port, [cleared, waiting], examples=3, seed=7) >= len(OPERATIONS)
    assert not [entry for entry in doors.told if entry.status >= 500 or entry.place]
    assert doors.house.store.official(doors.house.person(OPERATOR)) is not None
    doors.house.check_log()
