"""Functions of a module that are called past python-pkcs11, and their answers.

Most are there because python-pkcs11 does not have them, or would lose a session on the way.
Signing is there for its cost: python-pkcs11 asks the length of each signature first, and gives
up the interpreter three times for one signature. Eight threads of a process then keep waking
each other, and reach three quarters of what one thread does (docs/adr/0007).
"""

from __future__ import annotations

import ctypes
from typing import Any, Final, NamedTuple

from pkcs11 import exceptions

CKR_OK: Final = 0x000
_CKR_BUFFER_TOO_SMALL: Final = 0x150
_ROOM: Final = 1024  # octets; a signature that is longer costs a second room
_ERRORS: Final[dict[int, type[exceptions.PKCS11Error]]] = {
    0x002: exceptions.HostMemory,
    0x003: exceptions.SlotIDInvalid,
    0x005: exceptions.GeneralError,
    0x006: exceptions.FunctionFailed,
    0x007: exceptions.ArgumentsBad,
    0x020: exceptions.DataInvalid,
    0x021: exceptions.DataLenRange,
    0x030: exceptions.DeviceError,
    0x031: exceptions.DeviceMemory,
    0x032: exceptions.DeviceRemoved,
    0x050: exceptions.FunctionCancelled,
    0x054: exceptions.FunctionNotSupported,
    0x060: exceptions.KeyHandleInvalid,
    0x062: exceptions.KeySizeRange,
    0x063: exceptions.KeyTypeInconsistent,
    0x070: exceptions.MechanismInvalid,
    0x071: exceptions.MechanismParamInvalid,
    0x082: exceptions.ObjectHandleInvalid,
    0x090: exceptions.OperationActive,
    0x091: exceptions.OperationNotInitialized,
    0x0A0: exceptions.PinIncorrect,
    0x0A1: exceptions.PinInvalid,
    0x0A2: exceptions.PinLenRange,
    0x0A3: exceptions.PinExpired,
    0x0A4: exceptions.PinLocked,
    0x0B0: exceptions.SessionClosed,
    0x0B1: exceptions.SessionCount,
    0x0B3: exceptions.SessionHandleInvalid,
    0x0E0: exceptions.TokenNotPresent,
    0x0E1: exceptions.TokenNotRecognised,
    0x100: exceptions.UserAlreadyLoggedIn,
    0x101: exceptions.UserNotLoggedIn,
    0x102: exceptions.UserPinNotInitialized,
    0x104: exceptions.UserTooManyTypes,
    0x200: exceptions.FunctionRejected,
}


def failure(code: int) -> exceptions.PKCS11Error:
    """The error that python-pkcs11 would raise for that CKR value."""
    kind = _ERRORS.get(code)
    return kind() if kind is not None else exceptions.PKCS11Error(f"CKR 0x{code:03X}")


class InitializeArguments(ctypes.Structure):
    """CK_C_INITIALIZE_ARGS (PKCS #11 §3.7): no functions of our own, only flags."""

    _fields_ = [
        ("create_mutex", ctypes.c_void_p),
        ("destroy_mutex", ctypes.c_void_p),
        ("lock_mutex", ctypes.c_void_p),
        ("unlock_mutex", ctypes.c_void_p),
        ("flags", ctypes.c_ulong),
        ("reserved", ctypes.c_void_p),
    ]


class LibraryInfo(ctypes.Structure):
    """CK_INFO (PKCS #11 §3.1)."""

    _fields_ = [
        ("cryptoki_version", ctypes.c_ubyte * 2),
        ("manufacturer", ctypes.c_char * 32),
        ("flags", ctypes.c_ulong),
        ("description", ctypes.c_char * 32),
        ("version", ctypes.c_ubyte * 2),
    ]


class SessionInfo(ctypes.Structure):
    """CK_SESSION_INFO (PKCS #11 §3.2)."""

    _fields_ = [
        ("slot_id", ctypes.c_ulong),
        ("state", ctypes.c_ulong),
        ("flags", ctypes.c_ulong),
        ("device_error", ctypes.c_ulong),
    ]


class Functions(NamedTuple):
    """The functions of CK_FUNCTION_LIST that are called past python-pkcs11."""

    initialize: Any
    finalize: Any
    get_info: Any
    get_session_info: Any
    login: Any
    logout: Any
    sign_init: Any
    sign: Any


def functions(library: ctypes.CDLL) -> Functions:
    """Through C_GetFunctionList, the one symbol that every module exports (PKCS #11 §5.4)."""
    table = ctypes.c_void_p()
    if library.C_GetFunctionList(ctypes.byref(table)) != CKR_OK or not table.value:
        raise OSError("no list of functions")
    # CK_VERSION, padded to the size of a pointer, then the functions in the standard's order.
    size = ctypes.sizeof(ctypes.c_void_p)
    pointers = [p or 0 for p in (ctypes.c_void_p * 44).from_address(table.value + size)]
    if not all(pointers):
        raise OSError("functions are missing")
    number, pointer = ctypes.c_ulong, ctypes.c_void_p
    takes_pointer = ctypes.CFUNCTYPE(number, pointer)
    login = ctypes.CFUNCTYPE(number, number, number, ctypes.c_char_p, number)
    return Functions(
        initialize=takes_pointer(pointers[0]),
        finalize=takes_pointer(pointers[1]),
        get_info=takes_pointer(pointers[2]),
        get_session_info=ctypes.CFUNCTYPE(number, number, pointer)(pointers[15]),
        login=login(pointers[18]),
        logout=ctypes.CFUNCTYPE(number, number)(pointers[19]),
        sign_init=ctypes.CFUNCTYPE(number, number, pointer, number)(pointers[42]),
        sign=ctypes.CFUNCTYPE(number, number, ctypes.c_char_p, number, pointer, pointer)(
            pointers[43]
        ),
    )


class _Mechanism(ctypes.Structure):
    """CK_MECHANISM (PKCS #11 §3.5)."""

    _fields_ = [
        ("mechanism", ctypes.c_ulong),
        ("parameter", ctypes.c_void_p),
        ("size", ctypes.c_ulong),
    ]


class Room:
    """Where a session writes its signatures: one for each, for it does one thing at a time."""

    __slots__ = ("address", "length", "length_address", "octets", "size")

    def __init__(self, size: int = _ROOM) -> None:
        self.size = size
        self.octets = ctypes.create_string_buffer(size)
        self.length = ctypes.c_ulong()
        self.address = ctypes.addressof(self.octets)
        self.length_address = ctypes.addressof(self.length)


class SigningCall:
    """C_SignInit and C_Sign for one mechanism (PKCS #11 §5.13).

    `parameter` are the fields of a structure of CK_ULONG (CK_RSA_PKCS_PSS_PARAMS).
    """

    def __init__(
        self, module: Functions, mechanism: int, parameter: tuple[int, ...] | None
    ) -> None:
        self._start, self._sign = module.sign_init, module.sign
        fields = (ctypes.c_ulong * len(parameter))(*parameter) if parameter else None
        self._mechanism = _Mechanism(
            mechanism,
            ctypes.addressof(fields) if fields is not None else None,
            ctypes.sizeof(fields) if fields is not None else 0,
        )
        # The module is given addresses: what stands there must live as long.
        self._fields = fields
        self._address = ctypes.addressof(self._mechanism)

    def __call__(self, session: int, key: int, data: bytes, room: Room) -> bytes:
        """The signature. After an error the session is not to be used again.

        Raises PKCS11Error.
        """
        answer = self._start(session, self._address, key)
        if answer == CKR_OK:
            answer = self._into(room, session, data)
            if answer == _CKR_BUFFER_TOO_SMALL:
                room = Room(room.length.value)
                answer = self._into(room, session, data)
            if answer == CKR_OK:
                return ctypes.string_at(room.address, room.length.value)
        raise failure(answer)

    def _into(self, room: Room, session: int, data: bytes) -> int:
        room.length.value = room.size
        answer: int = self._sign(session, data, len(data), room.address, room.length_address)
        return answer
