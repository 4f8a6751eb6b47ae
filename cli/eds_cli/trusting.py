"""Where trust comes from on the command line: folders of anchors, one store of them all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from eds.verify.trust import TrustStore

F = TypeVar("F", bound=Callable[..., Any])


def trust_option(command: F) -> F:
    """`--trust`, several times if need be."""
    return click.option(
        "--trust",
        "folders",
        metavar="FOLDER",
        multiple=True,
        help="A folder of trust anchors; else $EDS_TRUST, else the one of `eds trust add`.",
    )(command)


def trust_folders(folders: tuple[str, ...]) -> tuple[Path, ...]:
    """The folders given, or the setting, or the folder of the user."""
    if folders:
        return tuple(map(Path, folders))
    if found := os.environ.get("EDS_TRUST"):
        return tuple(Path(one) for one in found.split(os.pathsep) if one)
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return (Path(base) / "eds" / "trust",)


def load_trust(folders: tuple[str, ...]) -> TrustStore:
    """One store of all the folders.

    Raises TrustStoreUnavailable, MalformedTrustStore, and EnvironmentsMixed for production and
    test together.
    """
    from eds.verify.trust import TrustStore
    from eds.verify.trustfolder import load_trust_store

    stores = [load_trust_store(folder) for folder in trust_folders(folders)]
    if len(stores) == 1:
        return stores[0]
    return TrustStore.join(*stores, name="+".join(store.name for store in stores)[:200])
