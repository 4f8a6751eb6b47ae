"""Visible signatures: rendered by poppler, read back as text, and refused where nobody could."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from eds.errors import AppearanceRefused, DocumentRefused
from eds.languages import Language
from eds.sign.appearance import Appearance, Place
from eds.sign.pdf import screened, sign_pdf
from eds.sign.pdf_screening import Severity
from tests.sign.house import NOON, page, party, with_catalogue
from tests.sign.test_pdf import judged

pytest.importorskip("uharfbuzz", reason="the extra pdf is not installed")
needs_poppler = pytest.mark.skipif(
    shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not installed"
)
PLACE = Place(page=1, x=30, y=30, width=250, height=90)


def visible(document: bytes, *, place: Place = PLACE, **changes: Any) -> bytes:
    return sign_pdf(
        document, by=party().cms(), at=NOON, appearance=Appearance(place=place, **changes)
    )


@needs_poppler
@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_it_says_who_signed_in_every_script_where_it_was_asked_to(
    rotate: int, tmp_path: Path
) -> None:
    file = tmp_path / "signed.pdf"
    for language, name in (
        (Language.KAZAKH, "ӘЛИЕВА АЙГЕРІМ"),
        (Language.RUSSIAN, "Щукина Юлия"),
        (Language.ENGLISH, "Łukasz Žižek-Nguyễn"),
        (Language.TAJIK, "Ҷӯраева Ғанӣ"),
    ):
        signed = visible(
            page(rotate=rotate), language=language, name=name, qr="https://example.kz/e/1"
        )
        assert judged(signed)[0].bottom_line
        file.write_bytes(signed)
        # What stands in the box of the page as it is displayed, from its upper left corner.
        top = (842 if rotate in (0, 180) else 595) - 30 - 90
        done = subprocess.run(
            ["pdftotext", "-x", "30", "-y", str(top), "-W", "250", "-H", "90", file, "-"],
            capture_output=True,
            check=True,
        )
        assert name in " ".join(done.stdout.decode().split())
        assert "2026-11-24 12:00:00 UTC" in " ".join(done.stdout.decode().split())


def test_what_nobody_could_read_is_refused() -> None:
    for place, changes in (
        (Place(page=1, x=0, y=0, width=20, height=10), {}),
        (Place(page=1, x=0, y=0, width=120, height=24), {"qr": "https://example.kz/e/1"}),
        (Place(page=1, x=500, y=0, width=250, height=90), {}),
        (Place(page=2, x=0, y=0, width=250, height=90), {}),
        (PLACE, {"name": "王"}),
    ):
        with pytest.raises(AppearanceRefused):
            visible(page(), place=place, **changes)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (b"/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>", "javascript"),
        (b"/OpenAction<</S/Launch/F(x)>>", "launch"),
        (b"/AA<</WC<</S/Named/N/Print>>>>", "automatic_action"),
        (b"/AcroForm<</Fields[]/XFA()>>", "xfa"),
        (b"/OCProperties<</OCGs[]/D<</BaseState/OFF>>>>", "hidden_layer"),
    ],
)
def test_a_document_that_could_show_something_else_tomorrow_is_refused(
    entry: bytes, code: str
) -> None:
    document = with_catalogue(entry)
    risks = {one.code for one in screened(document) if one.severity is Severity.ACTIVE}
    assert code in risks
    with pytest.raises(DocumentRefused, match=code):
        sign_pdf(document, by=party().cms(), at=NOON)
    signed = sign_pdf(document, by=party().cms(), at=NOON, accepted=frozenset(risks))
    assert signed.startswith(document)


def test_plain_and_signed_documents_carry_no_risk() -> None:
    once = visible(page())
    assert screened(page()) == screened(once) == ()
