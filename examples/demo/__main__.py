"""The whole story, from a key ceremony to a revoked certificate: `make demo`.

Works offline, in `demo-out/`. Every claim is held against somebody who knows nothing of this
project where there is one (openssl, pdfsig); the first that does not hold ends it with status 1.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).parents[1]))

from demo import documents, later, page, people, portal, shown
from demo.house import house
from demo.telling import Story

from eds import __version__

FOLDER = Path("demo-out")
MARK = "This folder is made anew by each run of the demo.\n"


def main() -> None:
    if shutil.which("openssl") is None:
        sys.exit("demo: openssl is not installed, and nobody else is here to judge")
    begun = time.perf_counter()
    os.environ |= {"LC_ALL": "C.UTF-8", "LANGUAGE": "en"}  # the story is told in English
    story = Story(fresh(FOLDER.absolute()))
    print(f"eds {__version__}: from a person to a signature that holds")
    with house(story) as made:
        stores = people.tokens(story, "Officials", "Davron")
        people.desk(story, stores["Officials"])
        aigerim = people.citizen(story)
        davron = people.visitor(story, stores["Davron"], stores["Officials"])
        documents.sign(story, made, aigerim, davron)
        documents.verify(story, made)
        portal.log_in(story, aigerim)
        offer = later.end(story, made, davron, stores["Officials"])
        later.nca_document(story)
        later.audit(story)
    left = shown.left(story, offer)
    seconds = time.perf_counter() - begun
    written = page.write_page(story, left, version=__version__, seconds=seconds)
    whole = "" if not story.skipped else ", as far as it was shown"
    print(f"\nEverything held{whole}. {seconds:.0f} s. Look at {written}")


def fresh(folder: Path) -> Path:
    """The folder, empty. One that another made is not touched."""
    marker = folder / "README.txt"
    if folder.exists() and not marker.exists():
        sys.exit(f"demo: {folder} is not a folder of the demo; move it away")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    marker.write_text(MARK, encoding="utf-8")
    return folder


if __name__ == "__main__":
    main()
