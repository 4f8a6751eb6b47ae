"""A contract as a PDF of one page, written by hand: the document that the demo signs."""

from __future__ import annotations

from collections.abc import Iterator

_TITLE = "Service agreement"
_TEXT = """
No. 2026/17                                                             Astana, 24 November 2026

1. Aigerim Aliyeva ("the consultant") advises the company of Davron Karimov ("the client") on
the transport of goods through the Caspian corridor.

2. The fee is 1 200 000 tenge. It is due within ten days after the work was accepted.

3. Either side may end the agreement in writing with notice of one month.

4. The agreement is signed electronically. A signature that validates under the policy named in
the report has the force of one by hand.

5. Both sides keep the signed file. A copy that was changed in any octet does not validate, and
nobody is bound by it.


The consultant                                           The client
"""


def contract() -> bytes:
    """The document. Not signed, and nothing in it acts or hides."""
    drawing = "\n".join(_drawing()).encode("latin-1")
    objects = (
        b"<</Type/Catalog/Pages 2 0 R/Lang(en)>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources 7 0 R>>",
        b"<</Length %d>>\nstream\n%s\nendstream" % (len(drawing), drawing),
        b"<</Type/Font/Subtype/Type1/BaseFont/Times-Roman/Encoding/WinAnsiEncoding>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica-Bold/Encoding/WinAnsiEncoding>>",
        b"<</Font<</T 5 0 R/B 6 0 R>>>>",
    )
    document, places = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", []
    for number, one in enumerate(objects, start=1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, one)
    table, size = len(document), len(objects) + 1
    document += b"xref\n0 %d\n0000000000 65535 f \n" % size
    document += b"".join(b"%010d 00000 n \n" % place for place in places)
    trailer = b"<</Size %d/Root 1 0 R/ID[<%s><%s>]>>" % (size, b"17" * 16, b"17" * 16)
    return document + b"trailer\n%s\nstartxref\n%d\n%%%%EOF\n" % (trailer, table)


def _drawing() -> Iterator[str]:
    yield f"BT /B 22 Tf 60 760 Td ({_TITLE}) Tj ET"
    yield "0.75 w 60 748 m 535 748 l S"
    yield "BT /T 11.5 Tf 15.5 TL 60 722 Td"
    for line in _TEXT.strip().splitlines():
        escaped = line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
        yield f"({escaped}) Tj T*"
    yield "ET"
