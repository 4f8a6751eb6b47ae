"""Which door answers where: a small table of methods and paths.

A path is plain (`/health/live`), names segments (`/certificates/{label}.cer` does not: a name is
a whole segment, `/desk/applications/{application}`), or ends in `{rest...}`, which takes all that
is left, slashes too. Plain paths come first, then the longest that names something.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from ..errors import InvalidArgument, MethodNotAllowed, PathNotFound
from .messages import Door

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A door and where it stands. A GET answers HEAD as well.

    `limit` is the most octets of a request's body. Logs and figures name a request by `path`,
    which is ours, and never by what was asked for.
    """

    method: str
    path: str
    door: Door
    limit: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise InvalidArgument(argument="method", reason="not a method known here")
        if not self.path.startswith("/"):
            raise InvalidArgument(argument="path", reason="it begins with a slash")


class RouteTable:
    """All routes of an application. Raises InvalidArgument where two are the same."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._plain: dict[str, dict[str, Route]] = {}
        self._named: list[tuple[tuple[str, ...], dict[str, Route]]] = []
        patterns: dict[tuple[str, ...], dict[str, Route]] = {}
        for route in self.routes:
            segments = tuple(route.path.split("/")[1:])
            if any(segment.startswith("{") for segment in segments):
                methods = patterns.setdefault(segments, {})
            else:
                methods = self._plain.setdefault(route.path, {})
            if route.method in methods:
                raise InvalidArgument(argument="routes", reason=f"{route.path}: two of one kind")
            methods[route.method] = route
        self._named = sorted(patterns.items(), key=lambda item: _precedence(item[0]))

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """The route of a request, and the parts of its path that the route names.

        Raises PathNotFound, MethodNotAllowed.
        """
        methods = self._plain.get(path)
        if methods is not None and (route := _of(methods, method)) is not None:
            return route, _NOTHING
        allowed = set(methods or ())
        segments = path.split("/")[1:]
        for pattern, methods in self._named:
            parameters = _match(pattern, segments)
            if parameters is None:
                continue
            route = _of(methods, method)
            if route is not None:
                return route, parameters
            allowed |= set(methods)
        if not allowed:
            raise PathNotFound
        raise MethodNotAllowed(allowed=tuple(sorted(allowed | ({"HEAD"} & _heads(allowed)))))


def _of(methods: Mapping[str, Route], method: str) -> Route | None:
    return methods.get(method) or (methods.get("GET") if method == "HEAD" else None)


def _heads(allowed: set[str]) -> set[str]:
    return {"HEAD"} if "GET" in allowed else set()


def _precedence(pattern: tuple[str, ...]) -> tuple[bool, int, tuple[bool, ...]]:
    rest = pattern[-1].endswith("...}")
    return rest, -len(pattern), tuple(segment.startswith("{") for segment in pattern)


def _match(pattern: tuple[str, ...], segments: list[str]) -> dict[str, str] | None:
    last = pattern[-1]
    if last.endswith("...}"):
        if len(segments) < len(pattern):
            return None
        found = {last[1:-4]: "/".join(segments[len(pattern) - 1 :])}
        pattern = pattern[:-1]
    elif len(segments) != len(pattern):
        return None
    else:
        found = {}
    for wanted, segment in zip(pattern, segments, strict=False):
        if wanted.startswith("{"):
            if not segment:
                return None
            found[wanted[1:-1]] = segment
        elif wanted != segment:
            return None
    return found
