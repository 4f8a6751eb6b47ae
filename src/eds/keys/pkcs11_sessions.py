"""Sessions with one token: a login shared by all that is open, and a pool for the signers.

PKCS #11 knows one login for each token and process (§5.6.8). It is made when the first signer
opens and ends when the last one closes; no PIN is kept. A session does one thing at a time, so
each call takes one out of the pool, with the handles of the keys it has found before.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import pkcs11
from pkcs11 import exceptions

from eds.errors import (
    OperationUnsupported,
    PasswordRefused,
    PinLocked,
    TokenAbsent,
)
from eds.keys.contract import PinRequest, PinSource, Secret
from eds.keys.pkcs11_module import GONE, Module, translated

R = TypeVar("R")

_MOST_SESSIONS: Final = 32


class Seat:
    """A session and the private keys found in it, by their CKA_ID."""

    __slots__ = ("keys", "session")

    def __init__(self, session: pkcs11.Session) -> None:
        self.session = session
        self.keys: dict[bytes, Any] = {}


class TokenSessions:
    """The sessions of this process with one token, shared by every store that means it."""

    def __init__(self, module: Module, token: pkcs11.Token) -> None:
        self.module = module
        self.token = token
        self.name = token.label
        self._start()

    def _start(self) -> None:
        self._process = os.getpid()
        self._guard = threading.Lock()
        self._places = threading.BoundedSemaphore(_MOST_SESSIONS)
        self._idle: list[Seat] = []
        self._login: pkcs11.Session | None = None
        self._users = 0

    @staticmethod
    def of(module: Module, token: pkcs11.Token) -> TokenSessions:
        """The one object of this process for that token."""
        place = (module.path, token.serial, token.label, token.slot.slot_id)
        with _KNOWING:
            found = _KNOWN.get(place)
            if found is None:
                found = _KNOWN[place] = TokenSessions(module, token)
        found.refresh()
        return found

    def refresh(self) -> None:
        """Forget what belongs to the parent of this process."""
        if self._process != os.getpid():
            self._start()
        self.module.initialise()

    # -- the login

    @contextmanager
    def logged_in(self, pin: PinSource) -> Iterator[None]:
        """Be logged in. The PIN is asked for unless somebody in this process is already.

        Raises PinIncorrect, PinLocked, PinFinalTry, PasswordRefused, TokenAbsent.
        """
        process = self._process
        with self._guard:
            if self._login is None:
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
        flags = self._flags()
        answer: bytes | None = None
        wanted = bool(flags & pkcs11.TokenFlag.LOGIN_REQUIRED)
        if wanted and not flags & pkcs11.TokenFlag.PROTECTED_AUTHENTICATION_PATH:
            answer = self.ask(pin, flags)
        with translated(self.name), self.module.turn():
            session = self.token.open()
            try:
                if wanted:
                    self.module.log_in(session, answer)
            except exceptions.PKCS11Error:
                _close(session)
                raise
        self._login = session

    def ask(self, pin: PinSource, flags: pkcs11.TokenFlag | None = None) -> bytes:
        """The PIN, asked for once with what the token says about tries.

        Raises PinLocked before it asks, PasswordRefused for an empty answer.
        """
        flags = self._flags() if flags is None else flags
        if flags & pkcs11.TokenFlag.USER_PIN_LOCKED:
            raise PinLocked(token=self.name)
        secret = pin(
            PinRequest(
                target=f"token {self.name}",
                few_tries_left=bool(flags & pkcs11.TokenFlag.USER_PIN_COUNT_LOW),
                final_try=bool(flags & pkcs11.TokenFlag.USER_PIN_FINAL_TRY),
            )
        )
        return require_pin(secret)

    def _flags(self) -> pkcs11.TokenFlag:
        """The flags of the token as they are now: what python-pkcs11 keeps is old."""
        with translated(self.name), self.module.turn():
            return self.token.slot.get_token().flags

    def _log_out(self) -> None:
        seats, self._idle = self._idle, []
        login, self._login = self._login, None
        with self.module.turn():
            for seat in seats:
                _close(seat.session)
            if login is not None:
                self.module.log_out(login)
                _close(login)

    # -- the pool

    def call(self, work: Callable[[Seat], R]) -> R:
        """Do `work` in a session. Once, again in a fresh one when the session was lost.

        Raises TokenAbsent, TokenFailed, OperationUnsupported after a fork.
        """
        if self._process != os.getpid():
            raise OperationUnsupported(
                operation="use a key that was opened before a fork; open it again",
                store=f"token {self.name!r}",
            )
        with self._places:
            try:
                seat = self._idle.pop()
            except IndexError:
                seat = self._sit_down()
            try:
                with self.module.turn():
                    answer = work(seat)
            except GONE:
                answer = self._once_more(seat, work)
                return answer
            except exceptions.PKCS11Error as error:
                _close(seat.session)
                with translated(self.name):
                    raise error
            self._idle.append(seat)
            return answer

    def _sit_down(self) -> Seat:
        with translated(self.name), self.module.turn():
            return Seat(self.token.open())

    def _once_more(self, lost: Seat, work: Callable[[Seat], R]) -> R:
        _close(lost.session)
        try:
            seat = self._sit_down()
            with self.module.turn():
                answer = work(seat)
        except (*GONE, TokenAbsent):
            raise TokenAbsent(token=self.name) from None
        except exceptions.PKCS11Error as error:
            with translated(self.name):
                raise error
        self._idle.append(seat)
        return answer

    @contextmanager
    def writing(self, pin: PinSource) -> Iterator[pkcs11.Session]:
        """A logged-in session that may change the token."""
        with self.logged_in(pin), translated(self.name):
            with self.module.turn():
                session = self.token.open(rw=True)
            try:
                yield session
            finally:
                _close(session)

    @contextmanager
    def reading(self) -> Iterator[pkcs11.Session]:
        """A session that sees what is public."""
        with translated(self.name):
            with self.module.turn():
                session = self.token.open()
            try:
                yield session
            finally:
                _close(session)


_KNOWING: Final = threading.Lock()
_KNOWN: Final[dict[tuple[str, bytes, str, int], TokenSessions]] = {}


def require_pin(secret: Secret) -> bytes:
    """The PIN in UTF-8. Raises PasswordRefused when it is empty: no module is to see that."""
    # An empty PIN once used another process's login (OpenSC CVE-2023-40660).
    if not secret:
        raise PasswordRefused(reason="an empty PIN is never sent to a token")
    return secret.reveal()


def _close(session: pkcs11.Session) -> None:
    try:
        session.close()
    except exceptions.PKCS11Error:
        pass  # it is gone already
