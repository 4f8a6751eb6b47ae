"""QR codes as modules, for a page that draws them (ISO/IEC 18004). Extra `qr`."""

from __future__ import annotations

from ..errors import ExtraMissing


def modules_of(text: str) -> list[str]:
    """The rows of the code, top down: `1` dark, `0` light, without the quiet zone.

    Error correction M. Raises ExtraMissing.
    """
    try:
        import segno
    except ImportError as error:
        raise ExtraMissing(extra="qr") from error
    code = segno.make_qr(text, error="m", boost_error=False)
    return ["".join("1" if module else "0" for module in row) for row in code.matrix]
