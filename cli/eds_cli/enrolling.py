"""What the commands of `eds enroll` share: what is kept of an application, and where it stands."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from eds_cli.desks import open_access, open_desk
from eds_cli.instants import now
from eds_cli.output import Facts, show, show_json
from eds_cli.speech import language, say

if TYPE_CHECKING:
    from eds.certificates import Certificate
    from eds.enroll.applicant import Access, Session, Standing
    from eds.enroll.certified import CertificateStatus
    from eds.enroll.folder import DeskFolder
    from eds.keys import KeyRef, KeyStore, PinSource, Signer

F = TypeVar("F", bound=Callable[..., Any])

FILE: Final = "application.json"
_WAYS: Final = {
    "remote": "from home",
    "centre": "at a service centre",
    "renewal": "by renewal",
}
# What is next, and with which command.
COMMANDS: Final = {
    "submit": "eds enroll start",
    "wait": "eds enroll status",
    "code": "eds enroll prove",
    "evidence": "eds enroll prove --photo",
    "face": "eds enroll prove --face FILE",
    "visit": "eds enroll status",
    "living_key": "eds enroll prove",
    "key": "eds enroll key",
    "confirm": "eds enroll confirm",
    "activate": "eds enroll activate",
    "release": "eds enroll status",
    "done": "eds sign FILE",
    "ended": "eds enroll start",
}


def default_folder() -> str:
    """`EDS_ENROLMENT`, or the folder `eds/enrolment` among the user's data."""
    setting = os.environ.get("EDS_ENROLMENT")
    if setting:
        return setting
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return str(Path(data) / "eds" / "enrolment")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What stays on the applicant's side: no personal number, and one secret, `token`."""

    folder: Path
    desk: str
    flow: str
    profile: str
    message: str
    token: str = field(repr=False)
    application: str = ""
    key_store: str = ""
    key: str = ""
    certificate: str = ""
    old_store: str = ""
    old_key: str = ""

    @classmethod
    def read(cls, folder: Path) -> Kept | None:
        """What is kept there; None where nothing is. Raises MalformedSettings, KeyFileExposed."""
        from eds.enroll.folder import read_private
        from eds.errors import MalformedSettings

        try:
            data = json.loads(read_private(folder / FILE))
            names = {each.name for each in fields(cls)} - {"folder"}
            if not data.keys() <= names or not all(type(each) is str for each in data.values()):
                raise ValueError
            return cls(folder=folder, **data)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise MalformedSettings(
                file=FILE, field="", reason="not what `eds enroll` has written"
            ) from None

    def write(self) -> Kept:
        """Keep it, readable by its owner alone."""
        from eds.ca.files import PRIVATE, write_file

        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = {key: value for key, value in asdict(self).items() if key != "folder"}
        write_file(self.folder / FILE, json.dumps(data, indent=1).encode(), mode=PRIVATE)
        return self

    def put_aside(self) -> None:
        """Keep it under its own name: another application begins."""
        (self.folder / FILE).rename(self.folder / f"application-{self.application[:8]}.json")


@dataclass(kw_only=True)
class Work:
    """An application that is kept, and the desk it is at."""

    kept: Kept

    @functools.cached_property
    def access(self) -> Access:
        return open_access(self.kept.desk)

    @property
    def session(self) -> Session:
        from eds.enroll.applicant import Session

        return Session(application=self.kept.application, token=bytes.fromhex(self.kept.token))

    def keep(self, **changes: str) -> None:
        """Note something of it."""
        chosen: dict[str, Any] = {**changes}
        self.kept = replace(self.kept, **chosen).write()

    @functools.cached_property
    def folder(self) -> DeskFolder | None:
        """The folder of the desk, where it is on this machine."""
        return None if "://" in self.kept.desk else open_desk(self.kept.desk)

    @property
    def is_demonstration(self) -> bool:
        """Whether nobody real is at this desk."""
        return self.folder is not None and self.folder.settings.setting.value == "demonstration"

    def standing(self) -> Standing:
        return self.access.standing(self.session)

    # -- the key

    def find_key(self, *, old: bool = False) -> tuple[KeyStore, KeyRef]:
        """The key of this application, or the one that it renews."""
        from eds.errors import KeyNotFound
        from eds_cli.stores import find_key

        kept = self.kept
        store, label = (kept.old_store, kept.old_key) if old else (kept.key_store, kept.key)
        if not label:
            raise KeyNotFound(key="of this application")
        return find_key(store, label)

    @contextmanager
    def signer(self, pin: PinSource, *, old: bool = False) -> Iterator[Signer]:
        """That key, opened."""
        store, key = self.find_key(old=old)
        with store.open(key, purpose=key.purpose, pin=pin) as signer:
            yield signer

    def store_certificates(self, certificates: tuple[Certificate, ...], pin: PinSource) -> None:
        """Keep them beside the key."""
        store, key = self.find_key()
        store.store_certificates(key, certificates, pin=pin)


def work_option(command: F) -> F:
    """`--application`; the command is called with `work: Work`."""

    @functools.wraps(command)
    def wrapped(*args: Any, application: str, **kwargs: Any) -> Any:
        return command(*args, work=Work(kept=read_kept(application)), **kwargs)

    return application_option(wrapped)  # type: ignore[return-value]


def application_option(command: F) -> F:
    """`--application`, the folder in which one is kept."""
    return click.option(
        "--application",
        metavar="FOLDER",
        default=default_folder,
        show_default="$EDS_ENROLMENT, or your own folder",
        help="Where your application is kept on this machine.",
    )(command)


def read_kept(folder: str) -> Kept:
    """What is kept in that folder. Raises ApplicationNotFound."""
    from eds.errors import ApplicationNotFound

    kept = Kept.read(Path(folder))
    if kept is None or not kept.application:
        raise ApplicationNotFound(application=f"in {folder}; see `eds enroll start`")
    return kept


# --- where it stands -----------------------------------------------------------------------------


def standing_facts(standing: Standing) -> Facts:
    """Where an application stands, for programs."""
    from eds.enroll.readers import chip_challenge

    challenge, deadline, status = standing.challenge, standing.deadline, standing.status
    return {
        "application": standing.application,
        "flow": standing.flow.value,
        "profile": standing.profile,
        "state": standing.state.value,
        "reason": standing.reason or None,
        "turn": standing.turn.value,
        "deadline": None if deadline is None else deadline.isoformat(),
        "tries_left": standing.tries_left,
        "station": standing.station or None,
        "step": standing.step.value,
        "next_command": COMMANDS[standing.step.value],
        "challenge": challenge.hex() or None,
        "chip_challenge": chip_challenge(challenge).hex() if challenge else None,
        "certificate": standing.certificate.hex() or None,
        "certificate_status": None if status is None else status_facts(status),
    }


def status_facts(status: CertificateStatus) -> Facts:
    """Where the certificate stands, for programs."""
    return {
        "serial_number": status.serial.hex(),
        "state": status.state.value,
        "since": status.since.isoformat(),
        "not_after": status.not_after.isoformat(),
        "reason": None if status.reason is None else status.reason.name.lower(),
    }


def standing_words(standing: Standing) -> Facts:
    """The same for people: what it is, how long there is, what is next and how."""
    from eds.enroll.wording import next_step, rejection_in_words, state_in_words

    spoken, deadline, status = language(), standing.deadline, standing.status
    came_to = None if status is None else status.state
    return {
        "number": standing.application,
        "certificate": f"{standing.profile}, {say(_WAYS[standing.flow.value])}",
        "state": state_in_words(standing.state, language=spoken, certificate=came_to),
        "reason": rejection_in_words(standing.state, standing.reason, language=spoken),
        "until": "" if deadline is None else _time_left(deadline, at=now()),
        "tries_left": standing.tries_left,
        "next": next_step(standing.state, language=spoken, certificate=came_to),
        "station": standing.station if standing.step.value == "visit" else "",
        "with": COMMANDS[standing.step.value],
        **({} if status is None else _status_words(status)),
        "certificate_sha256": standing.certificate.hex(),
    }


def _status_words(status: CertificateStatus) -> Facts:
    """Where the certificate stands, for people."""
    from eds.enroll.wording import reason_in_words

    words = say(
        "{state} since {since}",
        state=say(status.state.value),
        since=f"{status.since.astimezone():%Y-%m-%d %H:%M}",
    )
    if status.state.value == "expired":
        words = say(status.state.value)
    return {
        "serial_number": status.serial.hex(),
        "standing": words,
        "reason": reason_in_words(status.reason, language=language()),
        "valid_until": f"{status.not_after.astimezone():%Y-%m-%d %H:%M}",
    }


def tell(standing: Standing, *, as_json: bool) -> None:
    """Print where it stands."""
    if as_json:
        show_json(standing_facts(standing))
    else:
        show(standing_words(standing), as_json=False, title=say("your application"), words=say)


def _time_left(deadline: datetime, *, at: datetime) -> str:
    minutes = max(int((deadline - at).total_seconds()) // 60, 0)
    days, hours = minutes // (24 * 60), minutes // 60
    if days > 1:
        left = say("days left: {count}", count=days)
    elif hours > 1:
        left = say("hours left: {count}", count=hours)
    else:
        left = say("minutes left: {count}", count=minutes)
    return f"{deadline.astimezone():%Y-%m-%d %H:%M} ({left})"
