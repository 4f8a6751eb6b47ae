"""Containers as facts: CMS and PKCS#12 by their structure, without a key or a password.

Only headers are read here, to say what stands where. Nothing is verified and nothing decrypted.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any, Final

from eds import der
from eds.ber import to_der
from eds.certificates import Certificate
from eds.errors import DecodeError
from eds.extensions import (
    SERIAL_LIMITS,
    read_extension_list,
    read_extensions,
    read_general_name,
)
from eds.ocsp import read_cert_id
from eds.signeddata import DATA, SIGNED_DATA, Attribute, SignedData, SignerInfo
from eds.timestamps import read_message_imprint
from eds_cli import describe
from eds_cli.output import Facts, Shown
from eds_cli.words import word, word_and_oid

_ENCRYPTED_DATA: Final = "1.2.840.113549.1.7.6"
_SIGNING_TIME: Final = "1.2.840.113549.1.9.5"
_CONTENT_TYPE: Final = "1.2.840.113549.1.9.3"
_MESSAGE_DIGEST: Final = "1.2.840.113549.1.9.4"
_FRIENDLY_NAME: Final = "1.2.840.113549.1.9.20"
_LOCAL_KEY_ID: Final = "1.2.840.113549.1.9.21"
_SHROUDED_KEY: Final = "1.2.840.113549.1.12.10.1.2"
_NESTED: Final = "1.2.840.113549.1.12.10.1.6"
_PBES2: Final = "1.2.840.113549.1.5.13"
_PBMAC1: Final = "1.2.840.113549.1.5.14"
_SCRYPT: Final = "1.3.6.1.4.1.11591.4.11"

_LIMITS: Final = der.Limits(elements=1000)
_NESTING: Final = 4


# --- CMS (RFC 5652) -------------------------------------------------------------------------------


def cms(encoded: bytes) -> Facts:
    """A ContentInfo in DER."""
    fields = der.decode(encoded).fields()
    kind = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
    facts: dict[str, Any] = {"content_type": _object(kind)}
    if kind == SIGNED_DATA:
        facts |= _signed_data(SignedData(encoded))
    return facts


def _signed_data(value: SignedData) -> Facts:
    size = None if value.content_view is None else len(value.content_view)
    detached = value.is_detached
    return {
        "version": value.version,
        "content": {
            "type": _object(value.content_type),
            "detached": Shown(detached, "yes: it is in another file" if detached else ""),
            "size": None if size is None else Shown(size, f"{size} octets"),
        },
        "digest_algorithms": [
            describe.digest(_oid(der.decode(one))) for one in value.digest_algorithms
        ],
        "signers": describe.attempt(lambda: [_signer(one) for one in value.signer_infos]),
        "certificates": describe.attempt(lambda: list(_certificates(value))),
        "revocation_values": len(value.revocation_encoded) or None,
    }


def _certificates(value: SignedData) -> Iterator[Any]:
    for one in value.certificates_encoded:
        if one[0] == der.SEQUENCE:
            yield describe.attempt(partial(_certificate, one))
        else:
            yield {"other_kind": der.tag_name(one[0]), "size": len(one)}


def _certificate(encoded: bytes) -> Facts:
    return describe.brief_certificate(Certificate(encoded))


def _signer(value: SignerInfo) -> Facts:
    facts: dict[str, Any] = {"version": value.version}
    named = value.issuer_and_serial_number
    if named is not None:
        issuer, serial_number = named
        facts["issuer"] = describe.attempt(lambda: describe.name(issuer))
        facts["serial_number"] = describe.hexadecimal(serial_number)
    else:
        facts["subject_key_identifier"] = describe.octets(value.sid.octets)
    facts["digest_algorithm"] = describe.digest(_oid(der.decode(value.digest_algorithm)))
    facts["signature_algorithm"] = describe.algorithm(der.decode(value.signature_algorithm))
    facts["signature"] = describe.octets(value.signature)
    facts["signed_attributes"] = describe.attempt(lambda: _attributes(value.signed_attributes))
    facts["unsigned_attributes"] = describe.attempt(lambda: _attributes(value.unsigned_attributes))
    return facts


def _attributes(attributes: tuple[Attribute, ...] | None) -> list[Shown]:
    found = []
    for attribute in attributes or ():
        oid, values = attribute.oid, attribute.values
        size = sum(len(one.encoded) for one in values)
        said = f"{size} octets"
        if values and oid == _SIGNING_TIME:
            at = describe.instant(values[0].time())
            said = at.text if at is not None else said
        elif values and oid == _MESSAGE_DIGEST:
            said = values[0].octets.hex()
        elif values and oid == _CONTENT_TYPE:
            said = word(values[0].object_identifier())
        facts = {"oid": oid, "values": [one.encoded.hex() for one in values]}
        found.append(
            Shown(
                facts,
                f"{word_and_oid(oid)}: {said}" if oid == word(oid) else f"{word(oid)}: {said}",
            )
        )
    return found


# --- what is asked of services (RFC 3161, RFC 6960) -----------------------------------------------


def time_stamp_request(encoded: bytes) -> Facts:
    """A TimeStampReq."""
    fields = der.decode(encoded).fields()
    fields.take(der.INTEGER).small(255)
    digest, imprint = read_message_imprint(fields.take(der.SEQUENCE))
    policy = fields.optional(der.OBJECT_IDENTIFIER)
    nonce = fields.optional(der.INTEGER)
    wanted = fields.optional(der.BOOLEAN)
    found = fields.optional(der.context(0))
    return {
        "digest_algorithm": describe.digest(digest),
        "digest": describe.octets(imprint),
        "policy": None if policy is None else policy.object_identifier(),
        "nonce": None
        if nonce is None
        else describe.hexadecimal(nonce.integer(limits=SERIAL_LIMITS)),
        "certificate_wanted": wanted is not None and wanted.boolean(),
        "extensions": None
        if found is None
        else describe.extension_list(read_extension_list(found)),
    }


def ocsp_request(encoded: bytes) -> Facts:
    """An OCSPRequest."""
    outer = der.decode(encoded).fields()
    fields = outer.take(der.SEQUENCE).fields()
    signature = outer.optional(der.context(0))
    fields.optional(der.context(0))  # the version
    requestor = fields.optional(der.context(1))
    asked = fields.take(der.SEQUENCE).children(limits=_LIMITS)
    found = fields.optional(der.context(2))
    return {
        "requestor": None
        if requestor is None
        else describe.general_name(read_general_name(requestor.only_child())),
        "asked": [describe.attempt(partial(_asked, one)) for one in asked],
        "signed": signature is not None,
        "extensions": None
        if found is None
        else describe.extension_list(read_extensions(found.only_child())),
    }


def _asked(element: der.Element) -> Facts:
    found = read_cert_id(element.fields().take(der.SEQUENCE))
    return {
        "serial_number": describe.hexadecimal(found.serial_number),
        "digest_algorithm": describe.digest(found.hash_oid),
        "issuer_name_hash": describe.octets(found.issuer_name_hash),
        "issuer_key_hash": describe.octets(found.issuer_key_hash),
    }


# --- PKCS#12 (RFC 7292) ---------------------------------------------------------------------------


def pkcs12(encoded: bytes) -> Facts:
    """A PFX in DER, whatever can be seen of it without its password."""
    fields = der.decode(encoded).fields()
    version = fields.take(der.INTEGER).small(255)
    kind, content = _content_info(fields.take(der.SEQUENCE))
    mac = fields.optional(der.SEQUENCE)
    facts: dict[str, Any] = {
        "version": version,
        "mac": describe.attempt(lambda: _mac(mac)) if mac is not None else "none",
    }
    if kind == DATA:
        safe = der.decode(_der(content.expect(der.OCTET_STRING).octets)).expect(der.SEQUENCE)
        facts["parts"] = describe.attempt(
            lambda: [describe.attempt(partial(_part, one)) for one in _children(safe)]
        )
    else:
        facts["content_type"] = _object(kind)
    return facts


def _children(element: der.Element) -> tuple[der.Element, ...]:
    return element.children(limits=_LIMITS)


def _der(data: bytes) -> bytes:
    return to_der(data).encoded


def _content_info(element: der.Element) -> tuple[str, der.Element]:
    fields = element.fields()
    return (
        fields.take(der.OBJECT_IDENTIFIER).object_identifier(),
        fields.take(der.context(0)).only_child(),
    )


def _mac(element: der.Element) -> Any:
    fields = element.fields()
    info = fields.take(der.SEQUENCE).fields()
    identifier = info.take(der.SEQUENCE)
    salt = fields.take(der.OCTET_STRING).octets
    iterations = fields.optional(der.INTEGER)
    if _oid(identifier) == _PBMAC1:
        return Shown(facts := protection(identifier), f"PBMAC1, {_protection_text(facts)}")
    count = 1 if iterations is None else iterations.unsigned()
    name = describe.digest(_oid(identifier))
    return Shown(
        {"digest_algorithm": name, "iterations": count, "salt_size": len(salt)},
        f"HMAC-{name}, {count} iterations",
    )


def _part(element: der.Element) -> Facts:
    kind, content = _content_info(element)
    if kind == DATA:
        return {"encrypted": False, "bags": _bags(content.expect(der.OCTET_STRING).octets)}
    if kind != _ENCRYPTED_DATA:
        return {"content_type": _object(kind)}
    fields = content.fields()
    fields.take(der.INTEGER)
    inner = fields.take(der.SEQUENCE).fields()
    inner.take(der.OBJECT_IDENTIFIER)
    scheme = inner.take(der.SEQUENCE)
    size = 0
    if inner.next_tag is not None:
        ciphertext = inner.take()  # one piece, or several that BER left
        pieces = ciphertext.children(limits=_LIMITS) if ciphertext.is_constructed else [ciphertext]
        size = sum(len(piece.octets) for piece in pieces)
    return {
        "encrypted": True,
        "protection": shown_protection(scheme),
        "size": Shown(size, f"{size} octets"),
    }


def _bags(contents: bytes, *, level: int = 1) -> list[Facts]:
    found: list[Facts] = []
    for child in _children(der.decode(_der(contents)).expect(der.SEQUENCE)):
        fields = child.fields()
        oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
        value = fields.take(der.context(0)).only_child()
        attributes = fields.optional(der.SET)
        facts: dict[str, Any] = {"kind": Shown(oid, word(oid))}
        if oid == _SHROUDED_KEY:
            scheme = value.fields().take(der.SEQUENCE)
            facts["protection"] = shown_protection(scheme)
        if oid == _NESTED and level < _NESTING:
            facts["bags"] = _bags(value.encoded, level=level + 1)
        for attribute in () if attributes is None else _children(attributes):
            pair = attribute.fields()
            name = pair.take(der.OBJECT_IDENTIFIER).object_identifier()
            values = _children(pair.take(der.SET))
            if name == _FRIENDLY_NAME and values:
                facts["friendly_name"] = describe.attempt(values[0].text)
            elif name == _LOCAL_KEY_ID and values:
                facts["local_key_id"] = describe.octets(values[0].octets)
            else:
                facts[name] = [describe.octets(one.encoded) for one in values]
        found.append(facts)
    return found


# --- encryption with a password (RFC 8018) --------------------------------------------------------


def shown_protection(identifier: der.Element) -> Any:
    """An encryption scheme in one line for people, in fields for programs."""

    def read() -> Shown:
        facts = protection(identifier)
        return Shown(facts, _protection_text(facts))

    return describe.attempt(read)


def protection(identifier: der.Element) -> dict[str, Any]:
    """What an encryption or MAC scheme with a password asks for."""
    fields = identifier.fields()
    oid = fields.take(der.OBJECT_IDENTIFIER).object_identifier()
    facts: dict[str, Any] = {"scheme": word(oid), "oid": oid}
    if fields.next_tag != der.SEQUENCE:
        return facts
    parameters = fields.take().fields()
    if oid not in {_PBES2, _PBMAC1}:
        parameters.take(der.OCTET_STRING)
        facts["iterations"] = parameters.take(der.INTEGER).unsigned()
        return facts
    kdf = parameters.take(der.SEQUENCE).fields()
    cipher = parameters.take(der.SEQUENCE)
    kdf_oid = kdf.take(der.OBJECT_IDENTIFIER).object_identifier()
    facts |= {"kdf": word(kdf_oid), "cipher": word(_oid(cipher))}
    if kdf.next_tag != der.SEQUENCE:
        return facts
    work = kdf.take().fields()
    work.take()  # the salt
    if kdf_oid == _SCRYPT:
        for key in ("n", "r", "p"):
            facts[key] = work.take(der.INTEGER).unsigned()
        return facts
    facts["iterations"] = work.take(der.INTEGER).unsigned()
    work.optional(der.INTEGER)  # the length of the key
    prf = work.optional(der.SEQUENCE)
    facts["prf"] = "HMAC-SHA-1" if prf is None else word(_oid(prf))
    return facts


def _protection_text(facts: Facts) -> str:
    if "kdf" not in facts:
        count = f", {facts['iterations']} iterations" if "iterations" in facts else ""
        return f"{facts['scheme']}{count}"
    if "n" in facts:
        work = f"N={facts['n']} r={facts['r']} p={facts['p']}"
    else:
        work = f"{facts.get('prf')}, {facts.get('iterations')} iterations"
    return f"{facts['cipher']} under {facts['kdf']} ({work})"


def encrypted_private_key(encoded: bytes) -> Facts:
    """An EncryptedPrivateKeyInfo (RFC 5958 §3)."""
    fields = der.decode(encoded).fields()
    return {"protection": shown_protection(fields.take(der.SEQUENCE))}


def _oid(identifier: der.Element) -> str:
    return identifier.fields().take(der.OBJECT_IDENTIFIER).object_identifier()


def _object(oid: str) -> Shown:
    return Shown(oid, word_and_oid(oid))


# --- anything at all ------------------------------------------------------------------------------


def der_tree(data: bytes, *, limit: int, with_values: bool = True) -> Iterator[str]:
    """The elements of one DER value, a line each, at most `limit`: offset, length, tag, value."""
    pending = [(der.decode(data), 0)]
    lines = 0
    while pending:
        element, depth = pending.pop()
        if lines == limit:
            yield f"… more than {limit} elements"
            return
        lines += 1
        head = f"{element.start:7} {element.end - element.content:7}  {'  ' * min(depth, 24)}"
        yield f"{head}{der.tag_name(element.tag)}{_preview(element) if with_values else ''}"
        if element.is_constructed:
            try:
                children = tuple(islice(element.iterate(), limit + 1))
            except DecodeError as error:
                yield f"{head}  (unreadable: {error})"
                continue
            pending.extend((child, depth + 1) for child in reversed(children))


def _preview(element: der.Element) -> str:
    if element.is_constructed:
        return ""
    try:
        if element.tag == der.OBJECT_IDENTIFIER:
            return f" {word_and_oid(element.object_identifier())}"
        if element.tag in {der.INTEGER, der.ENUMERATED} and element.end - element.content <= 8:
            return f" {element.integer()}"
        if element.tag == der.BOOLEAN:
            return f" {element.boolean()}".upper()
        if element.tag == der.NULL:
            return ""
        if element.tag in {der.UTC_TIME, der.GENERALIZED_TIME}:
            return f" {element.octets[:40].decode('ascii', 'replace')}"
        if element.tag not in {der.INTEGER, der.BIT_STRING, der.OCTET_STRING}:
            return f" {element.text()[:200]}"
    except DecodeError:
        pass
    shown = element.octets[:24].hex()
    return f" {shown}{'…' if element.end - element.content > 24 else ''}"
