"""Signers over keys in this process's memory, and the seal that keeps secrets out of tracebacks."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import NoReturn

from eds.algorithms import SignatureAlgorithm
from eds.errors import EdsError, OperationUnsupported
from eds.keys.contract import KeyRef
from eds.keys.privatekeys import LoadedKey, require_algorithm, signing_function
from eds.publickeys import PublicKey


class LocalSigner:
    """A `Signer` whose key is an object of `cryptography` or `eds.gost`; threads may share it.

    GOST keys are reckoned with in Python, which is not constant-time: `eds.gost.SigningKey` says
    how its numbers are blinded, and who should keep such a key in a token instead.

    After `close` it refuses. What it holds of the key goes when nobody signs any more.
    """

    __slots__ = ("_sign", "algorithm", "key", "public_key")

    def __init__(
        self,
        native: LoadedKey,
        *,
        key: KeyRef,
        public_key: PublicKey,
        algorithm: SignatureAlgorithm,
    ) -> None:
        require_algorithm(algorithm, public_key)
        self._sign: Callable[[bytes], bytes] = signing_function(native, algorithm)
        self.key = key
        self.public_key = public_key
        self.algorithm = algorithm

    def sign(self, message: bytes) -> bytes:
        """Hash and sign `message`. Raises OperationUnsupported once the signer is closed."""
        return self._sign(message)

    def close(self) -> None:
        """Let go of the key."""
        label = self.key.label

        def refuse(message: bytes, /) -> NoReturn:  # noqa: ARG001 - stands where a signer stood
            raise OperationUnsupported(
                operation="sign after its context has ended", store=f"the signer of {label!r}"
            )

        self._sign = refuse

    def __repr__(self) -> str:
        return f"<signer {self.key.label!r} {self.algorithm.name}>"

    def __reduce__(self) -> str:
        raise TypeError("a signer is not pickled")


class Sealed:
    """Errors leave without the frames they came through.

    Crash reporters print the local variables of every frame, and below this point those are
    passwords, derived keys and decrypted files. The error itself says what happened; its
    fields hold no secret. Errors that are none of ours pass unchanged: those are bugs.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, EdsError):
            error.__cause__ = None
            error.__context__ = None
            raise error.with_traceback(None) from None


SEALED = Sealed()
