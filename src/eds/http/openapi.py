"""The description of the desk's doors (OpenAPI 3.1), of the same rows as its routes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from .bodies import Schema
from .messages import Request, Response
from .operations import APPLICATION, Caller, Operation
from .routing import Route

PATH: Final = "/openapi.json"
VERSION: Final = "1"  # of the API: what stands in its paths
_PROBLEM: Final[Schema] = {
    "type": "object",
    "title": "Problem",
    "description": "RFC 9457, with the stable code of the library",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "reasons": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["code", "status", "title", "type"],
}
# What can go wrong anywhere, with whose fault it is.
_REFUSALS: Final = (400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 422, 429, 500, 503)
_WORDS: Final = {
    400: "Not a request that can be read",
    401: "The token is missing, or not that of this application",
    403: "Refused; `reasons` say why, as far as that helps nobody else",
    404: "There is no such thing",
    409: "Not from this state, used before, or a message with another content",
    422: "Read, but it cannot be relied on",
    429: "Too many requests from one address",
    503: "Something is away; again after Retry-After",
}


def describe(operations: Iterable[Operation], *, title: str = "Desk") -> dict[str, Any]:
    """The document."""
    paths: dict[str, Any] = {}
    schemas: dict[str, Schema] = {"Problem": _PROBLEM}
    for row in operations:
        paths.setdefault(row.path, {})[row.method.lower()] = _operation(row, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": VERSION,
            "description": "Enrolment over HTTP. What officials do is signed in the body: "
            "there is no session.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {str(status): _refusal(status) for status in _REFUSALS},
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "16 to 128 octets in base64url, chosen by the applicant who "
                    "opens the application",
                }
            },
        },
    }


def description(operations: Iterable[Operation]) -> Route:
    """The route that answers with the document."""
    body = json.dumps(describe(operations), ensure_ascii=False, separators=(",", ":")).encode()
    answer = Response(headers=((b"content-type", b"application/json"),), body=body)

    async def door(request: Request) -> Response:
        del request
        return answer

    return Route(method="GET", path=PATH, door=door, kind="desk")


def _operation(row: Operation, schemas: dict[str, Schema]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": row.name,
        "summary": row.summary,
        "tags": ["officials" if row.caller in (Caller.OFFICIAL, Caller.SIGNER) else "applicants"],
        "parameters": [*_parameters(row)],
        "responses": {
            str(row.status): {
                "description": HTTPStatus(row.status).phrase,
                "content": {"application/json": {"schema": _kept(row.answer, schemas)}},
            },
            **{str(status): {"$ref": f"#/components/responses/{status}"} for status in _REFUSALS},
        },
        "security": [{"token": []}] if row.has_token else [],
    }
    if row.body is not None:
        found["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _kept(row.body.schema, schemas)}},
        }
    return found


def _kept(schema: Any, schemas: dict[str, Schema]) -> Any:
    """The schema with each part that has a title in `schemas`, and a reference in its place.

    Parts of one title are one thing; what has the same title and is another keeps its place.
    """
    if isinstance(schema, list):
        return [_kept(each, schemas) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: _kept(each, schemas) for name, each in schema.items()}
    title = made.get("title")
    if not isinstance(title, str) or schemas.setdefault(title, made) != made:
        return made
    return {"$ref": f"#/components/schemas/{title}"}


def _parameters(row: Operation) -> Iterable[dict[str, Any]]:
    if "{application}" in row.path:
        yield {
            "name": "application",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": f"^{APPLICATION}$"},
        }
    if row.has_message:
        yield {
            "name": "Idempotency-Key",
            "in": "header",
            "required": True,
            "description": "Names the act: the same again does nothing twice",
            "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$"},
        }


def _refusal(status: int) -> dict[str, Any]:
    return {
        "description": _WORDS.get(status, HTTPStatus(status).phrase),
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }
