"""Raising PDF signatures to T, LT and LTA (EN 319 142-1 §5.4, §5.5, §6), and renewing them.

A signature in a PDF document cannot be changed, so everything is appended: time-stamps over the
document, and the certificates, lists and OCSP responses in its security store. The earlier
octets stay. The validator says what holds, and judges the result with the anchors alone before
it is returned.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from typing import Any, Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.sign.fields import SigFieldSpec, enumerate_sig_fields
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.constants import ESIC_EXTENSION_1
from pyhanko.sign.signers.pdf_byterange import DocumentTimestamp

from ..algorithms import SHA256
from ..errors import DecodeError, DocumentRefused, LevelNotReached
from ..signeddata import SignedData
from ..verify.attributes import evidence_of
from ..verify.evidence import NO_EVIDENCE, Evidence
from ..verify.pdf_contents import read_byte_range, read_gap
from ..verify.pdf_reader import PdfDocument, SignatureField
from ..verify.policy import Level
from ..verify.report import ValidationReport
from ..verify.validation import validate
from .levels import Raising, missing_evidence, require_level
from .pdf import opened, pdf_errors
from .stamping import RESERVE

_ORDER: Final = (Level.B, Level.T, Level.LT, Level.LTA)
_KINDS: Final = (("/Certs", "/Cert"), ("/CRLs", "/CRL"), ("/OCSPs", "/OCSP"))


def extend_pdf(document: bytes, *, to: Level, by: Raising) -> bytes:
    """`document` with every signature raised to the level `to` at least.

    Nothing is appended where nothing is missing. Raises LevelNotReached with what the validator
    found where the result does not pass at that level; TimeStampRefused; DocumentRefused.
    """
    work = _Work(document, by)
    rank = _ORDER.index(to)
    if rank >= _ORDER.index(Level.T) and work.is_below(Level.T):
        work.stamp()
    if rank >= _ORDER.index(Level.LT):
        work.add_evidence()
    if to is Level.LTA and work.is_below(Level.LTA):
        work.stamp()
        # The status of the new token's authority: not covered, and of use tomorrow.
        work.add_evidence()
    return work.result(to)


def renew_pdf(document: bytes, *, by: Raising) -> bytes:
    """One more time-stamp over the document, before the last one weakens.

    What proves the last one's authority is put in first, so that the new one covers it. Raises
    what `extend_pdf` raises.
    """
    work = _Work(document, by)
    work.add_evidence()
    work.stamp()
    work.add_evidence()
    return work.result(Level.LTA)


class _Work:
    """One document on its way up."""

    def __init__(self, document: bytes, by: Raising) -> None:
        self.document = document
        self.by = by
        if not self.report(by.evidence).signatures:
            raise LevelNotReached(level="T", reached="none", verdict="no signature was found")

    def report(self, evidence: Evidence) -> ValidationReport:
        """What the validator says now."""
        return validate(
            self.document,
            trust=self.by.trust,
            policy=self.by.policy,
            at=self.by.at,
            evidence=evidence,
        )

    def is_below(self, level: Level) -> bool:
        """Whether any signature has not that level yet."""
        return any(
            one.level is None or _ORDER.index(one.level) < _ORDER.index(level)
            for one in self.report(self.by.evidence).signatures
        )

    def stamp(self) -> None:
        """A time-stamp over all that is there (EN 319 142-1 §5.5)."""
        algorithm = self.by.algorithm or SHA256
        with pdf_errors():
            writer = opened(self.document, None)
            taken = {name for name, _, _ in enumerate_sig_fields(writer.prev)}
            field = next(name for n in range(1, 10_000) if (name := f"TimeStamp{n}") not in taken)
            _tell(writer)
            steps = PdfCMSEmbedder(new_field_spec=SigFieldSpec(field)).write_cms(field, writer)
            next(steps)
            steps.send(SigObjSetup(sig_placeholder=DocumentTimestamp(bytes_reserved=2 * RESERVE)))
            digest, output = steps.send(
                SigIOSetup(md_algorithm=algorithm.name, output=io.BytesIO())
            )
        token = self.by.stamper.stamp(digest.document_digest, algorithm=algorithm)
        with pdf_errors():
            digest.fill_with_cms(output, token.encoded)
            self.document = bytes(output.getvalue())

    def add_evidence(self) -> None:
        """Certificates and status of every signer and time-stamping authority (§5.4)."""
        with pdf_errors():
            reader = PdfDocument(self.document, budget=self.by.policy.budget)
            fields = reader.signature_fields()
            held = reader.security_store(reader.revisions - 1)[0]
            for signed in _signed_data(fields, self.document):
                held += evidence_of(signed)
        report = self.report(self.by.evidence)
        found = missing_evidence(report, held=held, by=self.by)
        contents = {one.name: one.contents or b"" for one in fields}
        names = [one.coverage.name if one.coverage else "" for one in report.signatures]
        with pdf_errors():
            writer = opened(self.document, None)
            store = _Store(writer)
            for name, evidence in zip(names, found, strict=True):
                store.add(evidence, about=contents.get(name or "", b""))
            if store.write():
                _tell(writer)
                output = io.BytesIO()
                writer.write(output)
                self.document = output.getvalue()

    def result(self, to: Level) -> bytes:
        """The document, where it passes at that level: from LT on by what it carries alone."""
        carried = _ORDER.index(to) >= _ORDER.index(Level.LT)
        require_level(self.report(NO_EVIDENCE if carried else self.by.evidence), to)
        return self.document


def _signed_data(fields: Iterable[SignatureField], document: bytes) -> Iterator[SignedData]:
    """Those that can be read: the others bring nothing."""
    for one in fields:
        place = read_byte_range(one.byte_range, size=len(document))
        gap = place if isinstance(place, str) else read_gap(document, place)
        if not isinstance(gap, str):
            try:
                yield SignedData(gap[0])
            except DecodeError:
                continue


class _Store:
    """The security store of a document (ISO 32000-2 §12.8.4.3), read and added to."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        root = writer.root
        self._is_new = "/DSS" not in root
        self._store: Any = generic.DictionaryObject() if self._is_new else root["/DSS"]
        if not isinstance(self._store, generic.DictionaryObject):
            raise DocumentRefused(reason="its security store is none")
        self._by_signature: Any = self._store.get("/VRI", generic.DictionaryObject())
        self._kept: dict[str, dict[bytes, Any]] = {
            plural: {stream.get_object().data: stream for stream in _array(self._store, plural)}
            for plural, _ in _KINDS
        }
        self._has_more = False

    def add(self, evidence: Evidence, *, about: bytes) -> None:
        """Add what is not there, and note to which signature it belongs (/VRI)."""
        octets = (
            [one.encoded for one in evidence.certificates],
            [one.encoded for one in evidence.lists],
            [one.encoded for one in evidence.ocsp_responses],
        )
        # Over /Contents as it stands, filling included; a name, and no proof of anything.
        key = pdf_name(f"/{hashlib.sha1(about, usedforsecurity=False).hexdigest().upper()}")
        entry = self._by_signature.get(key, generic.DictionaryObject())
        for (plural, singular), some in zip(_KINDS, octets, strict=True):
            kept = self._kept[plural]
            mine = {one.reference: one for one in _array(entry, singular)}
            for one in some:
                if one not in kept:
                    self._has_more = True
                    kept[one] = self._writer.add_object(_stream(one))
                mine[kept[one].reference] = kept[one]
            if mine:
                entry[pdf_name(singular)] = generic.ArrayObject(mine.values())
        if entry:
            self._by_signature[key] = entry

    def write(self) -> bool:
        """Put it into the document, where anything was added to it. Whether it was."""
        if not self._has_more:
            return False
        for plural, _ in _KINDS:
            if self._kept[plural]:
                self._store[pdf_name(plural)] = generic.ArrayObject(self._kept[plural].values())
        # All of it anew, in one object: where entries stood in objects of their own, they stay.
        self._store[pdf_name("/VRI")] = generic.DictionaryObject(self._by_signature)
        if self._is_new:
            self._writer.root[pdf_name("/DSS")] = self._writer.add_object(self._store)
            self._writer.update_root()
        else:
            self._writer.update_container(self._store)
        return True


def _array(holder: Any, key: str) -> list[Any]:
    """The references in an array; none where it is absent."""
    found = holder.get(key, None)
    some = list.__iter__(found) if isinstance(found, generic.ArrayObject) else ()
    return [one for one in some if isinstance(one, generic.IndirectObject)]


def _tell(writer: Any) -> None:
    """Tell readers of PDF 1.7 of what they do not know (EN 319 142-1 §5.6)."""
    if writer.output_version < (2, 0):
        writer.register_extension(ESIC_EXTENSION_1)


def _stream(octets: bytes) -> Any:
    stream = generic.StreamObject(stream_data=octets)
    stream.compress()
    return stream
