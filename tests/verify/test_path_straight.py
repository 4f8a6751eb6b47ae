"""The chain that names leave no choice about comes to what a search for it comes to.

Certificates handed in as a tuple may take the short road; an iterator of them never does.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA384

from eds import der, extensions
from eds.algorithms import KeyType
from eds.certificates import Certificate
from eds.errors import EdsError
from eds.publickeys import PublicKey
from eds.verify import path as paths
from eds.verify.path import PathResult, prove
from eds.verify.policy import BASIC, AlgorithmRules, Budget, ValidationPolicy
from eds.verify.trust import Purpose, TrustAnchor, TrustStore

from .. import material
from . import status_house, test_limbo, test_pkits
from .status_house import NOON, certify, point, usage

PROPERTIES = (
    *("version", "issuer_encoded", "subject_encoded", "signature", "basic_constraints"),
    *("key_usage", "extended_key_usage", "policies", "policy_mappings", "policy_constraints"),
    *("inhibit_any_policy", "name_constraints", "subject_alternative_names"),
    *("crl_distribution_points", "is_self_issued"),
)
SAID_BY_PLAIN_ONES = frozenset(
    {"2.5.29.19", "2.5.29.15", "2.5.29.14", "2.5.29.35", "2.5.29.31", "1.3.6.1.5.5.7.1.1"}
)
LIMITING = (
    ("basic_constraints", extensions.BASIC_CONSTRAINTS, extensions.read_basic_constraints),
    ("key_usage", extensions.KEY_USAGE, extensions.read_key_usage),
)
LIMITING_OIDS = frozenset(oid for _, oid, _ in LIMITING)
LATER = NOON + timedelta(days=40_000)


def both(
    certificate: Certificate,
    handed: tuple[Certificate, ...],
    *,
    anchors: tuple[TrustAnchor, ...],
    purpose: Purpose = Purpose.SIGNATURE,
    policy: ValidationPolicy = BASIC,
    at: datetime = NOON,
) -> tuple[PathResult, PathResult]:
    """What the short road may say, and what the search says, of certificates read afresh.

    What they keep of the authority is compared as well.
    """
    found, kept = [], []
    for kind in (tuple, iter):
        trust = TrustStore(
            replace(one, certificate=Certificate(one.certificate.encoded)) for one in anchors
        )
        found.append(
            prove(
                Certificate(certificate.encoded),
                trust=trust,
                purpose=purpose,
                at=at,
                policy=policy,
                certificates=kind([Certificate(one.encoded) for one in handed]),
            )
        )
        try:
            name = Certificate(certificate.encoded).issuer_encoded
        except EdsError:
            continue
        kept.append(trust.proofs.of(policy, purpose).authorities.get(name))
    assert kept[:1] == kept[1:]
    return found[0], found[1]


@pytest.fixture(scope="module")
def family() -> tuple[Certificate, Certificate, Certificate]:
    root = certify("Root", issuer="Root", ca=True)
    listed = [point("http://crl.example.kz/root.crl")]
    return (
        root,
        certify("CA", issuer="Root", ca=True, points=listed),
        certify("Leaf", ocsp_url="http://ocsp.example.kz/"),
    )


@pytest.fixture
def straight_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever begins a search fails."""

    def searching(*_: object, **__: object) -> None:
        raise AssertionError("searched")

    monkeypatch.setattr(paths, "Search", searching)


def mutants(encoded: bytes) -> Iterator[bytes]:
    """Each octet changed in two ways: by one bit, and to nothing."""
    for place, octet in enumerate(encoded):
        for other in {octet ^ 1, 0} - {octet}:
            yield encoded[:place] + bytes((other,)) + encoded[place + 1 :]


@pytest.mark.usefixtures("straight_only")
def test_a_leaf_below_one_authority_and_one_anchor_is_proven_without_a_search(
    family: tuple[Certificate, Certificate, Certificate],
) -> None:
    root, authority, leaf = family
    for handed in ((authority,), (leaf, authority), (leaf, authority, root)):
        result = prove(
            leaf, trust=TrustStore([TrustAnchor(certificate=root)]), purpose=Purpose.SIGNATURE,
            at=NOON, policy=BASIC, certificates=handed,
        )  # fmt: skip
        assert result.path == (leaf, authority, root)
        assert result.sub_indication is None


def test_both_roads_agree_for_every_purpose_time_policy_and_company(
    family: tuple[Certificate, Certificate, Certificate],
) -> None:
    root, authority, leaf = family
    twin = certify("CA", issuer="CA", ca=True)
    of_ocsp = frozenset({Purpose.OCSP_SIGNING})
    anchors = (
        (TrustAnchor(certificate=root),),
        (TrustAnchor(certificate=root), TrustAnchor(certificate=twin)),
        (TrustAnchor(certificate=root), TrustAnchor(certificate=authority)),
        (TrustAnchor(certificate=root, until=NOON - timedelta(days=1)),),
        (TrustAnchor(certificate=root, purposes=of_ocsp),),
        (TrustAnchor(certificate=root), TrustAnchor(certificate=leaf, purposes=of_ocsp)),
        (),
    )
    company = (
        *((), (authority,), (authority, leaf), (root, authority), (authority, twin)),
        *((twin, authority), (twin,), (leaf,), (authority, authority)),
    )
    policies = (
        BASIC,
        replace(BASIC, name="explicit", require_explicit_policy=True),
        replace(BASIC, name="mean", budget=Budget(signature_checks=1)),
        replace(BASIC, name="short", budget=Budget(path_length=2)),
        replace(BASIC, name="none", budget=Budget(candidates=1)),
    )
    compared = set()
    for chosen, handed, policy, purpose, at in product(
        anchors,
        company,
        policies,
        (Purpose.SIGNATURE, Purpose.OCSP_SIGNING, Purpose.ANY),
        (NOON, LATER),
    ):
        short, searched = both(leaf, handed, anchors=chosen, policy=policy, purpose=purpose, at=at)
        assert short == searched
        compared.add(short.sub_indication)
    assert None in compared
    assert len(compared) > 3


def test_both_roads_agree_on_what_authorities_may_do() -> None:
    proven, compared = 0, set()
    usages = None, usage("crl_sign"), usage("key_cert_sign")
    policies = (
        BASIC,
        replace(BASIC, inhibit_policy_mapping=True, inhibit_any_policy=True),
        replace(BASIC, certificate_policies=frozenset({"1.2.3"})),
        replace(BASIC, algorithms=AlgorithmRules(refused=frozenset({"sha256"}))),
        replace(BASIC, algorithms=AlgorithmRules(until={"sha256": NOON.date()})),
        replace(BASIC, algorithms=AlgorithmRules(minimum_bits={KeyType.EC: 384})),
    )
    for above, below, of_root, of_authority in product((None, 0, 1), (None, 0), usages, usages):
        root = certify("Root", issuer="Root", ca=True, path_length=above, key_usage=of_root)
        authority = certify("CA", issuer="Root", ca=True, path_length=below, key_usage=of_authority)
        both_usages = usage("key_cert_sign", "digital_signature")
        leaves = (
            certify("Leaf", key_usage=both_usages),
            *(certify("Leaf", ca=ca, key_usage=one) for ca in (False, True) for one in usages),
        )
        for leaf, policy in product(leaves, policies):
            anchors = (TrustAnchor(certificate=root, until=NOON + timedelta(days=1)),)
            short, searched = both(leaf, (authority,), anchors=anchors, policy=policy)
            assert short == searched
            proven += short.sub_indication is None
            compared.add(short.findings[0].code)
    assert proven > 20
    assert {"path.path_length", "path.key_usage", "path.profile", "path.algorithm"} <= compared


def test_both_roads_agree_on_the_days_of_every_key_and_signature(
    family: tuple[Certificate, Certificate, Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, authority, _ = family
    leaf = certify("Leaf", digest=SHA384())
    anchors = (TrustAnchor(certificate=root),)
    tomorrow = NOON.date() + timedelta(days=1)
    ends = set()
    for name in ("sha256", "sha384", "sha512"):
        policy = replace(BASIC, algorithms=AlgorithmRules(until={name: tomorrow}))
        short, searched = both(leaf, (authority,), anchors=anchors, policy=policy)
        assert short == searched
        ends.add(short.valid_until.date() == tomorrow)
    assert ends == {True, False}
    for holder in (root, authority, leaf):
        key = holder.public_key
        monkeypatch.setattr(
            AlgorithmRules,
            "key_until",
            lambda _, asked, key=key: tomorrow if asked == key else None,
        )
        policy = replace(BASIC, algorithms=AlgorithmRules())
        short, searched = both(leaf, (authority,), anchors=anchors, policy=policy)
        assert short == searched
        assert short.valid_until.date() == tomorrow


def test_both_roads_agree_where_a_key_has_the_parameters_of_its_issuer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parameters = dsa.generate_parameters(1024)
    keys = {name: parameters.generate_private_key() for name in ("Root", "CA", "Leaf")}
    monkeypatch.setattr(status_house, "key", keys.__getitem__)
    root, whole = certify("Root", issuer="Root", ca=True), certify("CA", issuer="Root", ca=True)
    key = whole.public_key
    bare = der.sequence(
        der.sequence(der.object_identifier(key.algorithm_oid)), der.bit_string(key.key_octets)
    )
    tbs = der.sequence(der.decode(whole.tbs_encoded).octets.replace(key.encoded, bare))
    signature = keys["Root"].sign(tbs, SHA256())
    authority = Certificate(
        der.sequence(tbs, whole.signature_algorithm.encoded, der.bit_string(signature))
    )
    rules = AlgorithmRules(until={"dsa-sha256": LATER.date(), "sha256": LATER.date()})
    policy = replace(BASIC, algorithms=rules)
    leaf = certify("Leaf")
    for day in (NOON, NOON.replace(year=2020)):
        short, searched = both(
            leaf, (authority,), anchors=(TrustAnchor(certificate=root),), policy=policy, at=day
        )
        assert short == searched
        assert short.path == (leaf, authority, root)


def test_both_roads_agree_on_every_changed_octet(
    family: tuple[Certificate, Certificate, Certificate], monkeypatch: pytest.MonkeyPatch
) -> None:
    root, authority, leaf = family
    # Else no changed octet would get beyond the signature.
    monkeypatch.setattr(PublicKey, "verifier", lambda *_: lambda *_: True)
    compared = set()
    for place in range(3):
        chain = [leaf, authority, root]
        for encoded in mutants(chain[place].encoded):
            try:
                chain[place] = Certificate(encoded)
            except EdsError:
                continue
            anchors = (TrustAnchor(certificate=chain[2]),)
            short, searched = both(chain[0], (chain[1],), anchors=anchors)
            assert short == searched
            compared.add(short.findings[0].code)
    assert {"path.chain", "path.profile", "path.basic_constraints", "path.validity"} <= compared


def test_what_a_plain_certificate_reads_at_once_is_what_its_properties_read(
    family: tuple[Certificate, Certificate, Certificate],
) -> None:
    counted = 0
    for source in family:
        for encoded in (source.encoded, *mutants(source.encoded)):
            try:
                one, other = Certificate(encoded), Certificate(encoded)
                plain = one.is_plain
            except EdsError:
                continue
            if not plain:
                continue
            counted += 1
            for name in PROPERTIES:
                assert seen(one, name) == seen(other, name), name
            assert one.signature_algorithm.encoded == other.signature_algorithm.encoded
            assert SAID_BY_PLAIN_ONES.issuperset(other.extensions)
            critical = {oid for oid, value in other.extensions.items() if value.critical}
            assert critical <= LIMITING_OIDS
    assert counted > 500


def seen(certificate: Certificate, name: str) -> object:
    """The property, or the code of its error."""
    try:
        return getattr(certificate, name)
    except EdsError as error:
        return error.code


def test_both_roads_agree_where_two_have_one_name() -> None:
    root, authority = certify("Root", issuer="Root", ca=True), certify("CA", issuer="Root", ca=True)
    namesake = certify("Root", issuer="Root", holder="Namesake", signer="Namesake", ca=True)
    one, both_of_them = (root,), (root, namesake)
    for subject in ("Leaf", "Root", "CA"):
        leaf = certify(subject, issuer="CA")
        for trusted, handed in product((one, both_of_them), ((authority,), (authority, leaf))):
            anchors = tuple(TrustAnchor(certificate=found) for found in trusted)
            short, searched = both(leaf, handed, anchors=anchors)
            assert short == searched
            assert subject != "Leaf" or short.path == (leaf, authority, root)


def test_plain_extensions_are_those_that_the_general_reader_reads_so(
    family: tuple[Certificate, Certificate, Certificate],
) -> None:
    counted = 0
    for certificate in family:
        items = [one.encoded for one in certificate.extensions.values()]
        shapes = [items, *([*items, one] for one in items)]
        shapes += [[one] for one in items]
        for octets in (b"".join(shape) for shape in shapes):
            for content in (octets, octets[:-1], octets + b"\x30", *mutants(octets)):
                plain = extensions.read_plain_extensions(content, 0, len(content))
                if plain is None:
                    continue
                counted += 1
                read = extensions.read_extensions(der.decode(der.sequence(content)))
                assert len(read) == len(plain)
                assert SAID_BY_PLAIN_ONES.issuperset(read)
                for name, oid, reader in LIMITING:
                    assert (name in plain) == (oid in read)
                    if oid in read:
                        assert plain[name] == reader(read[oid].octets)
                assert all(one.oid in LIMITING_OIDS or not one.critical for one in read.values())
    assert counted > 100


@material.needs_data
def test_both_roads_agree_on_pkits_and_limbo() -> None:
    at, rows = test_pkits.expected()
    root = test_pkits.certificates()["TrustAnchorRootCertificate.crt"]
    anchors: tuple[TrustAnchor, ...] = (TrustAnchor(certificate=root),)
    for row in rows:
        handed = row.evidence.certificates
        short, searched = both(
            row.certificate, handed, anchors=anchors, purpose=Purpose.ANY, policy=row.policy, at=at
        )
        assert short == searched, row.test
    for case in test_limbo.cases():
        found = test_limbo.readable([case["peer_certificate"]])
        handed = test_limbo.readable(case["untrusted_intermediates"])
        trusted = test_limbo.readable(case["trusted_certs"])
        if found and "pathological" not in case["id"]:
            anchors = tuple(TrustAnchor(certificate=one) for one in trusted)
            short, searched = both(
                found[0], handed, anchors=anchors, purpose=Purpose.ANY, at=test_limbo.NOON
            )
            assert short == searched, case["id"]
