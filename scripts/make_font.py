"""The font of visible signatures, made from DejaVu Sans: `scripts/make_font.py DejaVuSans.ttf`.

Keeps Latin with its extensions, Cyrillic and punctuation, and gives the font 1000 units for the
em, in which PDF counts widths (ISO 32000-2 §9.2.4). DejaVu Sans 2.37 as Debian has it
(fonts-dejavu-core); its licence, which lets it be changed and given on, stands beside the result.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont
from fontTools.ttLib.scaleUpem import scale_upem

TARGET = Path(__file__).parents[1] / "src/eds/sign/fonts/EDSSans.ttf"
KEPT = (
    range(0x20, 0x7F),  # Latin
    range(0xA0, 0x250),  # Latin-1, Latin Extended-A and -B
    range(0x2B0, 0x370),  # modifier letters, combining marks
    range(0x400, 0x530),  # Cyrillic and its supplement: Kazakh, Tatar, Kyrgyz, Mongolian …
    range(0x1E00, 0x1F00),  # Latin Extended Additional
    range(0x2010, 0x2040),  # dashes, quotation marks, ellipsis
    (0x20AC, 0x20B8, 0x20BD, 0x2116, 0x2122, 0x2212, 0xFFFD),  # € ₸ ₽ № ™ − and what is missing
)


def main(source: str) -> None:
    font = TTFont(source, recalcTimestamp=False)
    options = subset.Options()
    options.hinting = False
    options.layout_features = ["kern", "mark", "mkmk", "ccmp", "locl"]
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    options.drop_tables += ["FFTM"]
    subsetter = subset.Subsetter(options=options)
    subsetter.populate(unicodes=[code for some in KEPT for code in some])
    subsetter.subset(font)
    scale_upem(font, 1000)
    licence = font["name"].getDebugName(13)
    notice = f"EDSSans.ttf is DejaVu Sans with fewer characters and another name.\n\n{licence}\n"
    TARGET.with_suffix(".LICENSE.txt").write_text(notice)
    # The licence keeps the names of the original to the original.
    for record in font["name"].names:
        if record.nameID in (1, 3, 4, 6):
            record.string = "EDSSans" if record.nameID == 6 else "EDS Sans"
    font.save(TARGET)
    print(f"{TARGET}: {TARGET.stat().st_size} octets, {len(font.getBestCmap())} characters")


if __name__ == "__main__":
    main(*sys.argv[1:])
