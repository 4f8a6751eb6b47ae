"""Ask an ASGI application as a server would, without one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eds.http.application import Application


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> tuple[int, str]:
        """Status and code of a problem, which is what it must be."""
        assert self.headers["content-type"] == "application/problem+json"
        assert self.json["status"] == self.status
        return self.status, self.json["code"]


async def ask(
    application: Application,
    method: str,
    path: str,
    *,
    pieces: Sequence[bytes] = (b"",),
    ends: bool = True,
    **headers: str,
) -> Answer:
    """The answer to one request; `pieces` of its body come one by one."""
    left = list(pieces)
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        if not left:
            if ends:
                return {"type": "http.disconnect"}
            await asyncio.Event().wait()
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left) or not ends}

    async def send(message: Any) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [
            (name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()
        ],
        "client": ("192.0.2.7", 40000),
    }
    await application(scope, receive, send)
    if not sent:
        return Answer(0, {}, b"")
    told = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return Answer(sent[0]["status"], told, b"".join(part["body"] for part in sent[1:]))


def answer(application: Application, method: str, path: str, **more: Any) -> Answer:
    return asyncio.run(ask(application, method, path, **more))
