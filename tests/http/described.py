"""The desk attacked by its own description, by whoever has the token and who has not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import seed as seeded
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from eds.http.desk import OPERATIONS
from eds.http.openapi import describe
from tests.http.desk_house import TOKEN

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def attack(port: int, applications: Sequence[str], *, examples: int, seed: int) -> int:
    """Every operation so many times; how many requests were made. Raises what schemathesis finds.

    A 503 is no fault here where it says that something was away; nothing is.
    """
    schema = schemathesis.openapi.from_dict(describe(OPERATIONS))
    asked = 0
    for result in schema.get_all_operations():
        operation: Any = result
        operation = operation.ok()

        @seeded(seed)
        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(
            case=operation.as_strategy(),
            application=st.sampled_from([None, *applications]),
            token=st.sampled_from([TOKEN, "c29tZWJvZHkgZWxzZSdzIHRva2Vu", None]),
        )
        def ask(case: Any, application: str | None, token: str | None) -> None:
            nonlocal asked
            if application is not None and "application" in (case.path_parameters or {}):
                case.path_parameters["application"] = application
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            asked += 1
            case.call_and_validate(
                base_url=f"http://127.0.0.1:{port}", headers=headers, checks=CHECKS
            )

        ask()
    return asked
