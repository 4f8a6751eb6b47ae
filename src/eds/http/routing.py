"""Which door answers where: a small table of methods and paths.

A path is plain (`/health/live`) or names parts of itself: `{name}` is a segment or a piece of one
(`/crl/people/{shard}.crl`), `{rest...}` at the end all that is left, slashes too. Plain paths come
first, then those that say more by themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from ..errors import InvalidArgument, MethodNotAllowed, PathNotFound
from .messages import Door

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_PART: Final = re.compile(r"\{([a-z_]+)(\.\.\.)?\}")
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A door and where it stands. A GET answers HEAD as well.

    `limit` is the most octets of a request's body. The log calls a request by `path` and figures
    by `kind`: both are ours, and nothing that was asked for.
    """

    method: str
    path: str
    door: Door
    limit: int = 0
    kind: str = "-"

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
        named: dict[str, dict[str, Route]] = {}
        for route in self.routes:
            found = named if "{" in route.path else self._plain
            methods = found.setdefault(route.path, {})
            if route.method in methods:
                raise InvalidArgument(argument="routes", reason=f"{route.path}: two of one kind")
            methods[route.method] = route
        self._quick = {
            (route.method, route.path): (route, _NOTHING)
            for route in self.routes
            if "{" not in route.path
        }
        # By their first segment, where it is plain: most requests look at one or two patterns.
        self._named: dict[str, list[_Named]] = {}
        for path in sorted(named, key=_precedence):
            first = path.split("/", 2)[1]
            self._named.setdefault("" if "{" in first else first, []).append(
                _Named(_pattern(path), named[path])
            )

    def find(self, method: str, path: str) -> tuple[Route, Mapping[str, str]]:
        """The route of a request, and the parts of its path that the route names.

        Raises PathNotFound, MethodNotAllowed.
        """
        quick = self._quick.get((method, path))
        if quick is not None:
            return quick
        methods = self._plain.get(path)
        if methods is not None and (route := _of(methods, method)) is not None:
            return route, _NOTHING
        allowed = set(methods or ())
        first = path.split("/", 2)[1] if "/" in path else ""
        for key in dict.fromkeys((first, "")):
            for named in self._named.get(key, ()):
                found = named.pattern.fullmatch(path)
                if found is None:
                    continue
                route = _of(named.methods, method)
                if route is not None:
                    return route, found.groupdict()
                allowed |= set(named.methods)
        if not allowed:
            raise PathNotFound
        raise MethodNotAllowed(allowed=tuple(sorted(allowed | _heads(allowed))))


class _Named(NamedTuple):
    pattern: re.Pattern[str]
    methods: Mapping[str, Route]


def _of(methods: Mapping[str, Route], method: str) -> Route | None:
    return methods.get(method) or (methods.get("GET") if method == "HEAD" else None)


def _heads(allowed: set[str]) -> set[str]:
    return {"HEAD"} if "GET" in allowed else set()


def _precedence(path: str) -> tuple[bool, int, str]:
    """Paths that take all that is left come last; before them, who says more comes first."""
    return path.endswith("...}"), -len(_PART.sub("", path)), path


def _pattern(path: str) -> re.Pattern[str]:
    text, end = "", 0
    for part in _PART.finditer(path):
        text += re.escape(path[end : part.start()])
        text += f"(?P<{part[1]}>{'.*' if part[2] else '[^/]+'})"
        end = part.end()
    return re.compile(text + re.escape(path[end:]), re.DOTALL)
