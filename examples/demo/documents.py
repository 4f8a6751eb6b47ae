"""Documents: signed by both, judged by others, changed, and judged again."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass

from .house import House
from .paper import contract
from .telling import Story

CONTRACT, LETTER = "contract.pdf", "letter.txt"
SIGNED, COSIGNED = "contract.signed.pdf", "letter.signed.p7s"
CHANGED = "contract.changed.pdf"
DOCUMENTS = {"contract": (SIGNED,), "letter": (COSIGNED, "--content", LETTER)}


@dataclass(frozen=True, kw_only=True)
class Signatory:
    """Somebody with a certificate, and where their key is."""

    name: str
    store: str
    key: str
    authentication: str  # the key that logs in, in the same store
    pin: tuple[str, ...]  # the options that open it


def sign(story: Story, house: House, citizen: Signatory, visitor: Signatory) -> None:
    """The citizen signs a PDF; both sign a letter."""
    folder = story.folder
    (folder / CONTRACT).write_bytes(contract())
    (folder / LETTER).write_text("Келісемін.\nСогласен.\nI agree.\n", encoding="utf-8")
    fetch = (*house.fetch, "--tsa-network", "127.0.0.0/8")
    mine = ("--store", citizen.store, "--key", citizen.key, "--yes", *citizen.pin)
    with story.chapter(f"{citizen.name} signs a contract, and both sign a letter"):
        story.eds(
            *("sign", CONTRACT, "--visible", "1,60,330,235,90", "--language", "kk"),
            *("--level", "LT", *fetch, *mine),
            says=SIGNED,
        )
        if shutil.which("pdfsig"):
            done = subprocess.run(
                ["pdfsig", "-nocert", SIGNED], cwd=folder, capture_output=True, check=False
            )
            held = b"Signature is Valid" in done.stdout
            story.check("pdfsig", "verifies the contract", holds=held)
        story.eds(
            *("sign", LETTER, *fetch, *mine),
            says=f"{LETTER}.p7s",
        )
        theirs = ("--store", visitor.store, "--key", visitor.key, "--yes", *visitor.pin)
        story.eds(
            *("cosign", f"{LETTER}.p7s", "--content", LETTER, "--out", "letter.both.p7s"),
            *(*fetch, *theirs),
            says="letter.both.p7s",
        )
        story.eds(
            *("extend", "letter.both.p7s", "--content", LETTER, "--level", "LT", *fetch),
            *("--out", COSIGNED),
            says=COSIGNED,
        )
        story.openssl(
            *("cms", "-verify", "-cades", "-binary", "-inform", "DER", "-purpose", "any"),
            *("-in", COSIGNED, "-content", LETTER, "-CAfile", "root.cer", "-out", "openssl.out"),
            holds=True,
            says="verifies both signatures on the letter",
        )


def verify(story: Story, house: House) -> None:
    """What a relying party sees, with and without a change."""
    with story.chapter("A relying party verifies; a changed copy fails"):
        fetch = (*house.fetch, "--fetch-network", "127.0.0.0/8")
        for name, words in DOCUMENTS.items():
            page = ("--html", f"{name}.report.html")
            story.eds("verify", *words, *fetch, *page, says="TOTAL_PASSED")
        signed = (story.folder / SIGNED).read_bytes()
        (story.folder / CHANGED).write_bytes(signed.replace(b"1 200 000 tenge", b"9 200 000 tenge"))
        story.eds(
            *("verify", CHANGED, *fetch, "--html", "contract.changed.report.html"),
            says="HASH_FAILURE",
            status=10,
        )
        (story.folder / "letter.copy").write_text("Келіспеймін.\n", encoding="utf-8")
        copy = ("verify", COSIGNED, "--content", "letter.copy", *fetch)
        story.eds(*copy, says="TOTAL_FAILED / HASH_FAILURE", status=10)


def picture(story: Story, document: str) -> str | None:
    """The first page as a picture; None where nobody here can draw it."""
    if shutil.which("pdftoppm") is None:
        story.skip("poppler-utils is not installed: no picture of the signed page")
        return None
    target = story.folder / document.removesuffix(".pdf")
    subprocess.run(
        ["pdftoppm", "-r", "80", "-png", "-singlefile", story.folder / document, target],
        check=True,
    )
    return f"{target.name}.png"
