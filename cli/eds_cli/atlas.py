"""What `eds` alone shows: its verbs by the people who use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from eds_cli.output import paint, width_of
from eds_cli.speech import say

# Heading → verbs in the order of a working day. A verb that is not listed stands under the last.
MAP: Final[Mapping[str, tuple[str, ...]]] = {
    "citizens": (
        "enroll",
        "key",
        "request",
        "sign",
        "cosign",
        "extend",
        "timestamp",
        "verify",
        "login",
    ),
    "officials": ("centre", "ca", "audit", "doctor"),
    "developers": ("serve", "trust", "inspect", "id", "token", "man", "completion"),
}
USERS: Final[Mapping[str, str]] = {
    "citizens": "For citizens: get an EDS, sign, check signatures",
    "officials": "For officials: enrol people, run the authority, look after it",
    "developers": "For developers of portals: build upon it, look into files",
}


def sections(commands: Mapping[str, tuple[str, str]]) -> dict[str, list[str]]:
    """User → verbs: each of `commands` once."""
    found = {user: [verb for verb in verbs if verb in commands] for user, verbs in MAP.items()}
    listed = {verb for verbs in found.values() for verb in verbs}
    found["developers"] += [verb for verb in commands if verb not in listed]
    return found


def lines(commands: Mapping[str, tuple[str, str]]) -> Iterator[str]:
    """The map, line by line, in the language of this run."""
    column = max(width_of(verb) for verb in commands) + 2
    yield say("Electronic digital signatures, and the identity behind them.")
    for user, verbs in sections(commands).items():
        yield ""
        yield paint(say(USERS[user]), bold=True)
        for verb in verbs:
            yield f"  {paint(verb, fg='cyan')}{' ' * (column - len(verb))}{say(commands[verb][1])}"
    yield ""
    yield say("`eds VERB --help` tells more of a verb; --json is for programs.")
    yield say("Every verb takes --language en, kk, ru or tg.")
