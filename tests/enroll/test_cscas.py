"""Country signing certificates: two real master lists, and curves that are spelt out."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from asn1crypto import core, x509
from asn1crypto import keys as asn1_keys
from hypothesis import given, settings
from hypothesis import strategies as st

from eds.algorithms import CURVES
from eds.certificates import Certificate
from eds.enroll.evidence.cscas import CscaAnchor, CscaStore, MasterList, read_master_list
from eds.enroll.evidence.explicitcurves import (
    domain_of,
    has_explicit_parameters,
    with_named_curve,
)
from eds.errors import (
    EdsError,
    InvalidArgument,
    MalformedMasterList,
    MasterListUntrusted,
    UnknownAlgorithm,
)
from eds.publickeys import PublicKey
from eds.signeddata import SignedData
from tests.material import DATA, needs_data

LISTS = DATA / "eid" / "emrtd" / "masterlist"
AT = datetime(2026, 11, 1, tzinfo=UTC)


class CertificateSet(core.SetOf):  # type: ignore[misc]
    _child_spec = x509.Certificate


@cache
def octets(country: str) -> bytes:
    (path,) = LISTS.glob(f"{country}_ML_*.ml")
    return path.read_bytes()


@cache
def signer(country: str) -> Certificate:
    """As if it had come over a channel of its own; here it is the list's copy."""
    found = SignedData(octets(country)).certificates
    return next(one for one in found if one.extended_key_usage)


@cache
def master_list(country: str) -> MasterList:
    return read_master_list(octets(country), name=country, signer=signer(country), at=AT)


@needs_data
@pytest.mark.parametrize(("country", "count"), [("DE", 588), ("NL", 411)])
def test_every_certificate_of_a_list_gives_a_usable_key(country: str, count: int) -> None:
    found = master_list(country)
    assert len(found.anchors) == count
    assert found.refused == ()
    for anchor in found.anchors:
        assert anchor.key.native is not None
        assert not has_explicit_parameters(anchor.key)
    malformed = [one for one in found.anchors if "malformed-basic-constraints" in one.departures]
    assert malformed
    assert any("explicit-curve-parameters" in one.departures for one in found.anchors)


@needs_data
@pytest.mark.parametrize("country", ["DE", "NL"])
def test_openssl_and_asn1crypto_see_the_same_list(country: str) -> None:
    command = ["openssl", "cms", "-verify", "-inform", "DER", "-noverify", "-binary"]
    done = subprocess.run(command, input=octets(country), capture_output=True, check=True)
    found = CertificateSet.load(core.Sequence.load(done.stdout)[1].dump())
    assert {one.sha256 for one in found} == {
        anchor.certificate.fingerprint for anchor in master_list(country).anchors
    }


@needs_data
def test_anchors_of_two_lists_keep_where_they_came_from() -> None:
    store = CscaStore.of(master_list("DE"), master_list("NL"))
    assert len(store) == 627
    both = [one for one in store if one.provenance == {"DE", "NL"}]
    assert len(both) == 588 + 411 - 627
    kazakh = [one for one in store if one.country == "KZ"]
    assert len(kazakh) == 3
    assert all(one.provenance == {"NL"} for one in kazakh)
    assert all(country == country.upper() for country in store.countries)


@needs_data
def test_self_signed_anchors_are_found_and_verify_by_their_own_store() -> None:
    """The keys are the right ones: a sample of each kind verifies its own certificate."""
    from eds.enroll.evidence.chipsignatures import is_signed_by

    store = CscaStore.of(master_list("NL"))
    seen: set[tuple[str, frozenset[str]]] = set()
    for anchor in store:
        kind = (anchor.key.description, anchor.departures & {"explicit-curve-parameters"})
        if kind in seen or not anchor.certificate.is_self_issued:
            continue
        seen.add(kind)
        assert anchor in store.issuers_of(anchor.certificate)
        assert is_signed_by(anchor.certificate, anchor.key)[0], kind
    assert len(seen) >= 10


@needs_data
def test_a_list_by_another_signer_or_altered_is_not_believed() -> None:
    whole = octets("NL")
    with pytest.raises(MasterListUntrusted):
        read_master_list(whole, name="NL", signer=signer("DE"), at=AT)
    with pytest.raises(MasterListUntrusted) as caught:
        read_master_list(whole, name="NL", signer=master_list("NL").anchors[0].certificate, at=AT)
    assert caught.value.reason == "the signer's certificate is not for master lists"
    with pytest.raises(MasterListUntrusted):
        read_master_list(whole, name="NL", signer=signer("NL"), at=AT + timedelta(days=9999))
    place = len(whole) // 2
    bent = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
    with pytest.raises((MasterListUntrusted, MalformedMasterList)):
        read_master_list(bent, name="NL", signer=signer("NL"), at=AT)


@needs_data
def test_a_decision_on_sha1_is_about_one_anchor() -> None:
    store = CscaStore.of(master_list("NL"))
    first, second, *_ = store
    found = store.accepting_sha1(first.certificate.fingerprint, until=AT)
    by = {one.certificate.fingerprint: one.sha1_until for one in found}
    assert by[first.certificate.fingerprint] == AT
    assert by[second.certificate.fingerprint] is None
    with pytest.raises(InvalidArgument):
        store.accepting_sha1(bytes(32), until=AT)


@needs_data
@given(octets_=st.binary(max_size=100))
@settings(max_examples=50, deadline=None)
def test_other_octets_are_no_master_list(octets_: bytes) -> None:
    with pytest.raises(EdsError):
        read_master_list(octets_, name="?", signer=signer("NL"), at=AT)


OPENSSL = {"secp256r1": "prime256v1"}


@cache
def explicit_key(name: str) -> bytes:
    """A SubjectPublicKeyInfo with explicit parameters, as OpenSSL writes it."""
    command = ["openssl", "genpkey", "-algorithm", "EC", "-outform", "DER"]
    command += ["-pkeyopt", f"ec_paramgen_curve:{OPENSSL.get(name, name)}"]
    command += ["-pkeyopt", "ec_param_enc:explicit"]
    private = subprocess.run(command, capture_output=True, check=True).stdout
    command = ["openssl", "pkey", "-inform", "DER", "-pubout", "-outform", "DER"]
    return subprocess.run(command, input=private, capture_output=True, check=True).stdout


@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_parameters_that_openssl_spells_out_get_their_name_back(curve: object) -> None:
    key = PublicKey(explicit_key(curve.name))  # type: ignore[attr-defined]
    assert has_explicit_parameters(key)
    named = with_named_curve(key)
    assert named.curve is curve
    assert named.key_octets == key.key_octets
    assert with_named_curve(named) is named
    assert domain_of(curve).order > 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "part", ["prime", "a", "b", "seed", "generator", "order", "cofactor", "no cofactor"]
)
@pytest.mark.parametrize("name", ["secp256r1", "secp384r1"])
def test_one_altered_parameter_refuses_the_key(name: str, part: str) -> None:
    info = asn1_keys.PublicKeyInfo.load(explicit_key(name))
    domain = info["algorithm"]["parameters"].chosen
    if part == "prime":
        field = domain["field_id"]["parameters"]
        domain["field_id"]["parameters"] = field.native + 2
    elif part == "a" or part == "b":
        value = bytearray(domain["curve"][part].native)
        value[-1] ^= 1
        domain["curve"][part] = bytes(value)
    elif part == "seed":
        domain["curve"]["seed"] = b"\x01" * 20
    elif part == "generator":
        value = bytearray(domain["base"].native)
        value[-1] ^= 1
        domain["base"] = bytes(value)
    elif part == "order":
        domain["order"] = domain["order"].native + 2
    elif part == "cofactor":
        domain["cofactor"] = 2
    else:
        del domain["cofactor"]
    with pytest.raises(EdsError) as caught:
        with_named_curve(PublicKey(info.dump(force=True)))
    expected = (
        "certificates.malformed_public_key" if part == "no cofactor" else UnknownAlgorithm.code
    )
    assert caught.value.code == expected


@needs_data
def test_a_certificate_with_one_altered_parameter_is_no_anchor() -> None:
    anchor = next(
        one for one in master_list("NL").anchors if "explicit-curve-parameters" in one.departures
    )
    encoded = anchor.certificate.encoded
    parameters = anchor.certificate.public_key.algorithm_parameters
    place = encoded.index(parameters) + len(parameters) - 10  # in the order
    bent = encoded[:place] + bytes([encoded[place] ^ 1]) + encoded[place + 1 :]
    with pytest.raises(UnknownAlgorithm):
        CscaAnchor.of(Certificate(bent), provenance="bent")
