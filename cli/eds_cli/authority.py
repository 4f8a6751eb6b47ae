"""What the commands of `eds ca` share: the folder, who acts, a plan and consent to it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from eds_cli.output import Facts, Shown, confirm, json_option, plain, show, show_json
from eds_cli.speech import say

if TYPE_CHECKING:
    from eds.ca.folder import AuthorityFolder
    from eds.ca.lifecycle import Status

F = TypeVar("F", bound=Callable[..., Any])


def authority_option(command: F) -> F:
    """`--authority`; the command is called with `folder: AuthorityFolder`."""

    @functools.wraps(command)
    def wrapped(*args: Any, authority: str, **kwargs: Any) -> Any:
        return command(*args, folder=open_authority(authority), **kwargs)

    decorated: Any = click.option(
        "--authority",
        metavar="FOLDER",
        envvar="EDS_AUTHORITY",
        default=".",
        show_default="$EDS_AUTHORITY, or the current folder",
        help="The folder of the authority.",
    )(wrapped)
    return decorated  # type: ignore[no-any-return]


def open_authority(path: str) -> AuthorityFolder:
    """The authority in a folder."""
    from eds.ca.folder import AuthorityFolder

    return AuthorityFolder(Path(path))


def actor_option(command: F) -> F:
    """`--actor`, who answers for the act; it stands in the audit log."""
    return click.option(
        "--actor",
        metavar="REF",
        envvar="EDS_ACTOR",
        required=True,
        help="Who acts, as the audit log shall name them; or $EDS_ACTOR. No personal number.",
    )(command)


class Consent:
    """A plan is shown, and carried out when somebody says so."""

    def __init__(self, *, yes: bool, dry_run: bool, as_json: bool) -> None:
        self.as_json = as_json
        self.status = 0
        self._yes = yes
        self._dry_run = dry_run
        self._plan: Facts = {}

    def given(self, plan: Facts, *, title: str) -> bool:
        """Whether to go on. If not, `status` is the exit status: 8 unless it was a dry run."""
        from eds_cli.main import PLANNED

        self._plan = plan
        if not self.as_json:
            show(plan, as_json=False, title=say("plan: {title}", title=title), words=say)
        if self._yes and not self._dry_run:
            return True
        if not self._dry_run and not self.as_json and sys.stdin.isatty():
            confirm(say("Carry it out?"))
            return True
        if self.as_json:
            show_json({"done": False, "plan": plain(plan)})
        if not self._dry_run:
            click.echo(say("nothing was done; --yes carries it out"), err=True)
            self.status = PLANNED
        return False

    def done(self, result: Facts) -> None:
        """Print what came of it, for programs."""
        if self.as_json:
            show_json({"done": True, "plan": plain(self._plan), **result})


def plan_options(command: F) -> F:
    """`--yes`, `--dry-run` and `--json`; the command is called with `consent: Consent`."""

    @functools.wraps(command)
    def wrapped(*args: Any, yes: bool, dry_run: bool, as_json: bool, **kwargs: Any) -> Any:
        consent = Consent(yes=yes, dry_run=dry_run, as_json=as_json)
        return command(*args, consent=consent, **kwargs)

    decorated: F = json_option(wrapped)  # type: ignore[assignment]
    decorated = click.option("--dry-run", is_flag=True, help="Print the plan and do nothing.")(
        decorated
    )
    return click.option("--yes", is_flag=True, help="Carry the plan out without asking.")(decorated)


def status_facts(status: Status) -> Facts:
    """Where a certificate stands."""
    return {
        "state": Shown(status.state.value, say(status.state.value)),
        "since": status.since.isoformat(),
        "reason": status.reason.name.lower() if status.reason else None,
        "invalidity_date": status.invalidity_date.isoformat() if status.invalidity_date else None,
        "held_since": status.held_since.isoformat() if status.held_since else None,
    }
