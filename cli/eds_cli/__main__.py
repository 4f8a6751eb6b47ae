"""`python -m eds_cli` is the command `eds`."""

from __future__ import annotations

from eds_cli.main import main

main()
