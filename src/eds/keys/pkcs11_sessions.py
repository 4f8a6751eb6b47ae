"""Sessions with one token: a login shared by all that is open, and a pool for the signers.

PKCS #11 knows one login for each token and process (§5.6.8). It is made when the first signer
opens and ends when the last one closes; no PIN is kept. A session does one thing at a time, so
each call takes one out of the pool, with the handles of the keys it has found before.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from queue import SimpleQueue
from typing import Final, TypeVar

import pkcs11
from pkcs11 import TokenFlag, exceptions

from eds.errors import (
    EdsError,
    KeyNotFound,
    OperationUnsupported,
    PasswordRefused,
    PinLocked,
    TokenAbsent,
)
from eds.keys.contract import PinKind, PinRequest, PinSource, Secret
from eds.keys.pkcs11_calls import Room
from eds.keys.pkcs11_errors import GONE, translate, translated
from eds.keys.pkcs11_module import Module
from eds.keys.pkcs11_turns import among_processes
from eds.keys.signers import SEALED

R = TypeVar("R")

# More sessions at work than this only wait for each other: for the processor with a token in
# software, for the token with any other (docs/adr/0007).
_MOST_SESSIONS: Final = 8


class Seat:
    """A session, and the handles of the private keys found in it, by their CKA_ID and label."""

    __slots__ = ("handle", "keys", "room", "session")

    def __init__(self, session: pkcs11.Session) -> None:
        self.session = session
        self.handle: int = session.handle  # type: ignore[attr-defined]
        self.room = Room()
        self.keys: dict[tuple[bytes, str], int] = {}


class KeyGone(exceptions.ObjectHandleInvalid):
    """A session sees no such private key: it was deleted, or nobody is logged in any more."""


class _Login:
    """One login: the session that holds it, and the pool of those who work under it."""

    __slots__ = ("capacity", "guard", "idle", "places", "session")

    def __init__(self, session: pkcs11.Session) -> None:
        self.session = session
        self.idle: list[Seat] = []
        # One item for each that may work now: a semaphore in C.
        self.places: SimpleQueue[None] = SimpleQueue()
        self.capacity = _MOST_SESSIONS
        self.guard = threading.Lock()
        for _ in range(_MOST_SESSIONS):
            self.places.put(None)

    def shrink(self) -> bool:
        """Give up one place for good; False for the last one."""
        with self.guard:
            if self.capacity == 1:
                return False
            self.capacity -= 1
            return True


class TokenSessions:
    """The sessions of this process with one token, shared by every store that means it."""

    def __init__(self, module: Module, token: pkcs11.Token) -> None:
        self.module = module
        self.name = token.label
        self._identity = _identity(token)
        self._start(token)

    def _start(self, token: pkcs11.Token | None) -> None:
        self._guard = threading.Lock()
        self._token = token
        self._found_in = self.module.starts
        self._login: _Login | None = None
        self._users = 0
        # Why the login could not be made again; whoever has a key open hears it, and no PIN is
        # tried until a key is opened anew.
        self._refusal: EdsError | None = None

    @staticmethod
    def of(module: Module, token: pkcs11.Token) -> TokenSessions:
        """The one object of this process for that token."""
        place = (module.path, *_identity(token))
        with _KNOWING:
            found = _KNOWN.get(place)
            if found is None:
                found = _KNOWN[place] = TokenSessions(module, token)
        return found

    def after_fork_in_child(self) -> None:
        """Forget what belongs to the parent. Nothing of it may be used or closed."""
        self._start(None)

    def token(self) -> pkcs11.Token:
        """The token in the slot where it is. Raises TokenAbsent, ModuleUnavailable."""
        token = self._token
        if token is None or self._found_in != self.module.starts:
            token = self._find()
        return token

    def _find(self) -> pkcs11.Token:
        found = self.module.tokens_that(lambda token: _identity(token) == self._identity)
        if not found:
            raise TokenAbsent(token=self.name)
        self._token, self._found_in = found[0], self.module.starts
        return found[0]

    def token_now(self) -> pkcs11.Token:
        """The token with its flags as they are now: those of an older object are old."""
        token = self.token()
        with translated(self.name):
            return self.module.read_again(token)

    def has_key_pad(self) -> bool:
        """Whether the PIN is typed on the token itself."""
        return bool(self.token_now().flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH)

    # -- the login

    @contextmanager
    def logged_in(self, pin: PinSource) -> Iterator[None]:
        """Be logged in. The PIN is asked for unless somebody in this process is already.

        Who opens a key of the same token meanwhile waits until that one has been answered.
        Raises PinIncorrect, PinLocked, PasswordRefused, TokenAbsent.
        """
        process = os.getpid()
        with self._guard:
            if self._login is None:
                with SEALED:
                    self._log_in(pin)
            self._users += 1
        try:
            yield
        finally:
            if process == os.getpid():
                with self._guard:
                    self._users -= 1
                    if self._users == 0:
                        self._log_out()

    def _log_in(self, pin: PinSource) -> None:
        flags = self.token_now().flags
        wanted = bool(flags & TokenFlag.LOGIN_REQUIRED)
        answer: bytes | None = None
        if wanted and not flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH:
            answer = self.ask(pin, flags)
        token = self.token()
        with translated(self.name):
            session = self.module.log_in(token, answer) if wanted else self.module.open(token)
        self._login = _Login(session)
        self._refusal = None

    def ask(self, pin: PinSource, flags: TokenFlag | None = None) -> bytes:
        """The PIN, asked for once with what the token says about tries.

        Raises PinLocked before it asks, PasswordRefused for an empty answer.
        """
        flags = self.token_now().flags if flags is None else flags
        if flags & TokenFlag.USER_PIN_LOCKED:
            raise PinLocked(token=self.name)
        secret = pin(
            PinRequest(
                target=f"token {self.name}",
                few_tries_left=bool(flags & TokenFlag.USER_PIN_COUNT_LOW),
                final_try=bool(flags & TokenFlag.USER_PIN_FINAL_TRY),
            )
        )
        return _require_pin(secret)

    def ask_new(self, pin: PinSource) -> bytes:
        """The PIN that is to be. Raises PasswordRefused for an empty answer."""
        return _require_pin(pin(PinRequest(target=f"token {self.name}", kind=PinKind.NEW)))

    def _log_out(self) -> None:
        login, self._login = self._login, None
        if login is not None:
            self._clear(login)
            self.module.log_out(login.session)

    def _clear(self, login: _Login) -> None:
        """Close what is idle. Who is at work now closes the session when it is done."""
        while login.idle:
            try:
                seat = login.idle.pop()
            except IndexError:
                return
            self.module.close(seat.session)

    # -- the pool

    def call(self, work: Callable[[Seat], R], pin: PinSource) -> R:
        """Do `work` in a session; once again when the session, or the login, was lost.

        A lost login asks `pin`, once. Raises TokenAbsent, TokenFailed, KeyNotFound, PinIncorrect.
        """
        login = self._current()
        try:
            return self._work(login, work)
        except GONE:
            pass
        except exceptions.PKCS11Error as error:
            raise translate(error, self.name) from None
        with SEALED:
            login = self._restore(login, pin)
        with translated(self.name):
            try:
                return self._work(login, work)
            except KeyGone as error:
                self._find()
                raise KeyNotFound(key=str(error)) from None
            except GONE:
                self._find()
                raise

    def _current(self) -> _Login:
        login = self._login
        if login is None:
            with self._guard:  # it may be on its way
                return self._made()
        return login

    def _made(self) -> _Login:
        login = self._login
        if login is None:
            if self._refusal is not None:
                raise self._refusal.with_traceback(None)
            raise OperationUnsupported(
                operation="sign for a signer that was closed", store=f"token {self.name!r}"
            )
        return login

    def _work(self, login: _Login, work: Callable[[Seat], R]) -> R:
        seat = self._take(login)
        turn = self.module.turn()
        try:
            with turn:
                answer = work(seat)
        except BaseException:
            self.module.close(seat.session)
            login.places.put(None)
            raise
        if login is self._login:
            login.idle.append(seat)
        else:
            self.module.close(seat.session)
        login.places.put(None)
        return answer

    def _take(self, login: _Login) -> Seat:
        """A seat, and the right to work in it."""
        while True:
            login.places.get()
            try:
                if login is not self._login:
                    raise exceptions.SessionClosed
                try:
                    return login.idle.pop()
                except IndexError:
                    return self._sit_down()
            except exceptions.SessionCount:
                # The token has no more sessions: make do with those there are.
                if not login.shrink():
                    login.places.put(None)
                    raise
            except BaseException:
                login.places.put(None)
                raise

    def _sit_down(self) -> Seat:
        return Seat(self.module.open(self.token()))

    def _restore(self, lost: _Login, pin: PinSource) -> _Login:
        """The login after `lost`: it may still hold, or another thread have made it anew."""
        with self._guard:
            if self._login is not lost:
                return self._made()
            if self.module.is_logged_in(lost.session):
                # The same login, but no seat of it is trusted any more.
                self._login = _Login(lost.session)
                self._clear(lost)
                return self._login
            self._log_out()
            try:
                # It may be in another slot now.
                self._find()
                self._log_in(pin)
            except EdsError as error:
                self._refusal = error
                raise
            return self._made()

    @contextmanager
    def writing(self, pin: PinSource) -> Iterator[pkcs11.Session]:
        """A logged-in session that may change the token."""
        with self.logged_in(pin), self._session(rw=True) as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[pkcs11.Session]:
        """A session that sees what is public."""
        with self._session() as session:
            yield session

    def change_pin(self, pin: PinSource) -> None:
        """Change the user's PIN; `pin` is asked for the current one and for the new one."""
        with SEALED:
            self._change_pin(pin)

    def _change_pin(self, pin: PinSource) -> None:
        flags = self.token_now().flags
        if flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH:
            raise OperationUnsupported(
                operation="change its PIN from here, it has a key pad", store=f"token {self.name!r}"
            )
        current, new = self.ask(pin, flags).decode(), self.ask_new(pin).decode()
        with self._session(rw=True) as session:
            session.set_pin(current, new)

    @contextmanager
    def _session(self, *, rw: bool = False) -> Iterator[pkcs11.Session]:
        """A session of one's own. It stands in `turn` and translates what it raises."""
        for attempt in ("as before", "in another slot"):
            token = self.token()
            with translated(self.name):
                try:
                    session = self.module.open(token, rw=rw)
                except GONE:
                    if attempt == "in another slot":
                        raise
                    self._token = None
                    continue
                quiet = among_processes(self.module.path, alone=True) if rw else nullcontext()
                try:
                    with self.module.turn(), quiet:
                        yield session
                finally:
                    self.module.close(session)
            return


def _identity(token: pkcs11.Token) -> tuple[str, bytes, str, str]:
    return token.label, token.serial, token.manufacturer_id, token.model


_KNOWING = threading.Lock()
_KNOWN: Final[dict[tuple[str, str, bytes, str, str], TokenSessions]] = {}


def _after_fork_in_child() -> None:
    global _KNOWING  # noqa: PLW0603  # the lock of this module, for this process
    _KNOWING = threading.Lock()
    for sessions in _KNOWN.values():
        sessions.after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)


def _require_pin(secret: Secret) -> bytes:
    """The PIN in UTF-8. Raises PasswordRefused when it is empty: no module is to see that."""
    # An empty PIN once used another process's login (OpenSC CVE-2023-40660).
    if not secret:
        raise PasswordRefused(reason="an empty PIN is never sent to a token")
    return secret.reveal_text().encode()
