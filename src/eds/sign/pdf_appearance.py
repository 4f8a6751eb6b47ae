"""Draws a visible signature into a PDF: the font embedded, colours independent of devices.

So that PDF/A stays PDF/A (ISO 19005-2 §6.2): nothing is transparent, every letter used is
embedded with its width and its meaning in Unicode, and colours are calibrated. Needs the extra
`pdf`: fontTools and HarfBuzz for the letters, segno for QR codes.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import Any, Final, NamedTuple

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name

from ..certificates import Certificate
from ..errors import AppearanceRefused, DocumentRefused, ExtraMissing, Sentence
from .appearance import Appearance, Layout, Line, Place, Role, lay_out

_INK: Final = {Role.TITLE: "0.05 0.27 0.47", Role.NAME: "0 0 0", Role.TEXT: "0.15 0.15 0.15"}
_FRAME: Final = "0.05 0.27 0.47"
_DEEPEST: Final = 64  # of the tree of pages


class Page(NamedTuple):
    """A page as it is displayed: its box in the page's own units, turned clockwise by `turn`."""

    left: float
    bottom: float
    width: float
    height: float
    turn: int
    unit: float

    def rectangle(self, place: Place) -> tuple[float, float, float, float]:
        """The rectangle in the page's own coordinates. Raises AppearanceRefused if off it."""
        x, y = place.x / self.unit, place.y / self.unit
        width, height = place.width / self.unit, place.height / self.unit
        across, up = self.width, self.height
        if self.turn in (90, 270):
            across, up = up, across
        if x + width > across + 0.01 or y + height > up + 0.01:
            raise AppearanceRefused(
                reason=Sentence(
                    "the box is not on the page, which has {across} by {up} points",
                    across=f"{across * self.unit:g}",
                    up=f"{up * self.unit:g}",
                )
            )
        corners = {
            0: (x, y, x + width, y + height),
            90: (self.width - y - height, x, self.width - y, x + width),
            180: (
                *(self.width - x - width, self.height - y - height),
                *(self.width - x, self.height - y),
            ),
            270: (y, self.height - x - width, y + height, self.height - x),
        }[self.turn]
        left, bottom, right, top = corners
        return (
            *(self.left + left, self.bottom + bottom),
            *(self.left + right, self.bottom + top),
        )


def page_of(writer: Any, number: int) -> Page:
    """The page of that number, from 1 or from the end with -1. Raises AppearanceRefused."""
    count = int(writer.root["/Pages"]["/Count"])
    if not 1 <= (number if number > 0 else count + number + 1) <= count:
        raise AppearanceRefused(
            reason=Sentence(
                "there is no page {number}: the document has {count}", number=number, count=count
            )
        )
    reference, _ = writer.find_page_for_modification(number - 1 if number > 0 else number)
    return _page(reference.get_object())


def _page(page: Any) -> Page:
    media = _box(_inherited(page, "/MediaBox"))
    crop = _box(_inherited(page, "/CropBox")) or media
    if media is None or crop is None:
        raise DocumentRefused(reason="the page has no size")
    left, bottom = max(media[0], crop[0]), max(media[1], crop[1])
    right, top = min(media[2], crop[2]), min(media[3], crop[3])
    turn = int(_inherited(page, "/Rotate") or 0) % 360
    if turn % 90 or right <= left or top <= bottom:
        raise DocumentRefused(reason="the page has no shape that can be displayed")
    unit = float(page.get("/UserUnit", 1))
    return Page(left, bottom, right - left, top - bottom, turn, unit if unit > 0 else 1.0)


def _inherited(page: Any, key: str) -> Any:
    for _ in range(_DEEPEST):
        if key in page:
            return page[key]
        if "/Parent" not in page:
            return None
        page = page["/Parent"]
    raise DocumentRefused(reason="nested too deeply")


def _box(found: Any) -> tuple[float, float, float, float] | None:
    if found is None:
        return None
    a, b, c, d = (float(one) for one in found)
    return min(a, c), min(b, d), max(a, c), max(b, d)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """What pyHanko asks to draw a signature (its `SigAppearanceSetup`)."""

    appearance: Appearance
    certificate: Certificate
    at: datetime
    reason: str | None

    def apply(self, annotation: Any, writer: Any) -> None:
        """Give the widget its appearance (ISO 32000-2 §12.5.5). Raises AppearanceRefused."""
        page = _page(annotation["/P"]) if "/P" in annotation else Page(0, 0, 1, 1, 0, 1.0)
        left, bottom, right, top = _box(annotation["/Rect"]) or (0, 0, 0, 0)
        width, height = (right - left) * page.unit, (top - bottom) * page.unit
        if page.turn in (90, 270):
            width, height = height, width
        if not (width and height):
            raise AppearanceRefused(reason="the field has no box on a page")
        form = self._form(writer, width, height, page.turn)
        annotation["/AP"] = generic.DictionaryObject({pdf_name("/N"): writer.add_object(form)})
        if page.turn:
            annotation["/MK"] = generic.DictionaryObject(
                {pdf_name("/R"): generic.NumberObject(page.turn)}
            )
        writer.update_container(annotation)

    def _form(self, writer: Any, width: float, height: float, turn: int) -> Any:
        lines = self.appearance.lines(self.certificate, at=self.at, reason=self.reason)
        code = _code(self.appearance.qr) if self.appearance.qr is not None else []
        font = _font(writer)
        _require_letters(font, lines)
        layout = lay_out(
            lines,
            width=width,
            height=height,
            squares=len(code),
            measure=lambda text: float(font.shape(text, with_actual_text=False).x_advance),
        )
        drawn = b"\n".join(
            (
                b"q /C cs /C CS",
                b"%s SC 0.75 w" % _FRAME.encode(),
                b"0.375 0.375 %g %g re S" % (width - 0.75, height - 0.75),
                *_squares(code, layout),
                *_text(font, layout),
                b"Q",
            )
        )
        cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[turn]
        form = generic.StreamObject(
            {
                pdf_name("/Type"): pdf_name("/XObject"),
                pdf_name("/Subtype"): pdf_name("/Form"),
                pdf_name("/BBox"): _numbers(0, 0, width, height),
                # Turned back as far as the page is turned: upright for who reads it.
                pdf_name("/Matrix"): _numbers(cosine, sine, -sine, cosine, 0, 0),
                pdf_name("/Resources"): generic.DictionaryObject(
                    {
                        pdf_name("/Font"): generic.DictionaryObject(
                            {pdf_name("/F"): font.as_resource()}
                        ),
                        pdf_name("/ColorSpace"): generic.DictionaryObject(
                            {pdf_name("/C"): _calibrated()}
                        ),
                    }
                ),
            },
            stream_data=drawn,
        )
        form.compress()
        _embed(font, writer)
        return form


def _numbers(*values: float) -> Any:
    return generic.ArrayObject(map(generic.FloatObject, values))


def _calibrated() -> Any:
    """The colours of sRGB, said without a device (ISO 32000-2 §8.6.5.3)."""
    return generic.ArrayObject(
        [
            pdf_name("/CalRGB"),
            generic.DictionaryObject(
                {
                    pdf_name("/WhitePoint"): _numbers(0.9505, 1, 1.089),
                    pdf_name("/Gamma"): _numbers(2.2, 2.2, 2.2),
                    pdf_name("/Matrix"): _numbers(
                        *(0.4124, 0.2126, 0.0193, 0.3576, 0.7152, 0.1192),
                        *(0.1805, 0.0722, 0.9505),
                    ),
                }
            ),
        ]
    )


# --- letters --------------------------------------------------------------------------------------


def _font(writer: Any) -> Any:
    try:
        from pyhanko.pdf_utils.font.opentype import GlyphAccumulator
    except ImportError as error:
        raise ExtraMissing(extra="pdf") from error
    data = resources.files("eds.sign").joinpath("fonts/EDSSans.ttf").read_bytes()
    return GlyphAccumulator(writer, io.BytesIO(data), font_size=10, writing_direction="ltr")


def _require_letters(font: Any, lines: list[Line]) -> None:
    known = font.tt.getBestCmap()
    for line in lines:
        for letter in line.text:
            if ord(letter) not in known:
                raise AppearanceRefused(
                    reason=Sentence(
                        "there is no letter U+{number} to show", number=f"{ord(letter):04X}"
                    )
                )


def _text(font: Any, layout: Layout) -> list[bytes]:
    found = [b"BT"]
    for one in layout.lines:
        font.font_size = one.size
        shaped = font.shape(one.line.text)
        found.append(
            b"%s sc /F %g Tf 1 0 0 1 %.2f %.2f Tm %s"
            % (_INK[one.line.role].encode(), one.size, one.x, one.y, shaped.graphics_ops)
        )
    return [*found, b"ET"]


def _embed(font: Any, writer: Any) -> None:
    """Write the letters that are used, and which are there (/CIDSet, ISO 19005-1 §6.3.5)."""
    font.prepare_write()
    descendant = writer.get_object(font.as_resource().reference)["/DescendantFonts"][0]
    # Letters keep their numbers, so that empty places stand among them and count as present.
    count = len(font.tt.getGlyphOrder())
    bits = bytearray(b"\xff" * (count // 8))
    if count % 8:
        bits.append(0xFF << 8 - count % 8 & 0xFF)
    stream = generic.StreamObject(stream_data=bytes(bits))
    stream.compress()
    descendant["/FontDescriptor"]["/CIDSet"] = writer.add_object(stream)


# --- QR codes -------------------------------------------------------------------------------------


def _code(text: str) -> list[bytes]:
    """Rows of a QR code (ISO/IEC 18004): 1 is dark."""
    try:
        import segno
    except ImportError as error:
        raise ExtraMissing(extra="pdf") from error
    try:
        made = segno.make_qr(text, error="m")
    except segno.DataOverflowError as error:
        raise AppearanceRefused(reason="too much text for a QR code") from error
    return [bytes(row) for row in made.matrix]


def _squares(code: list[bytes], layout: Layout) -> list[bytes]:
    """The dark squares, those that touch in one piece, on white."""
    if layout.code is None:
        return []
    x, y, side = layout.code
    whole = len(code) * side
    quiet = 4 * side
    found = [b"1 1 1 sc %.3f %.3f %.3f %.3f re f" % (
        x - quiet, y - quiet, whole + 2 * quiet, whole + 2 * quiet), b"0 0 0 sc"]  # fmt: skip
    for number, row in enumerate(code):
        above = y + whole - (number + 1) * side
        begin = 0
        while (begin := row.find(1, begin)) >= 0:
            end = row.find(0, begin)
            end = len(row) if end < 0 else end
            found.append(
                b"%.3f %.3f %.3f %.3f re" % (x + begin * side, above, (end - begin) * side, side)
            )
            begin = end
    return [*found, b"f"]
