"""The errors of a PKCS #11 module as ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from pkcs11 import exceptions

from eds.errors import (
    EdsError,
    OperationUnsupported,
    PasswordRefused,
    PinIncorrect,
    PinLocked,
    TokenAbsent,
    TokenFailed,
)


@contextmanager
def translated(token: str) -> Iterator[None]:
    """Turn the errors of a module into ours; `token` is what they name."""
    try:
        yield
    except EdsError:
        raise
    except exceptions.PKCS11Error as error:
        raise translate(error, token) from None


# The session, its login or the handle of the key is lost; a fresh one may do.
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
_ABSENT: Final = (
    exceptions.TokenNotPresent,
    exceptions.TokenNotRecognised,
    exceptions.DeviceRemoved,
    exceptions.SlotIDInvalid,
    exceptions.NoSuchToken,
)


def translate(error: exceptions.PKCS11Error, token: str) -> EdsError:
    """That error as ours; `token` is what it names."""
    if isinstance(error, exceptions.PinIncorrect):
        return PinIncorrect(token=token)
    if isinstance(error, exceptions.PinLocked):
        return PinLocked(token=token)
    if isinstance(error, (exceptions.PinLenRange, exceptions.PinInvalid, exceptions.PinTooWeak)):
        return PasswordRefused(reason=f"token {token!r} does not take a PIN of that form")
    if isinstance(error, _ABSENT):
        return TokenAbsent(token=token)
    if isinstance(error, (exceptions.MechanismInvalid, exceptions.FunctionNotSupported)):
        return OperationUnsupported(operation="do that", store=f"token {token!r}")
    return TokenFailed(token=token, reason=_ckr_name(error))


def _ckr_name(error: exceptions.PKCS11Error) -> str:
    if type(error) is exceptions.PKCS11Error:
        return str(error)  # the number of a code that python-pkcs11 has no name for
    words = "".join(f"_{c}" if c.isupper() else c for c in type(error).__name__)
    return f"CKR{words.upper()}"


def is_not_initialised(error: exceptions.PKCS11Error) -> bool:
    """Whether it is CKR_CRYPTOKI_NOT_INITIALIZED, which has no class of its own."""
    return type(error) is exceptions.PKCS11Error and "not initialized" in str(error)
