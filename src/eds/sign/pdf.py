"""PDF signatures of level PAdES B-B and B-T (EN 319 142-1): pyHanko's writer around our own CMS.

The document is only ever appended to: every octet that was there before stays, and with them
the signatures of others. What pyHanko raises over a damaged document becomes DocumentRefused.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from ..errors import (
    AppearanceRefused,
    DocumentRefused,
    EdsError,
    InvalidArgument,
    NaiveDatetime,
    Sentence,
)
from ..signeddata import SignedData
from .attributes import NOTHING_SAID, Statement
from .cms import CmsSigner, sign_digest
from .stamping import RESERVE, TimeStamper, with_signature_time_stamp

if TYPE_CHECKING:
    from ..keys.contract import Secret
    from .appearance import Appearance
    from .pdf_screening import Risk

# Whatever the application does with logs: what stands in a document is not for them.
logging.getLogger("pyhanko").addHandler(logging.NullHandler())

SIZE_LIMIT: Final = 256 * 1024 * 1024
_TEXT_LIMIT: Final = 500
_PYHANKO: Final = frozenset({"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512"})
_OVERHEAD: Final = 2048  # octets of a SignedData beside its certificates


class Permission(Enum):
    """What may change after a certifying signature (DocMDP, ISO 32000-2 §12.8.2.2)."""

    NOTHING = 1
    FORM_FILLING = 2
    ANNOTATIONS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PdfStatement:
    """What stands in the signature dictionary beside the signature (ISO 32000-2 table 255).

    `field` names the field: an empty one of that name is used, a missing one made; "" makes a
    new name. `certify` makes it the author's signature, the first of the document, and says
    what may change after it. Raises InvalidArgument.
    """

    field: str = ""
    name: str | None = None
    reason: str | None = None
    location: str | None = None
    contact: str | None = None
    certify: Permission | None = None

    def __post_init__(self) -> None:
        for argument in ("field", "name", "reason", "location", "contact"):
            text = getattr(self, argument)
            if text is not None and (len(text) > _TEXT_LIMIT or not (text or argument == "field")):
                raise InvalidArgument(argument=argument, reason=f"1 to {_TEXT_LIMIT} characters")
        if "." in self.field:
            raise InvalidArgument(argument="field", reason="a dot would name a field in a field")


PLAIN: Final = PdfStatement()


def sign_pdf(
    document: bytes,
    *,
    by: CmsSigner,
    at: datetime,
    statement: PdfStatement = PLAIN,
    attributes: Statement = NOTHING_SAID,
    appearance: Appearance | None = None,
    stamper: TimeStamper | None = None,
    password: Secret | None = None,
    accepted: frozenset[str] = frozenset(),
) -> bytes:
    """`document` with one more signature, invisible on the page without an `appearance`.

    `at` is the time the signer claims (/M); PAdES wants it there and not among the signed
    attributes, so `attributes` must not name one. With a `stamper` the signature reaches
    level T. `password` opens an encrypted document. A document that could show something else
    tomorrow is refused, but for what `accepted` names: codes of `screened`.

    With a GOST key it is experimental: no other software has made or read such a document here,
    and `is_experimental` says so.

    Raises DocumentRefused, AppearanceRefused, ExtraMissing, InvalidArgument, TimeStampRefused,
    NaiveDatetime, and what the key raises.
    """
    if at.utcoffset() is None:
        raise NaiveDatetime(argument="at")
    if attributes.signing_time is not None:
        raise InvalidArgument(argument="attributes", reason="PAdES keeps the time in /M")
    if len(document) > SIZE_LIMIT:
        raise DocumentRefused(reason=Sentence("more than {count} octets", count=SIZE_LIMIT))
    import pyhanko.sign.signers.cms_embedder  # noqa: F401 - a failure here is no document's

    from .pdf_screening import require_harmless, screen

    with pdf_errors():
        writer = opened(document, password)
        require_harmless(screen(writer.prev, document), accepted=accepted)
        digest, output = _embedder(
            writer,
            by=by,
            at=at,
            statement=statement,
            appearance=appearance,
            stamped=stamper is not None,
        )
    cms = sign_digest(digest.document_digest, by=by, statement=attributes)
    if stamper is not None:
        signed = SignedData(cms)
        cms = with_signature_time_stamp(signed, of=signed.signer_infos[0], stamper=stamper)
    with pdf_errors():
        digest.fill_with_cms(output, cms)
        return bytes(output.getvalue())


def is_experimental(by: CmsSigner) -> bool:
    """Whether a PDF signature by that signer has no other implementation to be held against."""
    return by.digest_algorithm.name not in _PYHANKO


def screened(document: bytes, *, password: Secret | None = None) -> tuple[Risk, ...]:
    """What in `document` could show something else tomorrow; to be shown before it is signed.

    Raises DocumentRefused where it cannot be read.
    """
    from .pdf_screening import screen

    with pdf_errors():
        return screen(opened(document, password).prev, document)


def opened(document: bytes, password: Secret | None) -> Any:
    """The document in the writer of pyHanko, which only appends. Raises what pyHanko raises."""
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter

    class Appending(IncrementalPdfFileWriter):
        IO_CHUNK_SIZE = 1 << 20

        def _update_meta(self) -> None:
            """Title, author and the claim of PDF/A stay as they are: signing edits nothing."""

    writer: Any = Appending(io.BytesIO(document), strict=False)
    if writer.prev.encrypted:
        encrypt: Any = writer.encrypt
        encrypt(b"" if password is None else password.reveal())
    return writer


def _embedder(
    writer: Any,
    *,
    by: CmsSigner,
    at: datetime,
    statement: PdfStatement,
    appearance: Appearance | None,
    stamped: bool,
) -> tuple[Any, io.BytesIO]:
    """Append everything but the CMS. Returns what fills it in, and the document so far."""
    from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
    from pyhanko.sign.signers.cms_embedder import (
        PdfCMSEmbedder,
        SigIOSetup,
        SigMDPSetup,
        SigObjSetup,
    )
    from pyhanko.sign.signers.pdf_byterange import SignatureObject

    field = statement.field or _free_name(writer)
    size = _OVERHEAD + sum(len(one.encoded) for one in by.certificates)
    if stamped:
        size += RESERVE
    placeholder = SignatureObject(
        timestamp=at,
        subfilter=SigSeedSubFilter.PADES,
        name=statement.name,
        location=statement.location,
        reason=statement.reason,
        contact_info=statement.contact,
        bytes_reserved=2 * size,
    )
    mdp = None
    # pyHanko knows no GOST: it lays out the document, and the digest is taken here.
    national = by.digest_algorithm.name not in _PYHANKO
    algorithm = "sha256" if national else by.digest_algorithm.name
    if statement.certify is not None:
        if _has_signatures(writer):
            raise DocumentRefused(reason="the author's signature must be the first")
        mdp = SigMDPSetup(
            md_algorithm=algorithm, certify=True, docmdp_perms=MDPPerm(statement.certify.value)
        )
    spec, drawing = SigFieldSpec(field), None
    if appearance is not None:
        spec, drawing = _visible(writer, field, appearance, by=by, at=at, reason=statement.reason)
    steps = PdfCMSEmbedder(new_field_spec=spec).write_cms(field, writer)
    next(steps)
    steps.send(SigObjSetup(sig_placeholder=placeholder, mdp_setup=mdp, appearance_setup=drawing))
    digest, output = steps.send(SigIOSetup(md_algorithm=algorithm, output=io.BytesIO()))
    if national:
        octets = output.getbuffer()
        feed = by.digest_algorithm.new()
        feed.update(octets[: digest.reserved_region_start])
        feed.update(octets[digest.reserved_region_end :])
        octets.release()
        digest = replace(digest, document_digest=feed.digest())
    return digest, output


def _visible(
    writer: Any,
    field: str,
    appearance: Appearance,
    *,
    by: CmsSigner,
    at: datetime,
    reason: str | None,
) -> tuple[Any, Any]:
    """The field to make, and what draws it."""
    from pyhanko.sign.fields import SigFieldSpec, enumerate_sig_fields

    from .pdf_appearance import Drawing, page_of

    drawing = Drawing(appearance=appearance, certificate=by.certificate, at=at, reason=reason)
    place = appearance.place
    stands = field in {name for name, _, _ in enumerate_sig_fields(writer.prev)}
    if place is None or stands:
        if stands and place is None:
            return SigFieldSpec(field), drawing
        if stands:
            raise AppearanceRefused(reason="the field has its own place already")
        raise AppearanceRefused(reason="the field is not there, and no place was given")
    page = page_of(writer, place.page)
    number = place.page - 1 if place.page > 0 else place.page
    return SigFieldSpec(field, on_page=number, box=page.rectangle(place)), drawing  # type: ignore[arg-type]


def _free_name(writer: Any) -> str:
    from pyhanko.sign.fields import enumerate_sig_fields

    taken = {name for name, _, _ in enumerate_sig_fields(writer.prev)}
    return next(name for n in range(1, 10_000) if (name := f"Signature{n}") not in taken)


def _has_signatures(writer: Any) -> bool:
    from pyhanko.sign.fields import enumerate_sig_fields

    return any(value is not None for _, value, _ in enumerate_sig_fields(writer.prev))


@contextmanager
def pdf_errors() -> Iterator[None]:
    """Whatever a hostile or damaged document makes pyHanko raise leaves as DocumentRefused."""
    try:
        yield
    except EdsError:
        raise
    except RecursionError as error:
        raise DocumentRefused(reason="nested too deeply") from error
    except Exception as error:
        raise DocumentRefused(reason=_reason(error)) from error


def _reason(error: Exception) -> str:
    from pyhanko.pdf_utils.misc import PdfError

    if isinstance(error, PdfError):
        return str(error)[:200]
    return f"it cannot be read ({type(error).__name__})"
