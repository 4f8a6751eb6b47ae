"""What `eds enroll` and `eds centre` share: a desk in its folder, and texts from outside."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from eds_cli.instants import now
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.certificates import Certificate
    from eds.enroll.applicant import Access
    from eds.enroll.casework import By
    from eds.enroll.counter import Counter
    from eds.enroll.folder import DeskFolder
    from eds.http.officialclient import HttpCounter
    from eds.keys import PinRequest, PinSource, Secret
    from eds_cli.pins import Secrets

F = TypeVar("F", bound=Callable[..., Any])

_LINE_LIMIT = 4096


def desk_option(command: F) -> F:
    """`--desk`; the command is called with `folder: DeskFolder`."""

    @functools.wraps(command)
    def wrapped(*args: Any, desk: str, **kwargs: Any) -> Any:
        return command(*args, folder=open_desk(desk), **kwargs)

    decorated: Any = click.option(
        "--desk",
        metavar="FOLDER",
        envvar="EDS_DESK",
        default=".",
        show_default="$EDS_DESK, or the current folder",
        help="The folder of the desk.",
    )(wrapped)
    return decorated  # type: ignore[no-any-return]


def place_option(command: F) -> F:
    """`--desk`, which may be an address; the command is called with `desk: str`."""
    return click.option(
        "--desk",
        metavar="FOLDER|URL",
        envvar="EDS_DESK",
        default=".",
        show_default="$EDS_DESK, or the current folder",
        help="The desk: its folder, or its address (https://HOST).",
    )(command)


def is_address(desk: str) -> bool:
    """Whether the desk is at an address, and not in a folder on this machine."""
    return "://" in desk


def open_desk(path: str) -> DeskFolder:
    """The desk in a folder, with the providers that its settings name.

    Raises ActNotOffered where it is at an address: what asks for the folder is not done there.
    """
    from eds.enroll.folder import DeskFolder
    from eds.errors import ActNotOffered

    if is_address(path):
        raise ActNotOffered(act=click.get_current_context().command_path)
    return DeskFolder(Path(path), load=load_provider)


def load_provider(path: str) -> Callable[[Path], Any]:
    """What stands at `module:attribute`. Raises MalformedSettings."""
    from eds.errors import MalformedSettings

    module, _, attribute = path.partition(":")
    try:
        found: Callable[[Path], Any] = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise MalformedSettings(
            file="desk.toml", field="providers", reason=f"{path}: {type(error).__name__}"
        ) from None
    return found


def open_access(address: str) -> Access:
    """The desk as its applicants meet it: at an address, or in a folder on this machine."""
    if is_address(address):
        from eds.http.deskclient import HttpDesk

        return HttpDesk(address)
    folder = open_desk(address)
    return folder.reception(now=now, issue=issuing(folder))


def issuing(folder: DeskFolder) -> Callable[[str, datetime], object] | None:
    """What has a decided certificate issued, where the desk may do that without a person."""
    if not folder.settings.issuer_password:
        return None

    def issue(application: str, at: datetime) -> object:
        from eds.keys import Secret

        def pin(request: PinRequest) -> Secret:
            del request
            return Secret(folder.issuer_password or b"")

        with folder.authority.signer_of(folder.issuer, pin=pin) as signer:
            return folder.issue(signer, application, at=at)

    return issue


# --- officials -----------------------------------------------------------------------------------


@contextmanager
def statements_signed(
    key: str | None, store: str, certificates: tuple[str, ...], secrets: Secrets
) -> Iterator[tuple[Certificate, Callable[[bytes], bytes]]]:
    """The certificate of that key, and what signs statements with it (CMS, never a document).

    The PIN is asked for once, whatever is signed.
    """
    from eds.enroll.statements import ACT_CONTENT_TYPE
    from eds.sign.cms import sign_detached
    from eds_cli.signing import Means, choose_key

    means = Means(
        tsa=(), tsa_policy=None, networks=(), folders=(), evidence_files=(), allowed=(), at=now()
    )
    chosen = choose_key(key, store, certificates, secrets, means)
    with chosen.opened(secrets) as cms:
        yield (
            chosen.certificates[0],
            lambda statement: sign_detached(statement, by=cms, content_type=ACT_CONTENT_TYPE),
        )


@contextmanager
def at_counter(
    desk: str, key: str | None, store: str, certificates: tuple[str, ...], secrets: Secrets
) -> Iterator[tuple[Counter, By]]:
    """The desk as its officials meet it, in a folder or at an address, and the official."""
    if is_address(desk):
        with at_address(desk, key, store, certificates, secrets) as (counter, by):
            yield counter, by
        return
    folder = open_desk(desk)
    with acting(folder, key, store, certificates, secrets) as by:
        yield folder.casework(now=now), by


@contextmanager
def at_address(
    desk: str, key: str | None, store: str, certificates: tuple[str, ...], secrets: Secrets
) -> Iterator[tuple[HttpCounter, By]]:
    """The same at an address alone."""
    from eds.enroll.casework import By
    from eds.http.officialclient import HttpCounter

    counter = HttpCounter(desk, now=now)
    with statements_signed(key, store, certificates, secrets) as (certificate, sign):
        yield counter, By(certificate=certificate, sign=sign)


@contextmanager
def acting(
    folder: DeskFolder, key: str | None, store: str, certificates: tuple[str, ...],
    secrets: Secrets,
) -> Iterator[By]:  # fmt: skip
    """The official whose key that is. The PIN is asked for once, whatever they sign."""
    from eds.enroll.casework import By
    from eds.enroll.failures import Code, Failure
    from eds.enroll.officials import certified_number
    from eds.errors import TransitionRefused

    with statements_signed(key, store, certificates, secrets) as (certificate, sign):
        number = certified_number(certificate)
        if number is None:
            raise TransitionRefused(failures=(Failure(code=Code.NOT_AN_OFFICIAL),))
        yield By(certificate=certificate, person=folder.pseudonyms.person(number), sign=sign)


def ask_key(store: str) -> str:
    """The label of a key with a certificate there: asked only where there are several."""
    from eds.errors import KeyNotFound
    from eds_cli.stores import survey

    labels = [key.label for key in survey(store)[0] if key.certificates or key.public_key is None]
    if not labels:
        raise KeyNotFound(key=f"with a certificate in {store}")
    if len(labels) == 1:
        return labels[0]
    found: str = click.prompt(say("Your key"), type=click.Choice(labels), err=True)
    return found


# --- texts that have no place among arguments ----------------------------------------------------


def given(source: str | None, question: str, *, option: str, hidden: bool = False) -> str:
    """One line of a file, of standard input (`-`), or what somebody types at the terminal.

    Personal numbers, codes and passphrases come this way, never as arguments. Raises
    SecretUnavailable where nobody can be asked, OSError.
    """
    from eds.errors import SecretUnavailable, Sentence

    if source == "-":
        return _stripped(sys.stdin.readline(_LINE_LIMIT), option)
    if source is not None:
        with Path(source).open(encoding="utf-8") as file:
            return _stripped(file.readline(_LINE_LIMIT), option)
    if not sys.stdin.isatty():
        raise SecretUnavailable(
            reason=Sentence("nobody can be asked here; see {option}", option=option)
        )
    answer: str = click.prompt(question, err=True, hide_input=hidden)
    return answer.strip()


def _stripped(line: str, option: str) -> str:
    from eds.errors import SecretUnavailable, Sentence

    text = line.strip()
    if not text:
        raise SecretUnavailable(reason=Sentence("{option}: nothing to read", option=option))
    return text


def source_option(name: str, what: str, *, parameter: str | None = None) -> Callable[[F], F]:
    """An option for a text that comes from a file or standard input."""
    return click.option(
        name,
        *([parameter] if parameter else []),
        metavar="FILE",
        help=f"{what}: the first line of this file, or of standard input (-).",
    )


def write_secret(text: str, out: str) -> None:
    """A secret in a new file that only its owner may read."""
    descriptor = os.open(
        out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
    )
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{text}\n")


class remembered:  # noqa: N801 - read as a function
    """A source of PINs that asks once for each store, though a key is made and used at once."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._known: dict[str, Secret] = {}

    def __call__(self, request: PinRequest) -> Secret:
        source: PinSource = self._secrets.pin_of_new_key
        if request.target not in self._known or request.final_try:
            self._known[request.target] = source(request)
        return self._known[request.target]
