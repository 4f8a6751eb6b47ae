"""`eds serve`: the doors of an authority over HTTP."""

from __future__ import annotations

import json
import os
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eds_cli.instants import now
from eds_cli.output import Facts, escape, json_option, show
from eds_cli.pins import Secrets, secret_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from eds.http.metrics import Board
    from eds.http.serving import Listener
    from eds.http.settings import HttpSettings, VerifySettings
    from eds.keys import PinRequest, PinSource, Secret
    from eds_cli.supervising import Ready, Work

_SETTINGS_LIMIT = 256 * 1024


@click.command()
@click.argument("config", metavar="CONFIG", type=click.Path(exists=True, dir_okay=False))
@click.option("--check", is_flag=True, help="Read CONFIG, say what would be open, and end.")
@secret_options()
@json_option
def serve(config: str, check: bool, secrets: Secrets, as_json: bool) -> int:
    """Answer over HTTP as the file CONFIG (TOML) says: OCSP, lists, certificates, time-stamps,
    validation, a desk with EST, health and figures.

    The keys of the doors have one password or PIN, asked for once. Requests that were refused are
    logged as JSON on stderr; with --json all that is said there is JSON. SIGTERM ends the server
    when what it has begun is done; SIGHUP reads CONFIG again and replaces the workers one by one.
    """
    from eds.http.opening import new_board
    from eds.http.serving import listening, require_server
    from eds_cli.supervising import Supervisor

    require_server()
    path = Path(config).absolute()
    current = _Current(path)
    settings = current.settings
    if check:
        show(_facts(settings), as_json=as_json)
        return 0
    board = new_board(workers=settings.server.workers)
    listeners = listening(settings.server, count=settings.server.workers)
    host, port = listeners[0].getsockname()[:2]
    tell = _teller(as_json)
    supervisor = Supervisor(
        told=tell, drain_seconds=settings.server.drain_seconds, reread=current.read
    )
    with tempfile.TemporaryDirectory(prefix="eds-serve-") as private:
        if settings.verify is not None:
            supervisor.begin("examiners", _examiners(current, settings.verify, private))
        pin = _one_secret(secrets) if _wants_keys(settings, path.parent) else secrets.pin
        for number, listener in enumerate(listeners):
            work = partial(_work, current, listeners, listener, board, number, pin, private)
            supervisor.add(f"worker {number}", work)
        tell(f"listening at http{'s' if settings.server.tls_key else ''}://{host}:{port}")
        return supervisor.watch()


class _Current:
    """The settings as they were last read whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.settings = self._read()

    def read(self) -> None:
        """Read them again; what cannot be read changes nothing."""
        from eds.errors import EdsError
        from eds_cli.main import complain_of

        try:
            self.settings = self._read()
        except (EdsError, OSError) as error:
            complain_of(error)

    @property
    def base(self) -> Path:
        return self._path.parent

    def _read(self) -> HttpSettings:
        from eds.http.settings import read_http_settings

        with self._path.open("rb") as file:
            return read_http_settings(file.read(_SETTINGS_LIMIT + 1), file=self._path.name)


def _work(
    current: _Current,
    listeners: list[Listener],
    listener: Listener,
    board: Board,
    number: int,
    pin: PinSource,
    private: str,
    ready: Ready,
) -> int:
    """One worker, from the opening of its keys to its end."""
    from eds.errors import EdsError
    from eds.http.apart import ExaminersApart
    from eds.http.metrics import Worker
    from eds.http.opening import Surroundings, open_doors
    from eds.http.serving import Serving
    from eds_cli.desks import load_provider
    from eds_cli.examining import examiner_of
    from eds_cli.main import complain_of
    from eds_cli.supervising import end_with_parent

    end_with_parent()
    for other in listeners:
        if other is not listener:
            other.close()
    settings = current.settings
    serving: list[Serving] = []

    def reopen() -> None:
        for one in serving:
            one.stop()  # the successor opens everything anew

    verify = settings.verify
    around = Surroundings(
        base=current.base,
        pin=pin,
        hand=Worker(board, number=number),
        board=board,
        journal=lambda entry: _write_line(entry.line),
        examiner=examiner_of(current.base, verify) if verify else None,
        apart=ExaminersApart(
            f"{private}/examiners", most=verify.processes + verify.waiting, seconds=verify.seconds
        )
        if verify
        else None,
        reopen=reopen,
        load=load_provider,
    )
    try:
        with open_doors(settings, around) as application:
            serving.append(Serving(application, settings.server.below(current.base)))
            serving[0].run(
                listener, started=ready, beat=partial(around.hand.set, "eds_connections")
            )
    except (EdsError, OSError) as error:
        return complain_of(error)
    return 0


def _examiners(current: _Current, settings: VerifySettings, private: str) -> Work:
    from eds_cli.examining import become_examiners, examiner_of, listening

    examiner_of(current.base, settings)  # a fault of the settings shows before anything runs
    listener = listening(f"{private}/examiners")

    def work(ready: Ready) -> int:
        become_examiners(listener, current.base, current.settings.verify or settings, ready)

    return work


def _wants_keys(settings: HttpSettings, base: Path) -> bool:
    if settings.ocsp is not None or settings.timestamps is not None:
        return True
    if settings.desk is None:
        return False
    from eds_cli.desks import open_desk

    # It may keep the password of its issuer, to issue without a person.
    return not open_desk(str(base / settings.desk.folder)).settings.issuer_password


def _one_secret(secrets: Secrets) -> PinSource:
    """Ask once, before there are workers: they have no terminal of their own."""
    from eds.keys import PinRequest

    known = secrets.pin(PinRequest(target="the keys of the doors"))

    def pin(request: PinRequest) -> Secret:
        # The last try of a token is never used up by a process that nobody watches.
        return secrets.pin(request) if request.final_try else known

    return pin


def _facts(settings: HttpSettings) -> Facts:
    server = settings.server
    doors = {
        "certificates": settings.authority,
        "lists": settings.lists,
        "ocsp": settings.ocsp,
        "timestamps": settings.timestamps,
        "verify": settings.verify,
        "desk": settings.desk,
    }
    return {
        "listen": f"{server.host}:{server.port}",
        "workers": server.workers,
        "doors": [name for name, door in doors.items() if door is not None],
    }


def _teller(as_json: bool) -> Callable[[str], None]:
    def tell(sentence: str) -> None:
        if as_json:
            _write_line(json.dumps({"at": now().isoformat(), "event": sentence}))
        else:
            click.echo(f"eds: {escape(sentence)}", err=True)

    return tell


def _write_line(line: str) -> None:
    # One write: lines of several workers do not mix.
    os.write(2, f"{line}\n".encode())
