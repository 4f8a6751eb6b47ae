"""What the description says is what the doors do, and nothing that fits it makes them fall."""

from __future__ import annotations

import jsonschema
import pytest

from eds.http.desk import OPERATIONS
from eds.http.openapi import PATH
from tests.enroll.house import OPERATOR
from tests.http.described import attack
from tests.http.desk_house import Doors, serving


def test_the_description_is_openapi_of_all_routes(doors: Doors) -> None:
    found = doors.send("GET", PATH, token="").json
    assert found["openapi"] == "3.1.0"
    told = {(method.upper(), path) for path, row in found["paths"].items() for method in row}
    made = {(row.method, row.path) for row in OPERATIONS}
    assert told == made
    names = [row["operationId"] for rows in found["paths"].values() for row in rows.values()]
    assert len(names) == len(set(names))
    for rows in found["paths"].values():
        for row in rows.values():
            for answer in row["responses"].values():
                for content in answer["content"].values():
                    jsonschema.Draft202012Validator.check_schema(content["schema"])


@pytest.mark.untraced
def test_nothing_that_fits_the_description_makes_a_door_fall(doors: Doors) -> None:
    cleared = doors.cleared()
    waiting = doors.house.present().application
    with serving(doors.application) as port:
        assert attack(port, [cleared, waiting], examples=3, seed=7) >= len(OPERATIONS)
    assert not [entry for entry in doors.told if entry.status >= 500 or entry.place]
    assert doors.house.store.official(doors.house.person(OPERATOR)) is not None
    doors.house.check_log()
