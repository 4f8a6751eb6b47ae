"""In which language the command line speaks: `--language`, else the locale of the environment.

Status lines, questions, errors and reports are spoken; codes, JSON and names never are.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

TAGS: Final = ("en", "kk", "ru", "tg")

# What is said by a computed name: labels of facts, purposes of keys.
COMPUTED: Final = frozenset(
    {
        *("key", "signer", "organisation", "certificate SHA-256", "valid until", "standing"),
        *("documents", "document", "size", "SHA-256", "and more", "risks", "notices"),
        *("label", "identifier", "purpose", "kind", "algorithm", "public key SHA-256"),
        *("certificate", "issuers", "subject", "issuer", "serial number", "not before"),
        *("not after", "level", "signers", "time", "signature", "authentication", "both"),
        *("portal", "address", "asks you to", "code", "until"),
        *("certification", "any", "signature and authentication"),
        *("number", "state", "tries left", "next", "station", "with"),
        *("from home", "at a service centre", "by renewal"),
        *("profile", "services", "key SHA-256", "all", "common name", "country", "given name"),
        # officials: roles, decisions, acts, and the facts of a case
        *("operator", "checker", "security_officer", "auditor", "applicant", "desk"),
        *("look", "approve", "return", "reject", "leave", "yes", "no"),
        *("appointed", "proposed", "removed", "hold", "revocation", "release"),
        *("on_hold", "revoked", "valid", "held", "expired", "certificate status"),
        *("application", "flow", "version", "waits for", "next command", "deadline", "risk"),
        *("evidence", "face checks", "returns", "reason without chip", "reason", "person"),
        *("record SHA-256", "chip challenge", "files", "born", "alive", "residency", "has photo"),
        *("permission until", "nationality", "expires", "folder", "name", "setting", "policy"),
        "surname",
        # authority: acts, states, and the facts of plans
        *("revoke", "full", "delta", "last", "overdue", "due", "waiting", "running"),
        *("finished", "stopped", "changes", "stays", "stands", "key stands", "to be made", "since"),
        *("invalidity date", "held since", "act", "before", "after", "key blocked", "request"),
        *("others of this key", "profile SHA-256", "registration authority", "evidence SHA-256"),
        *("key store", "responder store", "shards", "profiles", "shard", "status", "history"),
        *("intents", "begun at", "validity days", "standing until", "answers", "selected"),
        *("counts", "outcome", "count", "list octets", "plan SHA-256", "progress", "changed"),
        *("passed", "ceremony", "description SHA-256", "participants", "role", "certificates"),
        *("note", "rsa bits", "issues", "problems", "warnings", "report", "report SHA-256"),
        *("started at", "finished at", "remarks", "signed by", "findings", "place", "detail"),
        *("actor", "authority", "store", "anchors", "intermediates", "purposes", "source"),
        *("signature algorithm", "self issued", "extensions", "bits", "key identifier", "holder"),
        # audit log
        *("writer", "sequence", "at", "details", "previous", "hash", "records", "writers"),
        *("checkpoints", "newest checkpoint", "newest checkpoint at", "record", "checkpoint at"),
        *("records without checkpoint", "checkpoint"),
        "serial numbers and key identifiers are not known before the keys are made",
    }
)

_CHOSEN: Final[ContextVar[str | None]] = ContextVar("language", default=None)


@contextmanager
def own_language() -> Iterator[None]:
    """What one run chooses ends with it."""
    token = _CHOSEN.set(None)
    try:
        yield
    finally:
        _CHOSEN.reset(token)


def chosen_language() -> str | None:
    """What `--language` said; None where it was not given."""
    return _CHOSEN.get()


def language() -> str:
    """The tag of the language that is spoken now."""
    from eds.languages import preferred

    return _CHOSEN.get() or preferred(os.environ).value


def say(message: str, **facts: Any) -> str:
    """An English message with the names of facts in braces, told in the language of this run."""
    from eds.errors import Sentence
    from eds.languages import translator

    translate = translator(language())
    told = {
        name: fact.told(translate) if isinstance(fact, Sentence) else fact
        for name, fact in facts.items()
    }
    return translate(message).format_map(told) if told else translate(message)


def _choose(_: click.Context, __: click.Parameter, value: str | None) -> None:
    if value is not None:
        _CHOSEN.set(value)


def language_option(command: F) -> F:
    """`--language`, the same in every command."""
    return click.option(
        "--language",
        type=click.Choice(TAGS),
        expose_value=False,
        is_eager=True,
        callback=_choose,
        help="Speak this language; else that of $LC_ALL, $LC_MESSAGES or $LANG.",
    )(command)
