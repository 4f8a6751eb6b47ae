"""Errors: every code stands here for good, once, and on the page."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import eds.errors
from eds.errors import EdsError

# Codes that were released or merged. One that vanishes or changes breaks somebody's handler;
# new ones are added here and to docs/errors.md.
CODES = (
    "eds.error",
    "eds.naive_datetime",
    "eds.invalid_argument",
    "eds.extra_missing",
    "eds.malformed_catalogue",
    "der.error",
    "der.malformed",
    "der.limit_exceeded",
    "pem.malformed",
    "formats.unknown",
    "certificates.malformed_public_key",
    "certificates.malformed",
    "certificates.malformed_request",
    "certificates.malformed_list",
    "certificates.malformed_ocsp_response",
    "certificates.malformed_signed_data",
    "certificates.malformed_time_stamp",
    "certificates.proof_of_possession_failed",
    "formats.malformed_container",
    "names.malformed",
    "names.refused",
    "names.number_refused",
    "algorithms.error",
    "algorithms.unknown",
    "algorithms.unavailable",
    "algorithms.key_mismatch",
    "keys.error",
    "keys.not_found",
    "keys.ambiguous",
    "keys.exists",
    "keys.password_incorrect",
    "keys.password_refused",
    "keys.secret_unavailable",
    "keys.damaged",
    "keys.unsupported",
    "keys.work_factor_exceeded",
    "keys.exposed",
    "keys.store_unavailable",
    "keys.malformed_uri",
    "keys.invalid",
    "keys.purpose_forbidden",
    "keys.certificate_mismatch",
    "keys.operation_unsupported",
    "keys.pin_incorrect",
    "keys.pin_locked",
    "keys.pin_final_try",
    "keys.token_absent",
    "keys.token_failed",
    "keys.module_unavailable",
    "register.mass_act_not_found",
    "register.revocation_request_not_open",
    "register.list_outrun",
    "register.list_refused",
    "register.ambiguous",
    "ca.request_refused",
    "ca.key_too_weak",
    "ca.key_not_permitted",
    "ca.key_reused",
    "ca.profile_violated",
    "ca.lint_failed",
    "ca.monitor_refused",
    "ca.profile_not_found",
    "ca.malformed_profile",
    "verify.error",
    "verify.not_passed",
    "verify.malformed_policy",
    "verify.malformed_trust_store",
    "verify.trust_store_unavailable",
    "verify.environments_mixed",
    "verify.malformed_trusted_list",
    "verify.malformed_pdf",
    "verify.pdf_encrypted",
    "verify.trusted_list_untrusted",
    "verify.evidence_cache_unavailable",
    "verify.anchor_not_found",
    "verify.anchor_not_listed",
    "sign.error",
    "sign.certificate_refused",
    "sign.content_mismatch",
    "sign.document_refused",
    "sign.appearance_refused",
    "sign.time_stamp_refused",
    "ca.malformed_settings",
    "ca.authority_not_found",
    "ca.ceremony_refused",
    "ca.malformed_report",
    "sign.level_not_reached",
    "sign.document_exists",
    "sign.document_unwritable",
    "sign.malformed_manifest",
    "audit.error",
    "audit.malformed_record",
    "audit.malformed_checkpoint",
    "audit.malformed_export",
    "audit.malformed_proof",
    "audit.personal_data",
    "audit.unavailable",
    "audit.chain_broken",
    "audit.checkpoint_untrusted",
    "audit.checkpoint_not_found",
    "audit.record_not_found",
    "enroll.error",
    "enroll.refused",
    "enroll.wrong_state",
    "enroll.application_not_found",
    "enroll.application_changed",
    "enroll.application_open",
    "enroll.evidence_used",
    "enroll.message_reused",
    "enroll.malformed_statement",
    "enroll.provider_unavailable",
    "enroll.simulator_refused",
    "enroll.desk_not_found",
    "enroll.desk_refused",
    "enroll.not_offered",
    "enroll.malformed_mrz",
    "enroll.mrz_check_failed",
    "enroll.malformed_chip_data",
    "enroll.malformed_master_list",
    "enroll.master_list_untrusted",
    "enroll.malformed_assertion",
    "enroll.assertion_refused",
    "enroll.malformed_evidence",
    "enroll.evidence_unreadable",
    "enroll.evidence_destroyed",
    "enroll.evidence_unverified",
    "login.error",
    "login.refused",
    "login.malformed_token",
    "login.malformed_challenge",
    "login.store_unavailable",
    "login.qr_frame_refused",
    "login.request_refused",
    "http.error",
    "http.malformed_request",
    "http.not_found",
    "http.authentication_required",
    "http.client_certificate_required",
    "http.proxy_untrusted",
    "http.method_not_allowed",
    "http.media_type_unsupported",
    "http.request_too_large",
    "http.request_timed_out",
    "http.client_gone",
    "http.rate_exceeded",
    "http.overloaded",
    "http.work_timed_out",
)


def tree(error: type[EdsError] = EdsError) -> Iterator[type[EdsError]]:
    yield error
    for below in error.__subclasses__():
        yield from tree(below)


def public_errors() -> list[type[EdsError]]:
    return [
        error
        for error in dict.fromkeys(tree())
        if error.__module__ == eds.errors.__name__ and not error.__name__.startswith("_")
    ]


def test_no_code_has_vanished() -> None:
    assert set(CODES) - {error.code for error in public_errors()} == set()


def test_every_error_has_a_code_of_its_own() -> None:
    found = [error.code for error in public_errors()]
    assert sorted(found) == sorted(set(found))
    for error in public_errors():
        assert "code" in vars(error)
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", error.code)
        assert error.__doc__


def page_row(error: type[EdsError]) -> str:
    """The row of docs/errors.md: code, class, fields, the first sentence of what it says."""
    fields = ", ".join(f"`{name}`" for name in fields_of(error))
    meaning = (inspect.getdoc(error) or "").split("\n\n")[0].replace("\n", " ")
    return f"| `{error.code}` | `{error.__name__}` | {fields} | {meaning} |"


def fields_of(error: type[EdsError]) -> list[str]:
    if error.__init__ is Exception.__init__:
        return []  # a family: never raised itself
    return list(inspect.signature(error.__init__).parameters)[1:]


def test_page_lists_every_error_as_it_is() -> None:
    page = (Path(__file__).parents[1] / "docs" / "errors.md").read_text()
    rows = {row for row in page.splitlines() if row.startswith("| `")}
    wanted = {page_row(error) for error in public_errors()}
    assert sorted(wanted - rows) == [], "these rows belong into docs/errors.md"
    assert sorted(rows - wanted) == [], "these rows of docs/errors.md tell of no error"


def test_fields_are_keywords_kept_as_they_came_and_told() -> None:
    for error in public_errors():
        if error.__init__ is Exception.__init__:
            continue  # a family: never raised itself
        parameters = list(inspect.signature(error.__init__).parameters.values())[1:]
        assert all(p.kind is p.KEYWORD_ONLY for p in parameters), error
        values = {p.name: 7 if "int" in str(p.annotation) else f"<{p.name}>" for p in parameters}
        raised = error(**values)
        assert str(raised)
        for name, value in values.items():
            assert getattr(raised, name) == value, error
