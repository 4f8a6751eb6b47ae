"""The validation door: a signed document comes in, its report goes out.

The verdict is in the report and the status is 200 whatever it says. Nothing is fetched: what helps
to decide comes with the document. Small CMS is judged at once, in less time than handing it over
would take; everything else by processes apart, under limits.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from ..certificatelists import CertificateList
from ..certificates import Certificate
from ..errors import MalformedHttpRequest, MediaTypeUnsupported
from ..ocsp import OcspResponse
from ..verify.evidence import NO_EVIDENCE, Evidence
from ..verify.policy import ValidationPolicy
from ..verify.report_json import as_json
from ..verify.trust import TrustStore
from ..verify.validation import validate
from .messages import JSON, NO_STORE, Request, Response
from .multipart import read_multipart

FORM: Final = "multipart/form-data"
DOCUMENT_TYPES: Final = (
    "application/octet-stream",
    "application/pdf",
    "application/cms",
    "application/pkcs7-mime",
    "application/pkcs7-signature",
    "application/zip",
)
_SEQUENCE: Final = b"\x30"  # how DER and BER of a CMS begin, and no PDF, ZIP or text


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A document to be judged as of `at`; `signature` is CMS about it where it is detached."""

    document: bytes = field(repr=False)
    signature: bytes | None = field(default=None, repr=False)
    evidence: tuple[bytes, ...] = field(default=(), repr=False)
    at: datetime

    @property
    def size(self) -> int:
        """Octets of all parts."""
        parts = (self.document, self.signature or b"", *self.evidence)
        return sum(map(len, parts))

    def encode(self) -> bytes:
        """Octets for another process; `decode` reads them back."""
        parts = (self.document, self.signature or b"", *self.evidence)
        head = json.dumps(
            {
                "at": self.at.isoformat(),
                "detached": self.signature is not None,
                "sizes": [len(part) for part in parts],
            }
        )
        return b"\n".join((head.encode(), b"".join(parts)))

    @classmethod
    def decode(cls, encoded: bytes) -> Question:
        """What `encode` wrote."""
        line, _, rest = encoded.partition(b"\n")
        head = json.loads(line)
        parts = []
        for size in head["sizes"]:
            parts.append(rest[:size])
            rest = rest[size:]
        return cls(
            document=parts[0],
            signature=parts[1] if head["detached"] else None,
            evidence=tuple(parts[2:]),
            at=datetime.fromisoformat(head["at"]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Judges by one trust store and one policy."""

    trust: TrustStore
    policy: ValidationPolicy

    def examine(self, question: Question) -> bytes:
        """The report as JSON. Nothing in the document raises; DecodeError for evidence that is
        none.
        """
        report = validate(
            question.document,
            signature=question.signature,
            trust=self.trust,
            policy=self.policy,
            at=question.at,
            evidence=evidence_of(question.evidence) if question.evidence else NO_EVIDENCE,
        )
        return json.dumps(as_json(report), ensure_ascii=False, separators=(",", ":")).encode()


def evidence_of(parts: Iterable[bytes]) -> Evidence:
    """The certificates, lists and OCSP responses among these, by what they are.

    None of it is believed for being there. Raises DecodeError, MalformedHttpRequest for a part
    that holds none.
    """
    certificates: list[Certificate] = []
    lists: list[CertificateList] = []
    responses: list[OcspResponse] = []
    for part in parts:
        found = (
            Certificate.certificates(part),
            CertificateList.load_all(part),
            OcspResponse.load_all(part),
        )
        if not any(found):
            raise MalformedHttpRequest(reason="evidence that is none")
        certificates += found[0]
        lists += found[1]
        responses += found[2]
    return Evidence(
        certificates=tuple(certificates), lists=tuple(lists), ocsp_responses=tuple(responses)
    )


Apart = Callable[[Question], Awaitable[bytes]]
"""Examines in a process apart: the report, or Overloaded, WorkTimedOut, and what was refused."""


class VerifyDoor:
    """Judges what is posted: CMS of up to `here_octets` here, everything else `apart`."""

    def __init__(
        self,
        examiner: Examiner,
        *,
        apart: Apart,
        here_octets: int,
        clock: Callable[[], datetime],
    ) -> None:
        self._examiner = examiner
        self._apart = apart
        self._here = here_octets
        self._clock = clock

    async def __call__(self, request: Request, /) -> Response:
        """POST of a document, or of a form with `document` and perhaps `signature`, `evidence`.

        Raises MediaTypeUnsupported, MalformedHttpRequest, DecodeError for evidence that is none,
        Overloaded, WorkTimedOut, and what reading a body does.
        """
        question = await self._question(request)
        if question.size <= self._here and _is_cms(question):
            report = self._examiner.examine(question)
        else:
            report = await self._apart(question)
        return Response(headers=(JSON, NO_STORE), body=report)

    async def _question(self, request: Request) -> Question:
        media_type = request.media_type
        if media_type == FORM:
            body = await request.body()
            return self._of_form(body, request.header(b"content-type") or b"")
        if media_type not in DOCUMENT_TYPES:
            raise MediaTypeUnsupported(accepted=(*DOCUMENT_TYPES, FORM))
        return Question(document=await request.body(), at=self._clock())

    def _of_form(self, body: bytes, content_type: bytes) -> Question:
        found: dict[str, list[bytes]] = {"document": [], "signature": [], "evidence": []}
        for part in read_multipart(body, content_type=content_type):
            if part.name not in found:
                raise MalformedHttpRequest(reason="the parts are document, signature and evidence")
            found[part.name].append(part.body)
        if len(found["document"]) != 1 or len(found["signature"]) > 1:
            raise MalformedHttpRequest(reason="one document, and one signature at most")
        return Question(
            document=found["document"][0],
            signature=found["signature"][0] if found["signature"] else None,
            evidence=tuple(found["evidence"]),
            at=self._clock(),
        )


def _is_cms(question: Question) -> bool:
    signed = question.document if question.signature is None else question.signature
    return signed[:1] == _SEQUENCE
