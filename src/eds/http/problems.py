"""What an error becomes at the door: a status, and a problem (RFC 9457) with its stable code.

The table knows codes and families of codes (what stands before the point). What stands in no row
is our own fault, and says no more than that.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Final

from ..errors import (
    AuthenticationRequired,
    EdsError,
    MethodNotAllowed,
    RateExceeded,
    TransitionRefused,
)
from .messages import NO_STORE, Headers, Response

# Code of an error, or its family → status.
STATUS: Final = {
    "http.malformed_request": 400,
    "http.authentication_required": 401,
    "http.client_certificate_required": 403,
    "http.proxy_untrusted": 403,
    "http.not_found": 404,
    "http.method_not_allowed": 405,
    "http.request_timed_out": 408,
    "http.request_too_large": 413,
    "http.media_type_unsupported": 415,
    "http.rate_exceeded": 429,
    "http.work_timed_out": 503,
    "http.overloaded": 503,
    "register.issuer_not_found": 404,
    "register.certificate_not_found": 404,
    "register.mass_act_not_found": 404,
    "register.unavailable": 503,
    "register.outdated": 503,
    "register.newer": 503,
    "register": 409,
    "ca.profile_not_found": 404,
    "ca.profile_violated": 403,
    "ca.monitor_refused": 500,
    "ca.lint_failed": 422,
    "ca.key_reused": 409,
    "ca.request_refused": 422,
    "ca.key_too_weak": 422,
    "ca.key_not_permitted": 422,
    "enroll.refused": 403,
    "enroll.application_not_found": 404,
    "enroll.wrong_state": 409,
    "enroll.application_changed": 409,
    "enroll.application_open": 409,
    "enroll.evidence_used": 409,
    "enroll.message_reused": 409,
    "enroll.provider_unavailable": 503,
    "enroll.evidence_destroyed": 410,
    "enroll.error": 500,
    "enroll": 422,
    "login.store_unavailable": 503,
    "login.refused": 403,
    "login.request_refused": 403,
    "login.qr_frame_refused": 403,
    "login": 422,
    "audit.personal_data": 422,
    "audit.record_not_found": 404,
    "audit.checkpoint_not_found": 404,
    "audit": 503,
    "certificates": 422,
    "algorithms": 422,
    "names": 422,
    "formats": 422,
    "der.limit_exceeded": 413,
    "der": 422,
    "pem": 422,
    "verify": 422,
    "sign": 422,
    "keys": 503,
}
_PROBLEM: Final = (b"content-type", b"application/problem+json")
_RETRY_SECONDS: Final = 5  # what is asked of a client that came while something was away


def status_of(error: EdsError) -> int:
    """The HTTP status of an error."""
    code = error.code
    return STATUS.get(code) or STATUS.get(code.partition(".")[0], 500)


def problem(error: EdsError) -> Response:
    """The answer that an error becomes.

    What a client did wrong is explained; what is wrong in here has its code and no more.
    """
    status = status_of(error)
    headers: Headers = ()
    if isinstance(error, MethodNotAllowed):
        headers = ((b"allow", ", ".join(error.allowed).encode()),)
    elif isinstance(error, RateExceeded):
        headers = ((b"retry-after", b"%d" % error.retry_after),)
    elif status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers = ((b"retry-after", b"%d" % _RETRY_SECONDS),)
    elif isinstance(error, AuthenticationRequired):
        headers = ((b"www-authenticate", error.scheme.encode()),)
    if isinstance(error, TransitionRefused):
        # Never its words: they name checks that an impostor must not know of.
        return _problem(status, error.code, None, headers, reasons=list(error.shown))
    detail = str(error) if status < HTTPStatus.INTERNAL_SERVER_ERROR else None
    return _problem(status, error.code, detail, headers)


def fault() -> Response:
    """The answer to a mistake of ours. What it was stands in the log."""
    return _problem(500, "http.internal", None, ())


def _problem(
    status: int, code: str, detail: str | None, headers: Headers, **more: object
) -> Response:
    fields: dict[str, object] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "code": code,
    }
    if detail is not None:
        fields["detail"] = detail
    body = json.dumps({**fields, **more}, ensure_ascii=False, separators=(",", ":")).encode()
    return Response(status=status, headers=(_PROBLEM, NO_STORE, *headers), body=body)
