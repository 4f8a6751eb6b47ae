"""Frozen values over their bytes: what every object of the ground has in common.

Such a value is its encoding. What stands in it is read when somebody asks, once, and whatever
the bytes do wrong comes out as the one error of that kind of object.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, ClassVar, Generic, NoReturn, Self, TypeVar, overload

from eds.errors import DecodeError, InvalidArgument, LimitExceeded, UnknownFormat
from eds.formats import Format, identify

V = TypeVar("V")


class read_once(Generic[V]):  # noqa: N801 - a decorator, as `property` is
    """A property that is read once, at its first use, and kept in the object.

    Unlike `functools.cached_property` it takes no lock (two threads may both read: they read
    the same), and a DecodeError leaves as the `malformed` error of the object's class.
    """

    def __init__(self, read: Callable[[Any], V]) -> None:
        self._read = read
        self._name = read.__name__
        self.__doc__ = read.__doc__

    @overload
    def __get__(self, instance: None, owner: type[Encoded]) -> Self: ...
    @overload
    def __get__(self, instance: Encoded, owner: type[Encoded]) -> V: ...
    def __get__(self, instance: Encoded | None, owner: type[Encoded]) -> V | Self:
        if instance is None:
            return self
        try:
            value = self._read(instance)
        except owner.malformed:
            raise
        except DecodeError as error:
            raise owner.malformed(reason=str(error)) from error  # type: ignore[call-arg]
        instance.__dict__[self._name] = value
        return value


class extension_value(Generic[V]):  # noqa: N801 - stands where a decorated property would
    """A property: the value of the extension of that OID, read once; None where there is none.

    For objects with `extensions`. A path asks a dozen times, mostly for what is not there. What
    cannot be read leaves as the `malformed` error of the object's class, and names the OID.
    """

    def __init__(self, oid: str, read: Callable[[bytes], V]) -> None:
        self._oid = oid
        self._read = read

    def __set_name__(self, owner: type[Encoded], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type[Encoded]) -> Self: ...
    @overload
    def __get__(self, instance: Encoded, owner: type[Encoded]) -> V | None: ...
    def __get__(self, instance: Any, owner: type[Encoded]) -> V | Self | None:
        if instance is None:
            return self
        value = None
        found = instance.extensions.get(self._oid)
        if found is not None:
            try:
                value = self._read(found.octets)
            except DecodeError as error:
                reason = f"extension {self._oid}: {error}"
                raise owner.malformed(reason=reason) from error  # type: ignore[call-arg]
        instance.__dict__[self._name] = value
        return value


class Encoded:
    """A value that is its bytes: equal, hashed and named by them.

    `size_limit` is in octets. Raises LimitExceeded beyond it, InvalidArgument for anything
    but bytes.
    """

    malformed: ClassVar[type[DecodeError]]
    format: ClassVar[Format | None] = None
    size_limit: ClassVar[int] = 64 * 1024

    encoded: bytes

    def __init__(self, encoded: bytes) -> None:
        if type(encoded) is not bytes:
            raise InvalidArgument(argument="encoded", reason="bytes are wanted")
        if len(encoded) > self.size_limit:
            raise LimitExceeded(
                limit="octets of input", allowed=self.size_limit, found=len(encoded)
            )
        self.__dict__["encoded"] = encoded

    @classmethod
    def load(cls, data: bytes) -> Self:
        """The one object of this kind in `data`: DER, PEM or base64, among others or alone.

        Raises the error of its kind where there is none or more than one, and MalformedPem.
        """
        if data[:1] == b"\x30":
            return cls(data)
        found = cls.load_all(data)
        if len(found) != 1:
            raise cls.malformed(reason=f"{len(found)} of them in the data")  # type: ignore[call-arg]
        return found[0]

    @classmethod
    def load_all(cls, data: bytes) -> tuple[Self, ...]:
        """All objects of this kind in `data`, in their order; none is an answer too."""
        try:
            found = identify(data)
        except UnknownFormat:
            return ()
        return tuple(cls(item.octets) for item in found if item.format is cls.format)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is frozen")

    __delattr__ = __setattr__  # type: ignore[assignment]

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self.encoded == other.encoded

    def __hash__(self) -> int:
        return hash(self.encoded)

    def __reduce__(self) -> tuple[type[Self], tuple[bytes]]:
        return type(self), (self.encoded,)

    def __repr__(self) -> str:
        # Nothing of the content: a subject holds personal numbers.
        return f"<{type(self).__name__} {self.fingerprint.hex()[:16]}>"

    @read_once
    def fingerprint(self) -> bytes:
        """SHA-256 over the whole value, 32 octets."""
        return hashlib.sha256(self.encoded).digest()
