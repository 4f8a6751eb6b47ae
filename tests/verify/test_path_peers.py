"""Generated hierarchies, judged beside OpenSSL and beside the verifier of `cryptography`."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eds.certificates import Certificate
from eds.errors import DecodeError
from eds.verify.path import prove
from eds.verify.policy import BASIC
from eds.verify.trust import Purpose

from . import chains
from .chains import NOON, Made, make, make_authority, store

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One certificate of a chain, and the one thing that may be wrong with it."""

    fault: str = ""
    path_length: int | None = None
    host: str | None = None  # of a name constraint


FAULTS = ("", "", "", "", "expired", "not yet", "forged", "no authority", "no usage", "critical")
links = st.builds(
    Link,
    fault=st.sampled_from(FAULTS),
    path_length=st.sampled_from([None, None, 0, 1, 2]),
    host=st.sampled_from([None, None, "example.kz", "a.example.kz", "example.org"]),
)


def built(middle: list[Link], end: Link) -> tuple[Made, list[Made], Made]:
    root = make_authority("root")
    authorities: list[Made] = []
    for number, link in enumerate(middle):
        by = authorities[-1] if authorities else root
        authorities.append(made(f"authority {number}", link, by=by, authority=True))
    by = authorities[-1] if authorities else root
    return root, authorities, made("end", end, by=by, authority=False)


def made(subject: str, link: Link, *, by: Made, authority: bool) -> Made:
    extensions: list[tuple[x509.ExtensionType, bool]] = []
    if link.fault == "critical":
        oid = x509.ObjectIdentifier("1.3.6.1.4.1.99999.1")
        extensions.append((x509.UnrecognizedExtension(oid, b"\x05\x00"), True))
    if authority and link.host:
        names = x509.NameConstraints([x509.DNSName(link.host)], None)
        extensions.append((names, True))
    if authority and link.fault == "no authority":
        extensions.append((x509.BasicConstraints(ca=False, path_length=None), True))
    if authority and link.fault in {"no usage", "no authority"}:
        extensions.append(chains.usage("digital_signature"))
    if not authority:
        host = x509.DNSName("www.a.example.kz")
        extensions.append((x509.SubjectAlternativeName([host]), False))
        extensions.append(chains.usage("digital_signature"))
    before, after = chains.BEFORE, chains.AFTER
    if link.fault == "expired":
        after = NOON - timedelta(days=1)
    if link.fault == "not yet":
        before = NOON + timedelta(days=1)
    return make(
        subject,
        by=by,
        signed_with="thief" if link.fault == "forged" else None,
        extensions=extensions,
        authority=authority,
        path_length=link.path_length if authority else None,
        not_before=before,
        not_after=after,
    )


def ours(root: Made, authorities: list[Made], end: Made) -> bool:
    result = prove(
        end.certificate,
        trust=store(root),
        purpose=Purpose.ANY,
        at=NOON,
        policy=BASIC,
        certificates=[one.certificate for one in authorities],
    )
    return result.sub_indication is None


def text(*made: Made) -> bytes:
    return b"".join(one.certificate.native.public_bytes(Encoding.PEM) for one in made)


@given(middle=st.lists(links, max_size=3), end=links)
@settings(max_examples=150, deadline=None)
def test_verdicts_are_those_of_cryptography(middle: list[Link], end: Link) -> None:
    root, authorities, last = built(middle, end)
    verifier = (
        verification.PolicyBuilder()
        .store(verification.Store([root.certificate.native]))
        .time(NOON.replace(tzinfo=None))
        .extension_policies(
            ee_policy=verification.ExtensionPolicy.webpki_defaults_ee(),
            ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(),
        )
        .build_client_verifier()
    )
    try:
        verifier.verify(last.certificate.native, [one.certificate.native for one in authorities])
        theirs = True
    except verification.VerificationError:
        theirs = False
    assert ours(root, authorities, last) == theirs


@needs_openssl
@given(middle=st.lists(links, max_size=3), end=links)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_verdicts_are_those_of_openssl(tmp_path: Path, middle: list[Link], end: Link) -> None:
    root, authorities, last = built(middle, end)
    for name, data in (
        ("root.pem", text(root)),
        ("authorities.pem", text(*authorities)),
        ("end.pem", text(last)),
    ):
        (tmp_path / name).write_bytes(data)
    command = ["openssl", "verify", "-attime", str(int(NOON.timestamp())), "-no-CApath"]
    command += ["-CAfile", "root.pem"]
    if authorities:
        command += ["-untrusted", "authorities.pem"]
    theirs = subprocess.run(
        [*command, "end.pem"], cwd=tmp_path, capture_output=True, check=False, timeout=60
    )
    assert ours(root, authorities, last) == (theirs.returncode == 0), theirs.stderr


@given(order=st.permutations(range(6)), doubled=st.booleans())
@settings(max_examples=30, deadline=None)
def test_order_and_repetition_of_what_is_handed_in_change_nothing(
    order: list[int], doubled: bool
) -> None:
    root, authorities, end = built([Link(), Link(), Link()], Link())
    strangers = [make_authority(f"authority {number}") for number in range(3)]
    everything = [(*authorities, *strangers)[number] for number in order]
    assert ours(root, everything * (2 if doubled else 1), end)


@given(cut=st.integers(0, 2**31), flip=st.integers(1, 255), middle=st.booleans())
@settings(max_examples=300, deadline=None)
def test_octet_changed_anywhere_never_passes_and_never_raises(
    cut: int, flip: int, middle: bool
) -> None:
    root, authorities, end = built([Link()], Link())
    victim = authorities[0] if middle else end
    encoded = bytearray(victim.certificate.encoded)
    encoded[cut % len(encoded)] ^= flip
    try:
        changed = Certificate(bytes(encoded))
    except DecodeError:
        return
    result = prove(
        end.certificate if middle else changed,
        trust=store(root),
        purpose=Purpose.ANY,
        at=NOON,
        policy=BASIC,
        certificates=[changed] if middle else [authorities[0].certificate],
    )
    assert result.sub_indication is not None
