"""Whether PDF/A stays PDF/A when it is signed, judged by veraPDF (Java).

`make campaign-pdfa`; wants a JDK 17 and Maven, which fetches veraPDF itself, and says so where
they are missing. The document before it is signed is judged beside the others.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from eds.languages import Language
from eds.sign.appearance import Appearance, Place
from eds.sign.pdf import PdfStatement, sign_pdf
from tests.sign.house import NOON, archival_page, desk, party

HERE = Path(__file__).parent / "pdfa"
PLACE = Place(page=1, x=330, y=40, width=235, height=90)
NAMES = {
    Language.KAZAKH: "ӘЛИЕВА АЙГЕРІМ",
    Language.RUSSIAN: "Щукина Юлия",
    Language.ENGLISH: "Łukasz Žižek-Nguyễn",
    Language.TAJIK: "Ҷӯраева Ғанӣ",
}


def samples() -> Iterator[tuple[str, bytes]]:
    document, by = archival_page(), party().cms()
    yield "unsigned", document
    yield "invisible", sign_pdf(document, by=by, at=NOON)
    yield "stamped", sign_pdf(document, by=by, at=NOON, stamper=desk())
    for language, name in NAMES.items():
        looks = Appearance(
            place=PLACE, language=language, name=name, qr="https://example.kz/evidence/1"
        )
        reason = PdfStatement(reason="Келісілді")
        document = sign_pdf(document, by=by, at=NOON, statement=reason, appearance=looks)
        yield f"visible-{language.value}", document  # one more on the same page each time


def main() -> int:
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed: nothing was judged")
            return 2
    built = HERE / "target"
    subprocess.run(
        ["mvn", "-q", "-f", HERE / "pom.xml", "package", "dependency:copy-dependencies",
         f"-DoutputDirectory={built / 'lib'}"],
        check=True,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, data in samples():
            files.append(Path(folder) / f"{name}.pdf")
            files[-1].write_bytes(data)
        done = subprocess.run(
            ["java", "-cp", f"{built / 'classes'}:{built / 'lib'}/*", "Judge", *files],
            check=True,
            capture_output=True,
            text=True,
        )
    rows = [line.split("\t") for line in done.stdout.splitlines() if line.count("\t") == 2]
    for file, complies, broken in rows:
        print(f"{'ok ' if complies == 'true' else 'BAD'} {Path(file).name} {broken}")
    good = sum(complies == "true" for _, complies, _ in rows)
    print(f"{len(files)} documents judged as PDF/A-2b, {good} comply")
    return 0 if good == len(files) else 1


if __name__ == "__main__":
    sys.exit(main())
