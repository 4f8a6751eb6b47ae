"""`eds inspect`: what a file is, and what is in it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from eds_cli.output import Block, Facts, Shown, escape, fit, json_option, show, show_json
from eds_cli.pins import Secrets, secret_options

if TYPE_CHECKING:
    from eds.formats import FoundObject

_SIZE_LIMIT: Final = 64 * 1024 * 1024
_TREE_LIMIT: Final = 500  # elements of a raw structure
_UNKNOWN_LIMIT: Final = 40  # the same for what nobody asked to see as a tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How to look at objects: when, how much, and with which password if any."""

    at: datetime
    limit: int
    secrets: Secrets | None


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--der-tree", is_flag=True, help="Show the raw structure of each object.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many entries of a revocation list to show.",
)
@click.option(
    "--open",
    "opened",
    is_flag=True,
    help="Ask for the password of key files and show what is in them (never the keys).",
)
@secret_options()
@json_option
def inspect(
    files: tuple[str, ...],
    der_tree: bool,
    limit: int,
    opened: bool,
    secrets: Secrets,
    as_json: bool,
) -> int:
    """Say what each FILE is, and what is in it: certificates, requests, revocation lists, OCSP
    responses, time-stamps, CMS, key files, public keys, or any DER at all. "-" is stdin.

    Nothing is verified but a request's proof of possession. Files are told apart by their
    content; one that cannot be read does not keep the others from being shown.
    """
    from eds.errors import EdsError
    from eds_cli.main import code_of, complain_of

    look = Look(
        at=datetime.now(UTC), limit=limit, secrets=secrets if opened or secrets.is_given else None
    )
    results: list[Facts] = []
    status = 0
    for file in files:
        found = 0
        try:
            for facts in _objects(file, look, der_tree=der_tree):
                found += 1
                if as_json:
                    results.append(facts)
                else:
                    _show(facts)
        except (EdsError, OSError) as error:
            if isinstance(error, BrokenPipeError):
                raise
            status = complain_of(error, about=file)
            results.append({"file": file, "error": {"code": code_of(error), "message": str(error)}})
    if as_json:
        show_json(results)
    return status


def _show(facts: Facts) -> None:
    place = f" ({facts['number']} of {facts['of']})" if facts["of"] > 1 else ""
    size = f"{facts['size']} octets"
    title = f"{facts['file']}{place}: {facts['format']}, {facts['encoding']}, {size}"
    show({**facts["content"], "tolerances": facts["tolerances"]}, as_json=False, title=title)
    for line in facts.get("der_tree", ()):
        click.echo(fit(f"  {escape(line)}"))


def _read(file: str) -> bytes:
    from eds.errors import LimitExceeded

    if file == "-":
        data = sys.stdin.buffer.read(_SIZE_LIMIT + 1)
    else:
        with Path(file).open("rb") as opened:
            data = opened.read(_SIZE_LIMIT + 1)
    if len(data) > _SIZE_LIMIT:
        raise LimitExceeded(limit="octets of input", allowed=_SIZE_LIMIT)
    return data


def _objects(file: str, look: Look, *, der_tree: bool) -> Iterator[Facts]:
    from eds.formats import identify

    found = identify(_read(file))
    name = "stdin" if file == "-" else file
    for number, one in enumerate(found, start=1):
        content, tolerances = _content(one, look, name)
        facts: dict[str, Any] = {
            "file": file,
            "number": number,
            "of": len(found),
            "format": one.format.value,
            "encoding": one.encoding.value,
            "label": one.label,
            "size": len(one.octets),
            "content": content,
            "tolerances": tolerances,
        }
        if der_tree:
            facts["der_tree"] = list(_tree(one, _TREE_LIMIT))
        yield facts


def _content(one: FoundObject, look: Look, name: str) -> tuple[Facts, Any]:
    """(facts, tolerances used). An object that is not what it seems is a fact as well."""
    from eds.errors import EdsError
    from eds_cli import describe

    try:
        reader = _READERS.get(one.format.name)
        if reader is not None:
            return reader(one, look, name)
        if one.encoding.value == "plain" or one.format.name == "OTHER_PRIVATE_KEY":
            return {}, []
        lines = list(_tree(one, _UNKNOWN_LIMIT))
        return {"der_tree": Shown(lines, Block(lines))}, []
    except EdsError as error:
        if error.code.startswith("keys.") and look.secrets is not None:
            raise
        return describe.unreadable(error), []


def _tree(one: FoundObject, limit: int) -> Iterator[str]:
    """The raw structure; of private keys without their values."""
    from eds.ber import to_der
    from eds.errors import DecodeError
    from eds_cli.containers import der_tree

    private = "PRIVATE_KEY" in one.format.name
    encrypted = one.format.name == "ENCRYPTED_PRIVATE_KEY"
    try:
        made = to_der(one.octets)
        if made.encoded != one.octets:
            yield "(BER; what follows is the same in DER)"
        yield from der_tree(made.encoded, limit=limit, with_values=encrypted or not private)
    except DecodeError as error:
        yield f"unreadable: {error}"


# --- readers --------------------------------------------------------------------------------------


def _tolerances(found: Any) -> list[Shown]:
    rows = sorted(found, key=lambda row: str(row.name))
    return [
        Shown(
            {"name": row.name, "rule": row.rule, "accepted": row.accepted},
            f"{row.name}: {row.departure} ({row.rule})",
        )
        for row in rows
    ]


def _certificate(one: FoundObject, look: Look, _: str) -> tuple[Facts, Any]:
    from eds.certificates import Certificate
    from eds_cli import describe

    value = Certificate(one.octets)
    return describe.certificate(value, at=look.at), _tolerances_of(value)


def _request(one: FoundObject, _: Look, __: str) -> tuple[Facts, Any]:
    from eds.requests import CertificationRequest
    from eds_cli import describe

    return describe.request(value := CertificationRequest(one.octets)), _tolerances_of(value)


def _certificate_list(one: FoundObject, look: Look, _: str) -> tuple[Facts, Any]:
    from eds.certificatelists import CertificateList
    from eds_cli import describe

    value = CertificateList(one.octets)
    return describe.certificate_list(value, limit=look.limit), _tolerances_of(value)


def _ocsp_response(one: FoundObject, _: Look, __: str) -> tuple[Facts, Any]:
    from eds.ocsp import OcspResponse
    from eds_cli import describe

    basic = one.format.name == "BASIC_OCSP_RESPONSE"
    value = OcspResponse.of_basic(one.octets) if basic else OcspResponse(one.octets)
    return describe.ocsp_response(value), _tolerances_of(value)


def _time_stamp_token(one: FoundObject, _: Look, __: str) -> tuple[Facts, Any]:
    from eds.timestamps import TimeStampToken
    from eds_cli import describe

    octets, used = _in_der(one)
    value = TimeStampToken(octets)
    return describe.time_stamp_token(value), used + _tolerances_of(value)


def _time_stamp_request(one: FoundObject, _: Look, __: str) -> tuple[Facts, Any]:
    from eds_cli import containers

    return containers.time_stamp_request(one.octets), []


def _ocsp_request(one: FoundObject, _: Look, __: str) -> tuple[Facts, Any]:
    from eds_cli import containers

    return containers.ocsp_request(one.octets), []


def _time_stamp_response(one: FoundObject, _: Look, __: str) -> tuple[Facts, Any]:
    from eds.timestamps import TimeStampResponse
    from eds_cli import describe

    value = TimeStampResponse(one.octets)
    return describe.time_stamp_response(value), _tolerances_of(value)


def _cms(one: FoundObject, _: Look, __: str) -> tuple[Facts, Any]:
    from eds_cli import containers

    octets, used = _in_der(one)
    return containers.cms(octets), used


def _public_key(one: FoundObject, _: Look, __: str) -> tuple[Facts, Any]:
    from eds.publickeys import PublicKey
    from eds_cli import describe

    return describe.public_key(PublicKey(one.octets)), []


def _pkcs12(one: FoundObject, look: Look, name: str) -> tuple[Facts, Any]:
    from eds_cli import containers, describe

    octets, used = _in_der(one)
    facts = dict(containers.pkcs12(octets))
    if look.secrets is not None:
        from eds.keys import pkcs12
        from eds.keys.pbe import Reading

        secret = look.secrets.password_of(name)
        opened = pkcs12.read(one.octets, secret, Reading(file=name))
        facts["keys"] = [
            {
                "friendly_name": key.friendly_name,
                "local_key_id": describe.octets(key.local_key_id),
                **describe.private_key(key.private_key),
            }
            for key in opened.keys
        ]
        facts["certificates"] = [
            {
                "friendly_name": entry.friendly_name,
                **describe.certificate(entry.certificate, at=look.at),
            }
            for entry in opened.certificates
        ]
    return facts, used


def _private_key(one: FoundObject, _: Look, __: str) -> tuple[Facts, Any]:
    from eds.keys import PrivateKey, pkcs8
    from eds_cli import describe

    traditional = one.format.name in {"RSA_PRIVATE_KEY", "EC_PRIVATE_KEY"}
    key = pkcs8.from_traditional(one.octets) if traditional else PrivateKey(one.octets)
    return {"encrypted": False, **describe.private_key(key)}, []


def _encrypted_private_key(one: FoundObject, look: Look, name: str) -> tuple[Facts, Any]:
    from eds_cli import containers, describe

    facts: dict[str, Any] = {"encrypted": True, **containers.encrypted_private_key(one.octets)}
    if look.secrets is not None:
        from eds.keys import pkcs8
        from eds.keys.pbe import Reading

        secret = look.secrets.password_of(name)
        key = pkcs8.decrypt(one.octets, secret, Reading(file=name))
        facts |= describe.private_key(key)
    return facts, []


def _tolerances_of(value: Any) -> list[Shown]:
    return _tolerances(getattr(value, "tolerances", ()))


def _in_der(one: FoundObject) -> tuple[bytes, list[Shown]]:
    """The object in DER, and what had to be forgiven for it. Raises DecodeError."""
    from eds.ber import to_der

    found = to_der(one.octets)
    return found.encoded, _tolerances(found.tolerances)


_READERS: Final[Mapping[str, Callable[[FoundObject, Look, str], tuple[Facts, Any]]]] = {
    "CERTIFICATE": _certificate,
    "CERTIFICATION_REQUEST": _request,
    "CERTIFICATE_LIST": _certificate_list,
    "OCSP_RESPONSE": _ocsp_response,
    "BASIC_OCSP_RESPONSE": _ocsp_response,
    "OCSP_REQUEST": _ocsp_request,
    "TIME_STAMP_REQUEST": _time_stamp_request,
    "TIME_STAMP_RESPONSE": _time_stamp_response,
    "TIME_STAMP_TOKEN": _time_stamp_token,
    "SIGNED_DATA": _cms,
    "ENVELOPED_DATA": _cms,
    "OTHER_CMS": _cms,
    "PKCS12": _pkcs12,
    "PRIVATE_KEY": _private_key,
    "RSA_PRIVATE_KEY": _private_key,
    "EC_PRIVATE_KEY": _private_key,
    "ENCRYPTED_PRIVATE_KEY": _encrypted_private_key,
    "PUBLIC_KEY": _public_key,
}
