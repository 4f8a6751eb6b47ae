"""A PKCS #11 module, loaded once in a process and initialised so that threads may share it.

python-pkcs11 0.10 calls `C_Initialize(NULL)`, which tells the module that no two threads will
ever call it, and then lets them. So the module is initialised here, with CKF_OS_LOCKING_OK, and
python-pkcs11 only finds it initialised. A module that cannot lock gets one lock around every
call. After a fork the child initialises it anew: PKCS #11 §5.4 leaves it nothing of the parent.
"""

from __future__ import annotations

import ctypes
import os
import stat
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final, NamedTuple

import pkcs11
from pkcs11 import _pkcs11, exceptions

from eds.errors import (
    EdsError,
    ModuleUnavailable,
    OperationUnsupported,
    PasswordRefused,
    PinIncorrect,
    PinLocked,
    TokenAbsent,
    TokenFailed,
)

_OS_LOCKING_OK: Final = 0x02
_CKR_OK: Final = 0x000
_CKR_CANT_LOCK: Final = 0x00A
_CKR_ALREADY_INITIALIZED: Final = 0x191
_CKU_USER: Final = 1
_LOGIN_ERRORS: Final = {
    0x030: exceptions.DeviceError,
    0x032: exceptions.DeviceRemoved,
    0x0A0: exceptions.PinIncorrect,
    0x0A1: exceptions.PinInvalid,
    0x0A2: exceptions.PinLenRange,
    0x0A3: exceptions.PinExpired,
    0x0A4: exceptions.PinLocked,
    0x0B3: exceptions.SessionHandleInvalid,
    0x0E0: exceptions.TokenNotPresent,
    0x100: exceptions.UserAlreadyLoggedIn,
    0x102: exceptions.UserPinNotInitialized,
    0x104: exceptions.UserTooManyTypes,
}

ENVIRONMENT: Final = "EDS_PKCS11_MODULE"
_FOLDERS: Final = (
    "/usr/lib/softhsm",
    "/usr/lib/x86_64-linux-gnu/softhsm",
    "/usr/lib/aarch64-linux-gnu/softhsm",
    "/usr/lib64/softhsm",
    "/usr/lib/x86_64-linux-gnu/pkcs11",
    "/usr/lib/aarch64-linux-gnu/pkcs11",
    "/usr/lib/pkcs11",
    "/usr/lib64/pkcs11",
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/opt/homebrew/lib",
)
# Names that people use for modules, and the files they mean.
_FILES: Final = {
    "softhsm2": "libsofthsm2.so",
    "softhsm": "libsofthsm2.so",
    "opensc": "opensc-pkcs11.so",
    "opensc-pkcs11": "opensc-pkcs11.so",
    "p11-kit": "p11-kit-proxy.so",
    "p11-kit-proxy": "p11-kit-proxy.so",
}


class _InitializeArguments(ctypes.Structure):
    """CK_C_INITIALIZE_ARGS (PKCS #11 §3.7): no functions of our own, only flags."""

    _fields_ = [
        ("create_mutex", ctypes.c_void_p),
        ("destroy_mutex", ctypes.c_void_p),
        ("lock_mutex", ctypes.c_void_p),
        ("unlock_mutex", ctypes.c_void_p),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    ]


class _Library(_pkcs11.lib):
    """python-pkcs11's library object without its own `C_Initialize(NULL)`."""

    def __init__(self, so: str) -> None:
        """Its constructor in C has loaded the list of functions already."""


class _Functions(NamedTuple):
    """The functions of CK_FUNCTION_LIST that are called past python-pkcs11."""

    initialize: Any
    finalize: Any
    login: Any
    logout: Any


def _functions(library: ctypes.CDLL) -> _Functions:
    """Through C_GetFunctionList, the one symbol that every module exports (PKCS #11 §5.4)."""
    table = ctypes.c_void_p()
    if library.C_GetFunctionList(ctypes.byref(table)) != _CKR_OK or not table.value:
        raise OSError("no list of functions")
    # CK_VERSION, padded to the size of a pointer, then the functions in the standard's order.
    size = ctypes.sizeof(ctypes.c_void_p)
    pointers = (ctypes.c_void_p * 20).from_address(table.value + size)
    number, pointer = ctypes.c_ulong, ctypes.c_void_p
    takes_pointer = ctypes.CFUNCTYPE(number, pointer)
    login = ctypes.CFUNCTYPE(number, number, number, ctypes.c_char_p, number)
    return _Functions(
        initialize=takes_pointer(pointers[0]),
        finalize=takes_pointer(pointers[1]),
        login=login(pointers[18]),
        logout=ctypes.CFUNCTYPE(number, number)(pointers[19]),
    )


def _handle(session: pkcs11.Session) -> int:
    return session.handle  # type: ignore[attr-defined,no-any-return]


class Module:
    """One loaded module. `get` returns the same object for the same file, all process long."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._guard = threading.RLock()
        self._process = 0
        self._one_at_a_time = False
        try:
            self._functions = _functions(ctypes.CDLL(path))
            self._library = _Library(path)
        except (OSError, RuntimeError, AttributeError, exceptions.PKCS11Error) as error:
            raise ModuleUnavailable(module=path, reason="it cannot be loaded") from error

    @staticmethod
    def get(path: str) -> Module:
        """The module in that file, which must be one that only its owner can replace.

        Raises ModuleUnavailable.
        """
        checked = _checked(path)
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
        with self._guard:
            if self._process == os.getpid():
                return
            arguments = _InitializeArguments(flags=_OS_LOCKING_OK)
            answer = self._initialise(arguments)
            if answer == _CKR_ALREADY_INITIALIZED:
                # By the parent before a fork, or by somebody who may not have asked for locks.
                self._functions.finalize(None)
                answer = self._initialise(arguments)
            if answer == _CKR_CANT_LOCK:
                self._one_at_a_time = True
                answer = self._initialise(None)
            if answer != _CKR_OK:
                raise ModuleUnavailable(
                    module=self.path, reason=f"it does not start (CKR 0x{answer:03X})"
                )
            self._process = os.getpid()

    def _initialise(self, arguments: _InitializeArguments | None) -> int:
        pointer = None if arguments is None else ctypes.byref(arguments)
        return int(self._functions.initialize(pointer))

    def log_in(self, session: pkcs11.Session, pin: bytes | None) -> None:
        """C_Login as the user; None: the token's own key pad asks. Raises PKCS11Error.

        Not through python-pkcs11: a session whose login failed would be lost with its handle.
        """
        size = 0 if pin is None else len(pin)
        answer = self._functions.login(_handle(session), _CKU_USER, pin, size)
        if answer != _CKR_OK:
            raise _LOGIN_ERRORS.get(answer, exceptions.FunctionFailed)

    def log_out(self, session: pkcs11.Session) -> None:
        """C_Logout; that nobody was logged in is no error."""
        self._functions.logout(_handle(session))

    def turn(self) -> AbstractContextManager[object]:
        """What every call into the module stands in: free, unless the module cannot lock."""
        return self._guard if self._one_at_a_time else _FREE

    def tokens(self) -> list[pkcs11.Token]:
        """The tokens that are in their slots now."""
        self.initialise()
        with translated(self.path), self.turn():
            found = []
            for slot in self._library.get_slots(token_present=True):
                try:
                    token = slot.get_token()
                except (exceptions.TokenNotPresent, exceptions.TokenNotRecognised):
                    continue
                if token.flags & pkcs11.TokenFlag.TOKEN_INITIALIZED:
                    found.append(token)
            return found


_LOADING: Final = threading.Lock()
_MODULES: Final[dict[str, Module]] = {}
_FREE: Final = nullcontext()


def _after_fork_in_child() -> None:
    # Another thread of the parent may have held a lock when it forked.
    for module in _MODULES.values():
        module._guard = threading.RLock()  # noqa: SLF001


os.register_at_fork(after_in_child=_after_fork_in_child)


def module_path(*, path: str | None, name: str | None, environment: str | None) -> str:
    """Where the module is: a path or a name from the URI, else from the environment.

    Raises ModuleUnavailable when none is named, or a name is not known here.
    """
    wanted = path or name or environment
    if wanted is None:
        raise ModuleUnavailable(
            module="(none)", reason=f"name it: module-path in the URI, or {ENVIRONMENT}"
        )
    if Path(wanted).is_absolute():
        return wanted
    if "/" in wanted:
        raise ModuleUnavailable(module=wanted, reason="the path is not absolute")
    file = _FILES.get(wanted, wanted if wanted.endswith(".so") else f"{wanted}.so")
    for folder in _FOLDERS:
        candidate = Path(folder) / file
        if candidate.is_file():
            return str(candidate)
    raise ModuleUnavailable(module=wanted, reason="no module of that name in the system's folders")


def _checked(path: str) -> str:
    try:
        resolved = Path(path).resolve(strict=True)
        found = resolved.stat()
        folder = resolved.parent.stat()
    except (OSError, RuntimeError) as error:
        raise ModuleUnavailable(module=path, reason="no such file") from error
    if not stat.S_ISREG(found.st_mode):
        raise ModuleUnavailable(module=path, reason="not a regular file")
    for owner in (found, folder):
        # A module runs in this process: who may write it, is this process.
        sticky = owner is folder and owner.st_mode & stat.S_ISVTX
        if owner.st_mode & stat.S_IWOTH and not sticky:
            raise ModuleUnavailable(module=path, reason="others may write it or its folder")
        if owner.st_uid not in (0, os.geteuid()):
            raise ModuleUnavailable(module=path, reason="it belongs to another user")
    return str(resolved)


@contextmanager
def translated(token: str) -> Iterator[None]:
    """Turn the errors of a module into ours; `token` is what they name."""
    try:
        yield
    except EdsError:
        raise
    except exceptions.PKCS11Error as error:
        raise _translate(error, token) from None


GONE: Final = (
    exceptions.TokenNotPresent,
    exceptions.TokenNotRecognised,
    exceptions.DeviceRemoved,
    exceptions.DeviceError,
    exceptions.SlotIDInvalid,
    exceptions.NoSuchToken,
    exceptions.SessionHandleInvalid,
    exceptions.SessionClosed,
    exceptions.ObjectHandleInvalid,
    exceptions.KeyHandleInvalid,
    exceptions.UserNotLoggedIn,
)


def _translate(error: Exception, token: str) -> EdsError:
    if isinstance(error, exceptions.PinIncorrect):
        return PinIncorrect(token=token)
    if isinstance(error, exceptions.PinLocked):
        return PinLocked(token=token)
    if isinstance(error, (exceptions.PinLenRange, exceptions.PinInvalid)):
        return PasswordRefused(reason=f"token {token!r} does not take a PIN of that form")
    if isinstance(error, GONE[:6]):
        return TokenAbsent(token=token)
    if isinstance(error, (exceptions.MechanismInvalid, exceptions.FunctionNotSupported)):
        return OperationUnsupported(operation="do that", store=f"token {token!r}")
    return TokenFailed(token=token, reason=_ckr_name(error))


def _ckr_name(error: Any) -> str:
    words = "".join(f"_{c}" if c.isupper() else c for c in type(error).__name__)
    return f"CKR{words.upper()}"
