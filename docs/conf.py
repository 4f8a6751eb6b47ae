"""How Sphinx builds these pages: `make docs`. No extension here reaches for the network."""

import sys
import tomllib
from pathlib import Path

with (Path(__file__).parents[1] / "pyproject.toml").open("rb") as file:
    release = version = tomllib.load(file)["project"]["version"]

project = "eds-toolkit"
author = copyright = "The eds-toolkit authors"

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_show_sphinx = False

sys.path.insert(0, str(Path(__file__).parent))
from reference_pages import write_pages  # noqa: E402

write_pages(Path(__file__).parent / "reference")
