"""Name constraints (RFC 5280 §4.2.1.10): which names an authority may certify.

Forms that are understood: directoryName, rfc822Name, dNSName, URI, iPAddress. A constraint on
any other form refuses every name of that form. What cannot be understood, be it a constraint or
a name under one, is refused: a constraint is never passed over.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from ..certificates import Certificate
from ..extensions import GeneralName, GeneralNameKind, GeneralSubtree, NameConstraints
from ..names import EMAIL_ADDRESS, Name

Value = str | bytes | Name

_SMTP_UTF8_MAILBOX: Final = bytes.fromhex("06082b06010505070809")  # RFC 9598 §3, as it is encoded
_LABEL: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")


class NotUnderstood(Exception):
    """A constraint or a name that makes no sense; its text says what, and names nobody."""


class Limits(NamedTuple):
    """The constraints of one certificate, by form; a form that is absent is not limited."""

    permitted: Mapping[GeneralNameKind, tuple[Value, ...]]
    excluded: Mapping[GeneralNameKind, tuple[Value, ...]]

    @property
    def size(self) -> int:
        """How many subtrees there are."""
        return sum(map(len, (*self.permitted.values(), *self.excluded.values())))


def limits_of(constraints: NameConstraints) -> Limits:
    """The constraints, made ready to compare. Raises NotUnderstood."""
    return Limits(_by_kind(constraints.permitted or ()), _by_kind(constraints.excluded or ()))


def _by_kind(subtrees: Iterable[GeneralSubtree]) -> Mapping[GeneralNameKind, tuple[Value, ...]]:
    found: dict[GeneralNameKind, tuple[Value, ...]] = {}
    for subtree in subtrees:
        if subtree.minimum or subtree.maximum is not None:
            raise NotUnderstood("a subtree with a minimum or maximum")
        kind = subtree.base.kind
        read = _FORMS[kind].base if kind in _FORMS else None
        value = subtree.base.value
        found[kind] = (*found.get(kind, ()), value if read is None else read(value))
    return found


def names_of(certificate: Certificate) -> Iterator[GeneralName]:
    """Every name that constraints speak of. DecodeErrors of the certificate pass through."""
    if not certificate.subject.is_empty:
        yield GeneralName(kind=GeneralNameKind.DIRECTORY_NAME, value=certificate.subject)
    alternative = certificate.subject_alternative_names or ()
    yield from alternative
    if not any(name.kind is GeneralNameKind.RFC822_NAME for name in alternative):
        for address in certificate.subject.values(EMAIL_ADDRESS):
            yield GeneralName(kind=GeneralNameKind.RFC822_NAME, value=address)


def refusal(name: GeneralName, limits: Limits) -> str | None:
    """Why `limits` refuse the name; None: they do not. Raises NotUnderstood."""
    kind = name.kind
    permitted, excluded = limits.permitted.get(kind), limits.excluded.get(kind, ())
    if kind is GeneralNameKind.OTHER_NAME and _is_mailbox(name.value):
        # An internationalised address is under the constraints on addresses (RFC 9598 §6).
        mail = GeneralNameKind.RFC822_NAME
        if mail in limits.permitted or mail in limits.excluded:
            raise NotUnderstood("an internationalised address under a constraint")
    if permitted is None and not excluded:
        return None
    form = _FORMS.get(kind)
    if form is None:
        raise NotUnderstood(f"a constraint on {kind.name}")
    value = form.name(name.value)
    if any(form.overlaps(value, base) for base in excluded):
        return f"{kind.name} excluded"
    if permitted is not None and not any(form.within(value, base) for base in permitted):
        return f"{kind.name} not permitted"
    return None


def _is_mailbox(value: Value) -> bool:
    return isinstance(value, bytes) and value.startswith(_SMTP_UTF8_MAILBOX)


# --- the forms: how a base and a name are read, and whether the one holds the other ---------------


class _Form(NamedTuple):
    base: Callable[[Value], Value]
    name: Callable[[Value], Value]
    within: Callable[[Value, Value], bool]  # the whole of (name, base)
    overlaps: Callable[[Value, Value], bool]  # any of it, for exclusion


def _text(value: Value) -> str:
    if not isinstance(value, str):
        raise NotUnderstood("not text")
    return value


def _host(text: str, *, wildcard: bool = False) -> str:
    """A host name in lower case. Raises NotUnderstood."""
    labels = text.split(".")
    if wildcard and labels[0] == "*" and len(labels) > 1:
        labels = labels[1:]
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise NotUnderstood("not a host name")
    return text.lower()


def _dns_base(value: Value) -> Value:
    text = _text(value)
    return _host(text) if text else ""  # the empty base holds every name


def _dns_name(value: Value) -> Value:
    return _host(_text(value), wildcard=True)


def _is_below(name: str, base: str) -> bool:
    return not base or name == base or name.endswith(f".{base}")


def _dns_within(name: Value, base: Value) -> bool:
    return _is_below(_text(name), _text(base))


def _dns_overlaps(name: Value, base: Value) -> bool:
    text = _text(name)
    if not text.startswith("*."):
        return _dns_within(name, base)
    # A wildcard stands for names that may lie under the base without lying there itself.
    return _is_below(text[2:], _text(base)) or _is_below(_text(base), text[2:])


def _domain_base(value: Value) -> Value:
    """A host, or with a leading period every host below a domain."""
    text = _text(value)
    return f".{_host(text[1:])}" if text.startswith(".") else _host(text)


def _domain_holds(host: str, base: str) -> bool:
    return host.endswith(base) if base.startswith(".") else host == base


def _mail_base(value: Value) -> Value:
    text = _text(value)
    return _mailbox(text) if "@" in text else _domain_base(text)


def _mailbox(value: Value) -> Value:
    local, at, host = _text(value).rpartition("@")
    if not at or not local or any(c in local for c in '@"\\ <>') or not local.isprintable():
        # Quoted local parts have several spellings of one address: none is compared.
        raise NotUnderstood("not a plain mail address")
    return f"{local}@{_host(host)}"


def _mail_within(name: Value, base: Value) -> bool:
    text, wanted = _text(name), _text(base)
    return text == wanted if "@" in wanted else _domain_holds(text.rpartition("@")[2], wanted)


def _uri_name(value: Value) -> Value:
    try:
        host = urlsplit(_text(value)).hostname
    except ValueError:
        host = None
    if not host or ":" in host or host.rpartition(".")[2].isdigit():
        raise NotUnderstood("a URI without a host name")
    return _host(host)


def _uri_within(name: Value, base: Value) -> bool:
    return _domain_holds(_text(name), _text(base))


def _octets(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise NotUnderstood("not octets")
    return value


def _address_base(value: Value) -> Value:
    octets = _octets(value)
    half = len(octets) // 2
    if len(octets) not in (8, 32):
        raise NotUnderstood("an address range of another length")
    mask = int.from_bytes(octets[half:])
    hole = ~mask & ((1 << 8 * half) - 1)
    if hole & (hole + 1):
        raise NotUnderstood("a mask with holes")  # RFC 4632 knows prefixes alone
    return octets


def _address(value: Value) -> Value:
    octets = _octets(value)
    if len(octets) not in (4, 16):
        raise NotUnderstood("an address of another length")
    return octets


def _address_within(name: Value, base: Value) -> bool:
    address, octets = _octets(name), _octets(base)
    half = len(octets) // 2
    mask = int.from_bytes(octets[half:])
    return len(address) == half and not (
        (int.from_bytes(address) ^ int.from_bytes(octets[:half])) & mask
    )


def _name(value: Value) -> Value:
    if not isinstance(value, Name):
        raise NotUnderstood("not a name")
    return value


def _name_within(name: Value, base: Value) -> bool:
    return isinstance(name, Name) and isinstance(base, Name) and name.is_within(base)


_FORMS: Final[Mapping[GeneralNameKind, _Form]] = {
    GeneralNameKind.DIRECTORY_NAME: _Form(_name, _name, _name_within, _name_within),
    GeneralNameKind.RFC822_NAME: _Form(_mail_base, _mailbox, _mail_within, _mail_within),
    GeneralNameKind.DNS_NAME: _Form(_dns_base, _dns_name, _dns_within, _dns_overlaps),
    GeneralNameKind.URI: _Form(_domain_base, _uri_name, _uri_within, _uri_within),
    GeneralNameKind.IP_ADDRESS: _Form(_address_base, _address, _address_within, _address_within),
}
