"""PDF documents that are signed, and what may and may not be done to them afterwards.

The honest ones are signed with `eds.sign` and appended to with pyHanko's writer; `pdfsig` and
pyHanko judge them too. The manipulated ones follow the published attacks by how these work:
universal forgery, incremental saving and signature wrapping (Mladenov and others, CCS 2019), the
shadow attacks (Mainka and others, NDSS 2021) and those on certification (Rohlmann and others,
S&P 2021).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name, pdf_string
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.writer import PageObject, PdfFileWriter

from eds.algorithms import SHA256
from eds.certificatelists import CertificateList
from eds.sign.pdf import PLAIN, PdfStatement, Permission, sign_pdf
from eds.sign.pdf_screening import ACTIVE_CODES
from eds.verify.evidence import NO_EVIDENCE, Evidence
from eds.verify.policy import BASIC, ValidationPolicy
from eds.verify.report import ValidationReport
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from eds.verify.validation import validate
from tests.sign.house import NOON, Desk, Party, desk, page, party, root

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

Change = Callable[[bytes], bytes]


@cache
def trust() -> TrustStore:
    return TrustStore(
        [TrustAnchor(certificate=root().certificate)], name="test", environment=Environment.TEST
    )


@cache
def status(*, at: datetime = NOON, revoked: int | None = None) -> CertificateList:
    """What the authority says of its certificates."""
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root().certificate.native.subject)
        .last_update(at - HOUR)
        .next_update(at + DAY)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root().native.public_key()),
            critical=False,
        )
        .add_extension(x509.CRLNumber(1), critical=False)
    )
    if revoked is not None:
        builder = builder.add_revoked_certificate(
            x509.RevokedCertificateBuilder().serial_number(revoked).revocation_date(at).build()
        )
    made = builder.sign(root().native, hashes.SHA256())
    return CertificateList(made.public_bytes(Encoding.DER))


def judged(
    document: bytes,
    *,
    at: datetime = NOON,
    policy: ValidationPolicy = BASIC,
    evidence: Evidence | None = None,
) -> ValidationReport:
    given = Evidence(lists=(status(),)) if evidence is None else evidence
    return validate(document, trust=trust(), policy=policy, at=at, evidence=given)


def alone(document: bytes, **changes: Any) -> ValidationReport:
    """Judged by what the document brought and nothing else."""
    return judged(document, evidence=NO_EVIDENCE, **changes)


@cache
def rsa_signer() -> Party:
    return party("rsa-pkcs1-sha256", "СЕРІКОВ ДАУРЕН")


LOOSE = {
    "evidence in the security store": rb"stream\n(.*?)\nendstream",
    "references in the security store": rb"/(?:Certs?|CRLs?|OCSPs?) \[ (.*?) \]",
    "signature named in the security store": rb"/VRI <<\n/([0-9A-F]{40})",
    "date and producer of the update": rb"/(?:ModDate|Producer) \((.*?)\)",
    "identifier of the file": rb"/ID \[ (.*?) \]",
    "value that was filled in": rb"/V \((.*?)\)",
    "entry of a table": rb"(?<=\n)(\d{10} \d{5} [nf])",
    "number of objects": rb"/Size (\d+)",
    "place of the table": rb"startxref\n(\d+)\n",
}
"""What nobody signed and what may be otherwise: it says nothing of the document, or what it says is
judged by itself. All else that was appended must stand there to the letter."""


# --- documents


def name(text: str) -> Any:
    return pdf_name(f"/{text}")


def dictionary(**entries: Any) -> Any:
    return generic.DictionaryObject({name(key): value for key, value in entries.items()})


def numbers(*values: int) -> Any:
    return generic.ArrayObject(map(generic.NumberObject, values))


def drawn(text: str, *, at: tuple[int, int] = (20, 800)) -> bytes:
    return f"BT /F1 18 Tf {at[0]} {at[1]} Td ({text}) Tj ET".encode()


def widget(field: str, value: str | None, look: Any, place: tuple[int, int, int, int]) -> Any:
    one = dictionary(
        Type=name("Annot"), Subtype=name("Widget"), FT=name("Tx"), T=pdf_string(field),
        Rect=numbers(*place), F=generic.NumberObject(4), DA=pdf_string("/F1 12 Tf 0 g"),
    )  # fmt: skip
    if value is not None:
        one[name("V")] = pdf_string(value)
    if look is not None:
        one[name("AP")] = dictionary(N=look)
    return one


@cache
def form(*, amount: str | None = None, shown: str | None = None, stream: bool = False) -> bytes:
    """A contract with two fields, an image over its text, and things that nothing shows yet."""
    writer = PdfFileWriter(stream_xrefs=stream)
    font = writer.add_object(
        dictionary(Type=name("Font"), Subtype=name("Type1"), BaseFont=name("Helvetica"))
    )
    resources = dictionary(Font=dictionary(F1=font))
    image = generic.StreamObject(
        dictionary(
            Type=name("XObject"), Subtype=name("Image"), Width=generic.NumberObject(1),
            Height=generic.NumberObject(1), ColorSpace=name("DeviceGray"),
            BitsPerComponent=generic.NumberObject(8),
        ),
        stream_data=b"\xff",
    )  # fmt: skip
    resources[name("XObject")] = dictionary(Im1=writer.add_object(image))
    text = drawn("I owe you 10") + b" q 200 0 0 40 10 700 cm /Im1 Do Q"
    sheet = PageObject(
        contents=writer.add_object(generic.StreamObject(stream_data=text)),
        media_box=(0, 0, 595, 842),
        resources=resources,
    )
    written = writer.insert_page(sheet)
    look = None
    if shown is not None:
        look = writer.add_object(
            generic.StreamObject(
                dictionary(
                    Type=name("XObject"), Subtype=name("Form"), BBox=numbers(0, 0, 200, 20),
                    Resources=dictionary(Font=dictionary(F1=font)),
                ),
                stream_data=b"/Tx BMC q BT /F1 12 Tf 2 4 Td (%s) Tj ET Q EMC" % shown.encode(),
            )
        )  # fmt: skip
    fields = [
        writer.add_object(widget("amount", amount, look, (20, 600, 220, 620))),
        writer.add_object(widget("place", None, None, (20, 560, 220, 580))),
    ]
    written.get_object()[name("Annots")] = generic.ArrayObject(fields)
    writer.root[name("AcroForm")] = dictionary(
        Fields=generic.ArrayObject(fields), DA=pdf_string("/F1 12 Tf 0 g"),
        DR=dictionary(Font=dictionary(F1=font)),
    )  # fmt: skip
    # Dormant: another page tree, which no one reaches.
    hidden = writer.add_object(generic.StreamObject(stream_data=drawn("I owe you 1000")))
    other = dictionary(
        Type=name("Page"), Contents=hidden, MediaBox=numbers(0, 0, 595, 842), Resources=resources
    )
    writer.add_object(other)
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def signed(
    document: bytes, *, by: Party | None = None, statement: PdfStatement = PLAIN,
    stamper: Desk | None = None, at: datetime = NOON,
) -> bytes:  # fmt: skip
    # Those prepared for an attack are refused by the signer unless told not to.
    return sign_pdf(
        document,
        by=(by or party()).cms(at=at),
        at=at,
        statement=statement,
        stamper=stamper,
        accepted=ACTIVE_CODES,
    )


@cache
def contract(allows: Permission | None = None, **changes: Any) -> bytes:
    return signed(form(**changes), statement=PdfStatement(field="Author", certify=allows))


# --- appending


def appended(document: bytes, change: Callable[[Any], None]) -> bytes:
    """An incremental update, as any program makes one."""
    writer = IncrementalPdfFileWriter(io.BytesIO(document))
    change(writer)
    output = io.BytesIO()
    writer.write(output)
    return output.getvalue()


def first_page(writer: Any) -> Any:
    return writer.root["/Pages"]["/Kids"][0]


def field_of(writer: Any, field: str) -> Any:
    for raw in writer.root["/AcroForm"]["/Fields"]:
        if raw.get_object()["/T"] == field:
            return raw.get_object()
    raise KeyError(field)


def stored(document: bytes, *, by_signature: bool = False, at: datetime = NOON) -> bytes:
    """With all that is needed to judge it, in its security store."""

    def change(writer: Any) -> None:
        def streams(*octets: bytes) -> Any:
            return generic.ArrayObject(
                [writer.add_object(generic.StreamObject(stream_data=one)) for one in octets]
            )

        certificates = streams(
            party().certificate.encoded,
            root().certificate.encoded,
            desk().party.certificate.encoded,
        )
        lists = streams(status(at=at).encoded)
        store = dictionary(Certs=certificates, CRLs=lists)
        if by_signature:
            contents = SHA256.digest(document).hex().upper()[:40]
            store[name("VRI")] = dictionary(
                **{contents: writer.add_object(dictionary(Cert=certificates, CRL=lists))}
            )
        writer.root[name("DSS")] = writer.add_object(store)
        writer.update_root()

    return appended(document, change)


def time_stamped(document: bytes, *, at: datetime = NOON, field: str = "Stamp") -> bytes:
    """With a time-stamp over all of it."""
    from pyhanko.sign.fields import SigFieldSpec
    from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
    from pyhanko.sign.signers.pdf_byterange import DocumentTimestamp

    writer = IncrementalPdfFileWriter(io.BytesIO(document))
    steps = PdfCMSEmbedder(new_field_spec=SigFieldSpec(field)).write_cms(field, writer)
    next(steps)
    steps.send(SigObjSetup(sig_placeholder=DocumentTimestamp(bytes_reserved=16384)))
    digest, output = steps.send(SigIOSetup(md_algorithm="sha256", output=io.BytesIO()))
    authority = Desk(party=desk().party, at=at)
    token = authority.stamp(digest.document_digest, algorithm=SHA256)
    digest.fill_with_cms(output, token.encoded)
    made: bytes = output.getvalue()
    return made


def filled(document: bytes, *, field: str = "amount", value: str = "10") -> bytes:
    def change(writer: Any) -> None:
        one = field_of(writer, field)
        one[name("V")] = pdf_string(value)
        writer.mark_update(one.container_ref)

    return appended(document, change)


def annotated(document: bytes, kind: str = "Text", **more: Any) -> bytes:
    def change(writer: Any) -> None:
        sheet = first_page(writer)
        note = dictionary(
            Type=name("Annot"), Subtype=name(kind), Rect=numbers(300, 300, 320, 320),
            Contents=pdf_string("seen"), **more,
        )  # fmt: skip
        found = sheet["/Annots"] if "/Annots" in sheet else generic.ArrayObject()
        sheet[name("Annots")] = generic.ArrayObject(
            [*list.__iter__(found), writer.add_object(note)]
        )
        writer.mark_update(sheet.container_ref)

    return appended(document, change)


def look(writer: Any, octets: bytes) -> Any:
    return writer.add_object(
        generic.StreamObject(
            dictionary(Type=name("XObject"), Subtype=name("Form"), BBox=numbers(0, 0, 500, 500)),
            stream_data=octets,
        )
    )


def answered(document: bytes, octets: bytes, *, value: str = "10", field: str = "amount") -> bytes:
    """A field filled in together with its look."""

    def change(writer: Any) -> None:
        one = field_of(writer, field)
        one[name("V")] = pdf_string(value)
        made = look(writer, octets)
        fonts = writer.root["/AcroForm"]["/DR"]["/Font"]
        made.get_object()[name("Resources")] = dictionary(Font=fonts)
        one[name("AP")] = dictionary(N=made)
        writer.mark_update(one.container_ref)

    return appended(document, change)


WORDS = b"/Tx BMC q 1 1 198 18 re W n BT /F1 12 Tf 2 4 Td (1) Tj (0) Tj ET Q EMC"


# --- honest documents


def honest() -> dict[str, bytes]:
    """Documents with nothing wrong, each of its kind."""
    plain = signed(page())
    other = rsa_signer()
    lta = time_stamped(stored(signed(page(), stamper=desk())))
    return {
        "one signature": plain,
        "certified, nothing may change": contract(Permission.NOTHING),
        "with a signature time-stamp": signed(page(), stamper=desk()),
        "with a security store": stored(plain),
        "with a store and entries by signature": stored(plain, by_signature=True),
        "with a document time-stamp": time_stamped(plain),
        "LTA": lta,
        "LTA, renewed": time_stamped(stored(lta), field="Stamp2"),
        "two signatures": signed(plain, by=other),
        "two signatures and a store": stored(signed(plain, by=other)),
        "signed again after LTA": signed(lta, by=other),
        "store and stamp after certification without changes": time_stamped(
            stored(contract(Permission.NOTHING))
        ),
        "form filled, nothing said": filled(contract()),
        "form filled, allowed": filled(contract(Permission.FORM_FILLING)),
        "form filled twice, allowed": filled(
            filled(contract(Permission.FORM_FILLING)), field="place", value="Astana"
        ),
        "form filled and signed": signed(filled(contract(Permission.FORM_FILLING)), by=other),
        "value changed, allowed": filled(
            contract(Permission.FORM_FILLING, amount="10"), value="20"
        ),
        "form filled with its look, nothing said": answered(contract(), WORDS),
        "form filled with its look, allowed": answered(contract(Permission.FORM_FILLING), WORDS),
        "line drawn, allowed": annotated(
            contract(Permission.ANNOTATIONS),
            "Ink",
            InkList=generic.ArrayObject([numbers(300, 300, 320, 320)]),
            BS=dictionary(W=generic.NumberObject(2)),
        ),
        "note added, allowed": annotated(contract(Permission.ANNOTATIONS)),
        "highlight added, allowed": annotated(contract(Permission.ANNOTATIONS), "Highlight"),
        "note, form and signature": signed(
            filled(annotated(contract(Permission.ANNOTATIONS))), by=other
        ),
        "cross-reference stream": filled(contract(stream=True)),
    }


# --- manipulated documents


def manipulated() -> dict[str, bytes]:
    """Documents that show what was not signed, or claim a signature that is none."""
    made: dict[str, bytes] = {}
    for family in (_saved, _forged, _wrapped, _shadowed, _certified, _reshaped):
        for key, document in family().items():
            made[f"{family.__name__[1:]}: {key}"] = document
    return made


def _new_text(writer: Any, text: str = "I owe you 1000") -> None:
    sheet = first_page(writer)
    sheet[name("Contents")] = writer.add_object(generic.StreamObject(stream_data=drawn(text)))
    writer.mark_update(sheet.container_ref)


def _number_of(document: bytes, marker: bytes) -> int:
    """The number of the object that holds `marker` first."""
    before = document[: document.index(marker)]
    found = re.findall(rb"(\d+) 0 obj", before)
    return int(found[-1])


def _startxref(document: bytes) -> int:
    return int(re.findall(rb"startxref\s+(\d+)", document)[-1])


def _saved() -> dict[str, bytes]:
    """Incremental saving: something is put behind what is signed."""
    plain = signed(page())
    text = _number_of(plain, b"Tj") if b"Tj" in plain else 3
    sheet = _number_of(plain, b"/MediaBox")
    body = b"\n%d 0 obj\n<</Length 40>>\nstream\n%s\nendstream\nendobj\n" % (
        text, drawn("I owe you 1000").ljust(40),
    )  # fmt: skip
    again = b"startxref\n%d\n%%%%EOF\n" % _startxref(plain)

    def attach(writer: Any) -> None:
        action = dictionary(S=name("JavaScript"), JS=pdf_string("app.alert(1)"))
        writer.root[name("OpenAction")] = writer.add_object(action)
        writer.update_root()

    def add_page(writer: Any) -> None:
        writer.insert_page(
            PageObject(
                contents=writer.add_object(generic.StreamObject(stream_data=drawn("and 1000"))),
                media_box=(0, 0, 595, 842),
            )
        )

    def title(writer: Any) -> None:
        writer.set_info(dictionary(Title=pdf_string("A receipt")))

    def metadata(writer: Any) -> None:  # in place of which pyHanko writes its own
        writer.root[name("Metadata")] = writer.add_object(
            generic.StreamObject(
                dictionary(Type=name("Metadata"), Subtype=name("XML")), stream_data=b"<x/>"
            )
        )
        writer.update_root()

    saved = appended(plain, metadata)
    keywords = saved.replace(b"pdf:Producer=", b"pdf:Keywords=", 1)
    assert keywords != saved

    return {
        "text replaced": appended(plain, _new_text),
        "page added": appended(plain, add_page),
        "action added": appended(plain, attach),
        "title replaced": appended(plain, title),
        "metadata added": keywords,
        "object that nothing shows": appended(
            plain,
            lambda writer: writer.add_object(
                generic.StreamObject(stream_data=drawn("I owe you 1000"))
            ),
        ),
        "object without a table": plain + body + again,
        "object without anything": plain + body,
        "object and trailer without a table": (
            plain + body + b"trailer\n<</Root 1 0 R/Size 99/Prev %d>>\n" % _startxref(plain) + again
        ),
        "object hidden in a comment": plain + b"%" + body.replace(b"\n", b" ") + b"\n" + again,
        "text replaced, then a store": stored(appended(plain, _new_text)),
        "text replaced, then a time-stamp": time_stamped(appended(plain, _new_text)),
        "text replaced, then a signature": signed(appended(plain, _new_text), by=rsa_signer()),
        "object among those of a store": _inserted(stored(plain), body),
        "two pages resources": appended(
            plain,
            lambda writer: (
                first_page(writer).__setitem__(name("Rotate"), generic.NumberObject(180)),
                writer.mark_update(first_page(writer).container_ref),
            )[1],
        ),
        "half a page": appended(plain, lambda writer: _free(writer, sheet)),
    }


def _free(writer: Any, number: int) -> None:
    writer.objects[(0, number)] = generic.NullObject()


def _inserted(document: bytes, body: bytes) -> bytes:
    """An object between those of the last update, its table moved along."""
    place = _startxref(document)
    moved = document[:place] + body + document[place:]
    return moved.replace(b"startxref\n%d\n" % place, b"startxref\n%d\n" % (place + len(body)))


def _dictionary_place(document: bytes) -> tuple[int, int, tuple[int, int, int, int]]:
    found = re.search(rb"/ByteRange\s*\[\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s*\] *", document)
    assert found
    a, b, c, d = map(int, found.groups())
    return found.start(), found.end(), (a, b, c, d)


def _forged() -> dict[str, bytes]:
    """Universal forgery: the dictionary of the signature says nothing, or nonsense."""
    plain = signed(page())
    start, end, (_, gap, resumed, length) = _dictionary_place(plain)

    def ranged(text: bytes) -> bytes:
        return plain[:start] + (b"/ByteRange " + text).ljust(end - start) + plain[end:]

    def contents(text: bytes) -> bytes:
        return plain[:gap] + text.ljust(resumed - gap) + plain[resumed:]

    def renamed(old: bytes) -> bytes:
        return plain.replace(old, old[:-1] + b"X", 1)

    def overridden(key: str, value: Any) -> bytes:
        def change(writer: Any) -> None:
            one = field_of(writer, "Signature1")["/V"]
            if value is None:
                del one[name(key)]
            else:
                one[name(key)] = value
            writer.mark_update(one.container_ref)
            _new_text(writer)

        return appended(plain, change)

    return {
        "no /ByteRange": renamed(b"/ByteRange"),
        "/ByteRange null": ranged(b"null"),
        "/ByteRange empty": ranged(b"[]"),
        "/ByteRange zeros": ranged(b"[0 0 0 0]"),
        "/ByteRange negative": ranged(b"[0 -1 0 -1]"),
        "/ByteRange from nowhere": ranged(b"[0 %d -1 -1]" % gap),
        "/ByteRange huge": ranged(b"[0 99999999999999 9 9]"),
        "/ByteRange one": ranged(b"[0 %d]" % gap),
        "/ByteRange not from 0": ranged(b"[1 %d %d %d]" % (gap - 1, resumed, length)),
        "/ByteRange overlapping": ranged(b"[0 %d %d %d]" % (resumed, gap, length)),
        "/ByteRange short": ranged(b"[0 %d %d %d]" % (gap, resumed, length - 9)),
        "/ByteRange of names": ranged(b"[/a /b /c /d]"),
        "no /Contents": renamed(b"/Contents <"),
        "/Contents null": contents(b"null"),
        "/Contents empty": contents(b"<>"),
        "/Contents 00": contents(b"<00>"),
        "/Contents zeros": contents(b"<" + b"0" * (resumed - gap - 2) + b">"),
        "no /SubFilter": renamed(b"/SubFilter"),
        "unknown /SubFilter": renamed(b"/ETSI.CAdES.detached"),
        "later without /ByteRange": overridden("ByteRange", None),
        "later /ByteRange null": overridden("ByteRange", generic.NullObject()),
        "later without /Contents": overridden("Contents", None),
        "later /Contents null": overridden("Contents", generic.NullObject()),
        "later /Contents empty": overridden("Contents", generic.ByteStringObject(b"")),
        "later /Contents 00": overridden("Contents", generic.ByteStringObject(b"\0")),
        "later another reason": overridden("Reason", pdf_string("forged")),
        "later no value": appended(plain, _emptied),
    }


def _emptied(writer: Any) -> None:
    one = field_of(writer, "Signature1")
    del one[name("V")]
    writer.mark_update(one.container_ref)


def _wrapped() -> dict[str, bytes]:
    """Signature wrapping: the second range moves, and others' objects fill the place."""
    plain = signed(page())
    start, end, (_, gap, resumed, length) = _dictionary_place(plain)
    tail = plain[resumed:]
    text = b"3 0 obj\n<</Length 40>>\nstream\n%s\nendstream\nendobj\n" % (
        drawn("I owe you 1000").ljust(40)
    )

    def moved(filling: bytes, *, with_contents: bool = True) -> bytes:
        kept = plain[gap:resumed] if with_contents else b""
        at = gap + len(kept) + len(filling)
        ranges = b"/ByteRange [0 %d %d %d]" % (gap, at, length)
        head = plain[:start] + ranges.ljust(end - start) + plain[end:gap]
        return head + kept + filling + tail

    dictionary_end = b">>\nendobj\n"

    def complete(*, with_contents: bool) -> bytes:
        """With a table where the old one was, so that every reader finds the other text."""
        kept = plain[gap:resumed] if with_contents else b""
        table_place = _startxref(plain)
        sheet_text = _number_of(plain, b"Tj")
        places, filling = {}, dictionary_end
        entries = re.search(rb"xref\s(.*?)trailer", plain[table_place:], re.DOTALL)
        assert entries
        for first, rows in re.findall(rb"(\d+) \d+ ?\n((?:\d{10} \d{5} [nf] \n)+)", entries[1]):
            for number, row in enumerate(rows.splitlines(), int(first)):
                place = int(row[:10])
                if place > gap:
                    places[number] = gap + len(kept) + len(filling)
                    filling += plain[place : plain.index(b"endobj", place) + 7]
                elif place:
                    places[number] = place
        places[sheet_text] = gap + len(kept) + len(filling)
        text = drawn("I owe you 1000")
        filling += b"%d 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n" % (
            sheet_text, len(text), text,
        )  # fmt: skip
        filling += b" " * (table_place - gap - len(kept) - len(filling))
        assert gap + len(kept) + len(filling) == table_place
        filling += b"xref\n" + b"".join(
            b"%d 1\n%010d 00000 n \n" % (number, place) for number, place in sorted(places.items())
        )
        filling += plain[plain.index(b"trailer", table_place) : plain.rindex(b"startxref")]
        return moved(filling, with_contents=with_contents)

    return {
        "objects in the gap": moved(dictionary_end + text),
        "objects and their table in the gap": complete(with_contents=True),
        "objects and their table in place of the gap": complete(with_contents=False),
        "blanks in the gap": moved(b" " * 200),
        "a comment in the gap": moved(b"%" + text.replace(b"\n", b" ") + b"\n"),
        "another string in the gap": moved(b" /Reason <00>"),
        "the gap a literal string": plain[:gap]
        + b"(" + b"A" * (resumed - gap - 2) + b")" + plain[resumed:],
        "two fields for one signature": appended(plain, _second_field),
    }  # fmt: skip


def _second_field(writer: Any) -> None:
    form = writer.root["/AcroForm"]
    one = field_of(writer, "Signature1")
    other = dictionary(
        FT=name("Sig"), T=pdf_string("Signature2"), V=one.raw_get("/V"), Rect=numbers(0, 0, 0, 0),
        Type=name("Annot"), Subtype=name("Widget"),
    )  # fmt: skip
    form["/Fields"].append(writer.add_object(other))
    writer.mark_update(form["/Fields"].container_ref)
    writer.update_root()


def _shadowed() -> dict[str, bytes]:
    """Shadow attacks: what was prepared before comes forth afterwards."""
    dormant = contract()

    def hide(writer: Any) -> None:  # the image that covered the text becomes something else
        raw = first_page(writer)["/Resources"]["/XObject"].raw_get("/Im1")
        writer.objects[(0, raw.idnum)] = generic.StreamObject(
            dictionary(Type=name("XObject"), Subtype=name("Form"), BBox=numbers(0, 0, 1, 1)),
            stream_data=b"",
        )

    def unlink(writer: Any) -> None:
        raw = first_page(writer)["/Resources"]["/XObject"].raw_get("/Im1")
        writer.objects[(0, raw.idnum)] = generic.NullObject()

    def font(writer: Any) -> None:  # the letters stay, their shapes do not
        raw = first_page(writer)["/Resources"]["/Font"].raw_get("/F1")
        writer.objects[(0, raw.idnum)] = dictionary(
            Type=name("Font"), Subtype=name("Type1"), BaseFont=name("Symbol")
        )

    def resources(writer: Any) -> None:
        other = dictionary(Type=name("Font"), Subtype=name("Type1"), BaseFont=name("Symbol"))
        form = writer.root["/AcroForm"]
        form["/DR"]["/Font"][name("F1")] = writer.add_object(other)
        writer.update_container(form)

    def anew(writer: Any) -> None:
        form = writer.root["/AcroForm"]
        form[name("NeedAppearances")] = generic.BooleanObject(True)
        writer.update_container(form)

    def looked(writer: Any) -> None:  # the value stays, its look does not
        one = field_of(writer, "amount")
        one[name("AP")] = dictionary(N=look(writer, drawn("1000", at=(2, 4))))
        writer.mark_update(one.container_ref)

    def looked_in_place(writer: Any) -> None:
        raw = field_of(writer, "amount")["/AP"].raw_get("/N")
        writer.objects[(0, raw.idnum)] = generic.StreamObject(
            dictionary(Type=name("XObject"), Subtype=name("Form"), BBox=numbers(0, 0, 200, 20)),
            stream_data=drawn("1000", at=(2, 4)),
        )

    def bare(writer: Any) -> None:  # without its look, readers draw the value
        one = field_of(writer, "amount")
        del one[name("AP")]
        writer.mark_update(one.container_ref)

    def pages(writer: Any) -> None:  # the hide-and-replace: the other page comes forth
        hidden = (
            _number_of(dormant, b"/Type /Page\n/Contents")
            if (b"/Type /Page\n/Contents" in dormant)
            else max(int(one) for one in re.findall(rb"(\d+) 0 obj", dormant.split(b"xref")[0]))
        )
        other = generic.IndirectObject(hidden, 0, writer)
        tree = writer.root["/Pages"]
        tree[name("Kids")] = generic.ArrayObject([other])
        writer.mark_update(tree.container_ref)

    def catalogue(writer: Any) -> None:
        root_copy = generic.DictionaryObject({key: writer.root.raw_get(key) for key in writer.root})
        sheet = dictionary(
            Type=name("Page"), MediaBox=numbers(0, 0, 595, 842),
            Contents=writer.add_object(generic.StreamObject(stream_data=drawn("I owe 1000"))),
        )  # fmt: skip
        tree = dictionary(
            Type=name("Pages"), Count=generic.NumberObject(1),
            Kids=generic.ArrayObject([writer.add_object(sheet)]),
        )  # fmt: skip
        root_copy[name("Pages")] = writer.add_object(tree)
        writer.add_object(root_copy)

    other_root = appended(dormant, catalogue)
    number = re.findall(rb"(\d+) 0 obj\s*<<\s*/Type /Catalog", other_root)[-1]
    head, last = other_root[: len(dormant)], other_root[len(dormant) :]
    other_root = head + re.sub(rb"/Root \d+ 0 R", b"/Root %s 0 R" % number, last)

    opaque = b"1 g 0 0 200 20 re f "
    filled_before = contract(amount="10", shown="10")
    empty_but_shown = contract(shown="10")
    other_than_shown = contract(amount="1000", shown="10")
    return {
        "hide, image replaced": appended(dormant, hide),
        "hide, image taken away": appended(dormant, unlink),
        "replace, font": appended(dormant, font),
        "replace, font of the form": appended(dormant, resources),
        "replace, fields drawn anew": appended(other_than_shown, anew),
        "replace, look alone": appended(filled_before, looked),
        "replace, look in place": appended(filled_before, looked_in_place),
        "replace, look taken away": appended(other_than_shown, bare),
        "replace, value": filled(filled_before, value="1000"),
        "replace, value of a field that showed another": filled(empty_but_shown, value="1000"),
        "replace, look alone, form filling allowed": appended(
            contract(Permission.FORM_FILLING, amount="10", shown="10"), looked
        ),
        "replace, look taken away, form filling allowed": appended(
            contract(Permission.FORM_FILLING, amount="1000", shown="10"), bare
        ),
        "overlay, field painted over": answered(dormant, opaque + WORDS),
        "overlay, field that shows another text": answered(dormant, WORDS, value="20"),
        "overlay, field with a picture": answered(dormant, b"/Im1 Do"),
        "overlay, field with glyphs": answered(dormant, b"BT /F1 12 Tf <3130> Tj ET"),
        "overlay, field painted over, form filling allowed": answered(
            contract(Permission.FORM_FILLING), opaque + WORDS
        ),
        "overlay, another text, form filling allowed": answered(
            contract(Permission.FORM_FILLING), WORDS, value="20"
        ),
        "hide and replace, page tree": appended(dormant, pages),
        "hide and replace, table onto hidden objects": _retargeted(dormant),
        "hide and replace, catalogue": other_root,
    }


def _retargeted(document: bytes) -> bytes:
    """A new table alone: the number of the shown text leads to the hidden text's octets."""
    shown, hidden = _number_of(document, b"Im1 Do"), _number_of(document, b"you 1000")
    place = document.index(b"%d 0 obj" % hidden)
    previous = _startxref(document)
    size = max(map(int, re.findall(rb"/Size (\d+)", document)))
    root_number = re.findall(rb"/Root (\d+) 0 R", document)[-1]
    table = b"xref\n%d 1\n%010d 00000 n \ntrailer\n<</Size %d/Root %s 0 R/Prev %d>>\n" % (
        shown, place, size, root_number, previous,
    )  # fmt: skip
    return document + table + b"startxref\n%d\n%%%%EOF\n" % len(document)


def _certified() -> dict[str, bytes]:
    """Attacks on certification: what is allowed, done so that it misleads."""
    nothing, forms = contract(Permission.NOTHING), contract(Permission.FORM_FILLING)
    notes = contract(Permission.ANNOTATIONS)

    def over(document: bytes, kind: str, octets: bytes) -> bytes:
        def change(writer: Any) -> None:
            sheet = first_page(writer)
            note = dictionary(
                Type=name("Annot"), Subtype=name(kind), Rect=numbers(0, 0, 500, 500),
                Contents=pdf_string("1000"), AP=dictionary(N=look(writer, octets)),
            )  # fmt: skip
            sheet["/Annots"].append(writer.add_object(note))
            writer.mark_update(sheet.container_ref)

        return appended(document, change)

    def sneaky(document: bytes) -> bytes:
        def change(writer: Any) -> None:
            one = dictionary(
                Type=name("Annot"), Subtype=name("Widget"), FT=name("Sig"), T=pdf_string("Seal"),
                Rect=numbers(0, 0, 500, 500), AP=dictionary(N=look(writer, drawn("I owe 1000"))),
            )  # fmt: skip
            added = writer.add_object(one)
            writer.root["/AcroForm"]["/Fields"].append(added)
            writer.update_container(writer.root["/AcroForm"]["/Fields"])
            sheet = first_page(writer)
            sheet["/Annots"].append(added)
            writer.mark_update(sheet.container_ref)

        return appended(document, change)

    def acting(document: bytes) -> bytes:
        action = dictionary(S=name("JavaScript"), JS=pdf_string("app.alert(1)"))
        return annotated(document, A=action)

    return {
        "filled, nothing may change": filled(nothing),
        "note, nothing may change": annotated(nothing),
        "signed, nothing may change": signed(nothing, by=rsa_signer()),
        "note, only forms": annotated(forms),
        "note, nothing said": annotated(contract()),
        "text over the page": over(notes, "FreeText", drawn("I owe 1000")),
        "stamp over the page": over(notes, "Stamp", drawn("I owe 1000")),
        "redaction": over(notes, "Redact", b"0 0 500 500 re f"),
        "highlight that writes": over(notes, "Highlight", drawn("I owe 1000")),
        "highlight that hides": over(notes, "Highlight", b"1 g 0 0 500 500 re f"),
        "square that hides": annotated(notes, "Square", IC=numbers(1, 1, 1)),
        "line that hides": annotated(
            notes,
            "Ink",
            BS=dictionary(W=generic.NumberObject(500)),
            InkList=generic.ArrayObject([numbers(0, 400, 600, 400)]),
        ),
        "note that covers": over(notes, "Text", b"1 g 0 0 500 500 re f"),
        "note that acts": acting(notes),
        "sneaky signature, forms": sneaky(forms),
        "sneaky signature, notes": sneaky(notes),
        "sneaky signature, nothing said": sneaky(contract()),
        "text replaced, all allowed": appended(notes, _new_text),
    }


def _reshaped() -> dict[str, bytes]:
    """The gap holds the same signature, otherwise written; or the octets around it changed."""
    plain = signed(page())
    _, _, (_, gap, resumed, _) = _dictionary_place(plain)
    digits = plain[gap + 1 : resumed - 1]
    letter = re.search(rb"[A-Fa-f]", digits)
    assert letter
    at = gap + 1 + letter.start()
    return {
        "one digit in the other case": plain[:at] + plain[at : at + 1].swapcase() + plain[at + 1 :],
        "blank among the digits": plain[: resumed - 9] + b" " + plain[resumed - 8 :],
        "octet behind the value": plain[: resumed - 9] + b"1" + plain[resumed - 8 :],
        "digit that is none": plain[: resumed - 9] + b"g" + plain[resumed - 8 :],
        "text changed": plain.replace(b"I owe you 10", b"I owe you 99"),
        "line end appended": plain + b"\n",
        "junk appended": plain + b"junk",
        "comment appended": plain + b"% nothing\n",
        "cut short": plain[:-1],
        "end repeated": plain + b"%%EOF\n",
    }
