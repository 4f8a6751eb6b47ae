"""A PKCS #11 module, loaded once in a process and initialised so that threads may share it.

python-pkcs11 0.10 calls `C_Initialize(NULL)`, which tells the module that no two threads will
ever call it, and then lets them. So the module is initialised here, with CKF_OS_LOCKING_OK, and
python-pkcs11 only finds it initialised. A module that cannot lock gets one lock around every
call. After a fork the child initialises it anew: PKCS #11 §5.4 leaves it nothing of the parent.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Final, NamedTuple, TypeVar

import pkcs11
from pkcs11 import _pkcs11, exceptions

from eds.errors import ModuleUnavailable, TokenFailed
from eds.keys.pkcs11_calls import (
    CKR_OK,
    InitializeArguments,
    LibraryInfo,
    SessionInfo,
    SigningCall,
    failure,
    functions,
)
from eds.keys.pkcs11_errors import GONE, is_not_initialised, translated
from eds.keys.pkcs11_paths import checked_module
from eds.keys.pkcs11_turns import PATIENCE, Gate, OneByOne, among_processes

R = TypeVar("R")

_OS_LOCKING_OK: Final = 0x02
_CKR_CANT_LOCK: Final = 0x00A
_CKR_ALREADY_INITIALIZED: Final = 0x191
_CKU_USER: Final = 1
_USER_STATES: Final = (1, 3)  # CKS_RO_USER_FUNCTIONS, CKS_RW_USER_FUNCTIONS


class _Library(_pkcs11.lib):
    """python-pkcs11's library object without its own `C_Initialize(NULL)`."""

    def __init__(self, so: str) -> None:
        """Its constructor in C has loaded the list of functions already."""


def _handle(session: pkcs11.Session) -> int:
    return session.handle  # type: ignore[attr-defined,no-any-return]


class Description(NamedTuple):
    """What a module says of itself: the `library-…` attributes of RFC 7512."""

    manufacturer: str
    description: str
    version: str


class Module:
    """One loaded module. `get` returns the same object for the same file, all process long."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._make_locks()
        self._forked_within = self._held = False
        self._process = 0
        self._apart = False
        self._foreign = False  # started by somebody else in this process
        self._sessions = 0
        self.starts = 0  # what was found before the last one is found no more
        try:
            self._functions = functions(ctypes.CDLL(path))
            self._library = _Library(path)
        except (OSError, RuntimeError, AttributeError, exceptions.PKCS11Error) as error:
            raise ModuleUnavailable(module=path, reason="it cannot be loaded") from error

    def _make_locks(self) -> None:
        self._guard = threading.RLock()
        self._gate = Gate()
        self._alone = OneByOne(self._guard, self._gate)
        self._turn: Gate | OneByOne = self._gate

    @staticmethod
    def get(path: str) -> Module:
        """The module in that file, which must be one that only its owner can replace.

        Raises ModuleUnavailable.
        """
        checked = checked_module(path)
        with _LOADING:
            module = _MODULES.get(checked)
            if module is None:
                module = _MODULES[checked] = Module(checked)
        module.initialise()
        return module

    def initialise(self) -> None:
        """Initialise it in this process, if that was not done yet. Raises ModuleUnavailable."""
        if self._process == os.getpid():
            return
        if self._forked_within:
            raise ModuleUnavailable(
                module=self.path, reason="this process was forked in the middle of a call"
            )
        with self.alone():
            if self._process == os.getpid():
                return
            self._turn, self._sessions = self._gate, 0
            arguments = InitializeArguments(flags=_OS_LOCKING_OK)
            answer = self._initialise(arguments)
            if answer == _CKR_ALREADY_INITIALIZED and self._process:
                # By this very object, in the parent of this process.
                self._functions.finalize(None)
                answer = self._initialise(arguments)
            if answer == _CKR_ALREADY_INITIALIZED:
                # By somebody else in this process, whose sessions must live, and who may have
                # promised that there are no threads.
                self._turn, self._foreign, answer = self._alone, True, CKR_OK
            if answer == _CKR_CANT_LOCK:
                self._turn = self._alone
                answer = self._initialise(None)
            if answer != CKR_OK:
                raise ModuleUnavailable(
                    module=self.path, reason=f"it does not start (CKR 0x{answer:03X})"
                )
            with translated(self.path):
                self._start_apart()
            self._process = os.getpid()
            self.starts += 1

    def _initialise(self, arguments: InitializeArguments | None) -> int:
        pointer = None if arguments is None else ctypes.byref(arguments)
        with among_processes(self.path, alone=False):
            return int(self._functions.initialize(pointer))

    def _start_apart(self) -> None:
        """p11-kit gives each caller of C_GetFunctionList a module of its own, to initialise.

        It locks in any case, and initialises what is behind it with locking.
        """
        try:
            if self._apart:
                self._library.reinitialize()
            self._library.get_slots(token_present=True)
        except exceptions.PKCS11Error as error:
            if not is_not_initialised(error):
                return  # a slot with a fault; what is wanted of it will say so
            self._library.initialize()
            self._apart = True

    def describe(self) -> Description:
        """What the module says of itself. Raises TokenFailed."""
        info = LibraryInfo()
        with self.alone():
            if self._functions.get_info(ctypes.byref(info)) != CKR_OK:
                raise TokenFailed(token=self.path, reason="C_GetInfo failed")
        return Description(
            manufacturer=info.manufacturer.decode("utf-8", "replace").rstrip(" \0"),
            description=info.description.decode("utf-8", "replace").rstrip(" \0"),
            version=f"{info.version[0]}.{info.version[1]}",
        )

    def open(self, token: pkcs11.Token, *, rw: bool = False) -> pkcs11.Session:
        """A session with `token`, to be closed by `close`. Raises PKCS11Error."""
        with self.alone():
            session = token.open(rw=rw)
            self._sessions += 1
            return session

    def log_in(self, token: pkcs11.Token, pin: bytes | None) -> pkcs11.Session:
        """A session logged in as the user; None: the token's own key pad asks.

        Raises PKCS11Error. Not through python-pkcs11, where it can be helped: a session whose
        login failed would be lost with its handle.
        """
        if self._apart:
            answer = pkcs11.PROTECTED_AUTH if pin is None else pin.decode()
            with self.turn():
                return token.open(user_pin=answer)
        session = self.open(token)
        try:
            size = 0 if pin is None else len(pin)
            # Nobody is kept waiting for a person at the token's own key pad.
            quiet = nullcontext() if pin is None else among_processes(self.path, alone=True)
            with self.turn(), quiet:
                code = self._functions.login(_handle(session), _CKU_USER, pin, size)
            if code != CKR_OK:
                raise failure(code)
        except BaseException:
            self.close(session)
            raise
        return session

    def log_out(self, session: pkcs11.Session) -> None:
        """C_Logout and C_CloseSession; that nobody was logged in is no error."""
        if not self._apart:
            with self.turn():
                self._functions.logout(_handle(session))
        self.close(session)

    def close(self, session: pkcs11.Session) -> None:
        """C_CloseSession; that it is gone already is no error."""
        with self.alone():
            self._sessions -= 1
            with suppress(exceptions.PKCS11Error):
                session.close()

    def is_logged_in(self, session: pkcs11.Session) -> bool:
        """Whether the login made in this session still holds."""
        if self._apart:
            return False  # it cannot be asked; a login again does no harm
        info = SessionInfo()
        with self.turn():
            answer = self._functions.get_session_info(_handle(session), ctypes.byref(info))
        return answer == CKR_OK and info.state in _USER_STATES

    def signing_call(
        self, mechanism: pkcs11.Mechanism, parameter: tuple[int, ...] | None
    ) -> SigningCall | None:
        """How to sign past python-pkcs11; None where only that knows the sessions (p11-kit)."""
        return None if self._apart else SigningCall(self._functions, mechanism, parameter)

    def alone(self) -> AbstractContextManager[object]:
        """What a call without a session stands in: the module may be started again meanwhile."""
        return self._alone

    def turn(self) -> AbstractContextManager[object]:
        """What every call in a session stands in: shared, unless the module cannot lock."""
        return self._turn

    def tokens(self) -> list[pkcs11.Token]:
        """The tokens that are in their slots now."""
        self.initialise()
        with translated(self.path), self.alone(), among_processes(self.path, alone=False):
            found = []
            for slot in _patiently(lambda: self._library.get_slots(token_present=True)):
                try:
                    token = _patiently(slot.get_token)
                except (*GONE, *_OF_TWO_MINDS):
                    continue  # a fault in one slot is not to hide the tokens in the others
                if token.flags & pkcs11.TokenFlag.TOKEN_INITIALIZED:
                    found.append(token)
            return found

    def tokens_that(self, answer: Callable[[pkcs11.Token], bool]) -> list[pkcs11.Token]:
        """The tokens that `answer`. Where there is none now, there may be in a moment."""
        found: list[pkcs11.Token] = []
        for pause in _LOOKS:
            time.sleep(pause)
            if pause:
                self.restart()
            found = [token for token in self.tokens() if answer(token)]
            if found:
                break
        return found

    def restart(self) -> bool:
        """Start the module again, if no session is open; whether it was.

        SoftHSM takes a token for absent, or for one without a PIN, and for good, when another
        process that logs in writes it while this one starts.
        """
        with self.alone():
            if self._sessions or self._apart or self._foreign:
                return False
            self._functions.finalize(None)
            self._process = 0
            self.initialise()
            return True

    def read_again(self, token: pkcs11.Token) -> pkcs11.Token:
        """The token with its flags as they are now. Raises PKCS11Error."""
        with self.alone(), among_processes(self.path, alone=False):
            return _patiently(token.slot.get_token)

    def before_fork(self) -> None:
        """Wait until no thread is inside: a child of one that stayed could not go on."""
        until = time.monotonic() + PATIENCE
        self._held = self._guard.acquire(timeout=PATIENCE)
        self._forked_within = not (self._gate.shut(until=until) and self._held)

    def after_fork_in_parent(self) -> None:
        """Let the threads go on."""
        self._forked_within = False
        self._gate.open()
        if self._held:
            self._guard.release()

    def after_fork_in_child(self) -> None:
        """Nothing of the parent's sessions may be used or closed; its locks may be held."""
        self._make_locks()


def _patiently(read: Callable[[], R]) -> R:
    """What `read` tells, asked again for half a second while the token is of two minds.

    SoftHSM writes the token's flags anew at each login, and a reader in another process that
    comes between gets CKR_GENERAL_ERROR. Our own processes wait for each other
    (`among_processes`); other programs do not.
    """
    for pause in _PAUSES:
        try:
            return read()
        except _OF_TWO_MINDS:
            time.sleep(pause)
    return read()


_OF_TWO_MINDS: Final = (exceptions.GeneralError, exceptions.FunctionFailed)
_LOOKS: Final = (0.0, 0.02, 0.1)  # seconds before each
_PAUSES: Final = tuple(0.002 * 2**step for step in range(8))  # seconds, half a second in all
_LOADING = threading.Lock()
_MODULES: Final[dict[str, Module]] = {}


def _before_fork() -> None:
    for module in list(_MODULES.values()):
        module.before_fork()


def _after_fork_in_parent() -> None:
    for module in list(_MODULES.values()):
        module.after_fork_in_parent()


def _after_fork_in_child() -> None:
    global _LOADING  # noqa: PLW0603  # the lock of this module, for this process
    _LOADING = threading.Lock()
    for module in _MODULES.values():
        module.after_fork_in_child()


os.register_at_fork(
    before=_before_fork,
    after_in_parent=_after_fork_in_parent,
    after_in_child=_after_fork_in_child,
)
