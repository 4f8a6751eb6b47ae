"""Certification paths: what proves one, what breaks it and by which rule."""

from __future__ import annotations

import pickle
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from eds import der
from eds.certificates import Certificate
from eds.errors import NaiveDatetime
from eds.extensions import KeyUsage
from eds.verify.findings import Outcome
from eds.verify.indications import SubIndication
from eds.verify.path import PathResult, prove
from eds.verify.policy import BASIC, AlgorithmRules, Budget, ValidationPolicy
from eds.verify.trust import Purpose, TrustAnchor, TrustStore

from . import chains
from .chains import AFTER, BEFORE, NOON, Made, house, make, make_authority, store

GENERAL = SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE
CONSTRAINTS = SubIndication.CHAIN_CONSTRAINTS_FAILURE
NO_CHAIN = SubIndication.NO_CERTIFICATE_CHAIN_FOUND
OUT_OF_BOUNDS = SubIndication.OUT_OF_BOUNDS_NO_POE


def proven(
    certificate: Made | Certificate,
    *,
    trust: TrustStore | None = None,
    purpose: Purpose = Purpose.SIGNATURE,
    at: datetime = NOON,
    policy: ValidationPolicy = BASIC,
    among: tuple[Made, ...] = (),
) -> PathResult:
    return prove(
        certificate.certificate if isinstance(certificate, Made) else certificate,
        trust=trust or house().trust,
        purpose=purpose,
        at=at,
        policy=policy,
        certificates=[one.certificate for one in among],
    )


def broken_rule(result: PathResult) -> tuple[str, SubIndication]:
    """The rule that a result says is broken; the result must be whole."""
    first = result.findings[0]
    assert first.outcome is Outcome.BROKEN
    assert first.sub_indication is result.sub_indication
    assert result.sub_indication is not None
    assert result.policies == frozenset()
    return first.code, result.sub_indication


# --- what proves one ------------------------------------------------------------------------------


def test_path_runs_from_the_certificate_to_the_anchor() -> None:
    result = proven(house().citizen)
    assert result.sub_indication is None
    assert result.path == tuple(
        made.certificate for made in (house().citizen, house().authority, house().root)
    )
    assert result.anchor == TrustAnchor(certificate=house().root.certificate)
    assert {finding.outcome for finding in result.findings} == {Outcome.KEPT}
    assert (result.valid_from, result.valid_until.replace(microsecond=0)) == (BEFORE, AFTER)


def test_issuers_come_from_what_was_handed_in_too() -> None:
    trust = store(house().root)
    alone = proven(house().citizen, trust=trust)
    assert broken_rule(alone) == ("path.chain", NO_CHAIN)
    assert alone.path == ()
    assert proven(house().citizen, trust=trust, among=(house().authority,)).sub_indication is None


def test_what_was_handed_in_is_believed_nothing() -> None:
    stranger = make_authority("stranger")
    result = proven(make("their citizen", by=stranger), among=(stranger,))
    assert broken_rule(result) == ("path.chain", NO_CHAIN)


def test_names_match_whatever_their_case_and_spaces() -> None:
    citizen = make("other case", by=house().authority, issuer=chains.name("  AUTHORITY "))
    assert proven(citizen).sub_indication is None


def test_certificate_that_is_an_anchor_is_proven_by_the_store_alone() -> None:
    result = proven(house().citizen, trust=store(house().citizen))
    assert result.sub_indication is None
    assert result.path == (house().citizen.certificate,)


def test_anchor_need_not_be_self_issued() -> None:
    result = proven(house().citizen, trust=store(house().authority))
    assert result.path == (house().citizen.certificate, house().authority.certificate)


def test_keys_of_every_kind_lead_upwards() -> None:
    root = make_authority("rsa2048-root")
    middle = make_authority("ed-authority", by=root)
    citizen = make("under ed25519", by=middle)
    trust = store(root)
    assert proven(citizen, trust=trust, among=(middle,)).sub_indication is None


def test_other_path_is_taken_where_the_first_does_not_hold() -> None:
    """The authority was certified twice: long ago, and again."""
    old = make_authority("authority", by=house().root, not_after=NOON - timedelta(days=1))
    other_root = make_authority("another root")
    cross = make_authority("authority", by=other_root)
    for among in ((old, cross), (cross, old)):
        trust = store(house().root, other_root)
        result = proven(house().citizen, trust=trust, among=among)
        assert result.sub_indication is None
        assert result.path[1] == cross.certificate


def test_failure_that_came_nearest_to_a_proof_is_told() -> None:
    """One certificate of the authority says that it may not issue, the other has expired."""
    unfit = make_authority("authority", by=house().root, extensions=[chains.usage("crl_sign")])
    old = make_authority("authority", by=house().root, not_after=NOON - timedelta(days=1))
    for among in ((unfit, old), (old, unfit)):
        result = proven(house().citizen, trust=store(house().root), among=among)
        assert broken_rule(result) == ("path.validity", OUT_OF_BOUNDS)


def test_authority_that_changed_its_key_is_followed_by_its_self_issued_certificate() -> None:
    new = make_authority("authority", by=house().authority, key_name="authority's new key")
    citizen = make("under the new key", by=new)
    result = proven(citizen, among=(new,))
    assert len(result.path) == 4


def test_instant_without_a_time_zone_is_refused() -> None:
    with pytest.raises(NaiveDatetime):
        proven(house().citizen, at=datetime(2026, 6, 1))  # noqa: DTZ001


# --- signatures and algorithms --------------------------------------------------------------------


def test_signature_of_another_key_breaks_the_path() -> None:
    forged = make("forged", by=house().authority, signed_with="thief")
    assert broken_rule(proven(forged)) == ("path.signature", GENERAL)


def test_signature_of_bits_that_make_no_octets_breaks_the_path() -> None:
    encoded = bytearray(house().citizen.certificate.encoded)
    signature = house().citizen.certificate.signature
    encoded[len(encoded) - len(signature) - 1] = 1  # unused bits
    encoded[-1] &= 0xFE
    assert broken_rule(proven(Certificate(bytes(encoded)))) == ("path.signature", GENERAL)


def test_algorithm_that_the_policy_refuses_breaks_the_path() -> None:
    policy = replace(BASIC, algorithms=AlgorithmRules(refused=frozenset({"sha256"})))
    result = proven(house().citizen, policy=policy)
    assert broken_rule(result) == ("path.algorithm", SubIndication.CRYPTO_CONSTRAINTS_FAILURE)


def test_algorithm_holds_until_its_day_and_not_after() -> None:
    day = NOON.date()
    policy = replace(
        BASIC,
        algorithms=AlgorithmRules(until=MappingProxyType({"ecdsa-p256-sha256": day})),
    )
    end = datetime(day.year, day.month, day.day, 23, 59, 59, 999_999, tzinfo=UTC)
    trust = house().trust
    result = proven(house().citizen, policy=policy, trust=trust)
    assert result.valid_until == end
    assert proven(house().citizen, policy=policy, trust=trust, at=end).sub_indication is None
    later = proven(house().citizen, policy=policy, trust=trust, at=end + timedelta(microseconds=1))
    assert broken_rule(later) == (
        "path.algorithm_period",
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
    )
    assert later.findings[0].facts["until"] == day.isoformat()


def test_day_of_an_algorithm_higher_up_bounds_the_proof() -> None:
    root = make_authority("rsa2048-root")
    authority = make_authority("under rsa", by=root)
    citizen = make("citizen under rsa", by=authority)
    until = MappingProxyType({"rsa-pkcs1-sha256": NOON.date()})
    policy = replace(BASIC, algorithms=AlgorithmRules(until=until))
    result = proven(citizen, trust=store(root), among=(authority,), policy=policy)
    assert result.valid_until.date() == NOON.date()


def test_small_key_of_the_certificate_itself_is_judged_by_date() -> None:
    weak = make("weak", by=house().authority, key_name="rsa1024-weak")
    result = proven(weak)
    assert broken_rule(result) == (
        "path.algorithm_period",
        SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE,
    )
    assert result.valid_until.date() == date(2019, 10, 1)


def test_unknown_kind_of_key_has_its_reason() -> None:
    known = der.object_identifier("1.2.840.10045.2.1")
    strange = Certificate(
        house().citizen.certificate.encoded.replace(known, known[:-1] + b"\x7f", 1)
    )
    result = proven(strange, trust=store(TrustAnchor(certificate=strange)))
    assert broken_rule(result) == ("path.algorithm", SubIndication.CRYPTO_CONSTRAINTS_FAILURE)


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [BEFORE - timedelta(seconds=1), AFTER + timedelta(seconds=1)])
def test_out_of_the_validity_period_the_path_is_there_and_a_proof_of_existence_may_help(
    at: datetime,
) -> None:
    result = proven(house().citizen, at=at)
    assert broken_rule(result) == ("path.validity", OUT_OF_BOUNDS)
    assert len(result.path) == 3
    assert proven(house().citizen, at=result.valid_from).sub_indication is None
    assert proven(house().citizen, at=result.valid_until).sub_indication is None


def test_first_and_last_second_count_whole() -> None:
    for at in (BEFORE, AFTER, AFTER + timedelta(microseconds=999_999)):
        assert proven(house().citizen, at=at).sub_indication is None
    assert proven(house().citizen, at=BEFORE - timedelta(microseconds=1)).sub_indication


def test_expired_authority_is_named() -> None:
    old = make_authority("old", by=house().root, not_after=NOON - timedelta(days=1))
    result = proven(make("of old", by=old), among=(old,))
    assert broken_rule(result) == ("path.validity", OUT_OF_BOUNDS)
    assert result.findings[0].facts["certificate"] == old.certificate.fingerprint


def test_days_of_an_anchor_take_the_place_of_its_validity_period() -> None:
    expired = make_authority("expired root", not_after=NOON - timedelta(days=30))
    citizen = make("of the expired root", by=expired)
    assert broken_rule(proven(citizen, trust=store(expired))) == ("path.validity", OUT_OF_BOUNDS)
    still = TrustAnchor(certificate=expired.certificate, until=AFTER)
    assert proven(citizen, trust=store(still)).sub_indication is None
    no_more = TrustAnchor(certificate=expired.certificate, until=NOON - timedelta(days=60))
    assert broken_rule(proven(citizen, trust=store(no_more))) == (
        "path.anchor_period",
        SubIndication.NO_CERTIFICATE_CHAIN_FOUND_NO_POE,
    )
    # Listed twice, for two periods: the one that fits is taken.
    assert proven(citizen, trust=store(no_more, still)).sub_indication is None


# --- purposes -------------------------------------------------------------------------------------


def test_anchor_is_believed_for_its_purposes_alone() -> None:
    anchor = TrustAnchor(
        certificate=house().root.certificate, purposes=frozenset({Purpose.AUTHENTICATION})
    )
    trust = store(anchor, certificates=(house().authority,))
    assert broken_rule(proven(house().citizen, trust=trust)) == ("path.anchor_purpose", NO_CHAIN)
    alone = proven(house().root, trust=trust)
    assert broken_rule(alone) == ("path.anchor_purpose", NO_CHAIN)


EKU = x509.ExtendedKeyUsage
DOCUMENTS = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")
ANY = ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
TIME = ExtendedKeyUsageOID.TIME_STAMPING
MAIL = ExtendedKeyUsageOID.EMAIL_PROTECTION
OCSP = ExtendedKeyUsageOID.OCSP_SIGNING
CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH
SERVER = ExtendedKeyUsageOID.SERVER_AUTH


@pytest.mark.parametrize(
    ("purpose", "usages", "critical", "serves"),
    [
        (Purpose.SIGNATURE, None, False, True),
        (Purpose.SIGNATURE, [DOCUMENTS], False, True),
        (Purpose.SIGNATURE, [MAIL], False, True),
        (Purpose.SIGNATURE, [ANY], False, True),
        (Purpose.SIGNATURE, [CLIENT], False, False),
        (Purpose.SIGNATURE, [SERVER], False, False),
        (Purpose.SIGNATURE, [TIME], True, False),
        (Purpose.AUTHENTICATION, None, False, True),
        (Purpose.AUTHENTICATION, [CLIENT], False, True),
        (Purpose.AUTHENTICATION, [MAIL], False, False),
        (Purpose.TIME_STAMPING, None, False, False),
        (Purpose.TIME_STAMPING, [TIME], True, True),
        (Purpose.TIME_STAMPING, [TIME], False, False),
        (Purpose.TIME_STAMPING, [TIME, MAIL], True, False),
        (Purpose.TIME_STAMPING, [ANY], True, False),
        (Purpose.OCSP_SIGNING, None, False, False),
        (Purpose.OCSP_SIGNING, [OCSP], False, True),
        (Purpose.OCSP_SIGNING, [ANY], False, False),
        (Purpose.ANY, [SERVER], False, True),
    ],
)
def test_extended_key_usage_for_each_purpose(
    purpose: Purpose, usages: list[x509.ObjectIdentifier] | None, critical: bool, serves: bool
) -> None:
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        chains.usage("digital_signature", "content_commitment")
    ]
    if usages is not None:
        extensions.append((EKU(usages), critical))
    result = proven(make("end", by=house().authority, extensions=extensions), purpose=purpose)
    if serves:
        assert result.sub_indication is None
    else:
        assert broken_rule(result) == ("path.extended_key_usage", CONSTRAINTS)


@pytest.mark.parametrize(
    ("purpose", "usage", "serves"),
    [
        (Purpose.SIGNATURE, "digital_signature", True),
        (Purpose.SIGNATURE, "content_commitment", True),
        (Purpose.SIGNATURE, "key_encipherment", False),
        (Purpose.AUTHENTICATION, "digital_signature", True),
        (Purpose.AUTHENTICATION, "content_commitment", False),
        (Purpose.LIST_SIGNING, "crl_sign", True),
        (Purpose.LIST_SIGNING, "digital_signature", False),
        (Purpose.ANY, "key_encipherment", True),
    ],
)
def test_key_usage_for_each_purpose(purpose: Purpose, usage: str, serves: bool) -> None:
    end = make("end", by=house().authority, extensions=[chains.usage(usage)])
    result = proven(end, purpose=purpose)
    if serves:
        assert result.sub_indication is None
    else:
        assert broken_rule(result) == ("path.purpose", CONSTRAINTS)


def test_policy_says_what_a_signer_s_key_is_for() -> None:
    policy = replace(BASIC, signer_key_usage=frozenset({KeyUsage.NON_REPUDIATION}))
    signer = make("login key", by=house().authority, extensions=[chains.usage("digital_signature")])
    assert broken_rule(proven(signer, policy=policy)) == ("path.purpose", CONSTRAINTS)


def test_authority_that_limits_its_purposes_issues_for_no_other() -> None:
    limited = make_authority("web", by=house().root, extensions=[(EKU([SERVER]), False)])
    citizen = make("of web", by=limited)
    assert broken_rule(proven(citizen, among=(limited,))) == (
        "path.extended_key_usage",
        CONSTRAINTS,
    )
    assert proven(citizen, among=(limited,), purpose=Purpose.ANY).sub_indication is None


# --- what an issuer must be -----------------------------------------------------------------------


def below(authority: Made) -> PathResult:
    return proven(make("below", by=authority), among=(authority,))


def test_issuer_that_is_no_authority_breaks_the_path() -> None:
    for changes in (
        {"without": [x509.BasicConstraints]},
        {"extensions": [(x509.BasicConstraints(ca=False, path_length=None), True)]},
    ):
        plain = make("plain", by=house().root, **changes)
        assert broken_rule(below(plain)) == ("path.basic_constraints", CONSTRAINTS)


def test_citizen_cannot_issue() -> None:
    """What broke the browsers of 2002: basic constraints that nobody looked at."""
    victim = make("victim", by=house().citizen)
    assert broken_rule(proven(victim, among=(house().citizen,))) == (
        "path.basic_constraints",
        CONSTRAINTS,
    )


def test_issuer_whose_key_may_not_sign_certificates_breaks_the_path() -> None:
    other = make_authority("lists only", by=house().root, extensions=[chains.usage("crl_sign")])
    assert broken_rule(below(other)) == ("path.key_usage", CONSTRAINTS)


def test_path_length_counts_authorities_that_are_not_self_issued() -> None:
    top = make_authority("top", by=house().root, path_length=0)
    renewed = make_authority("top", by=top, key_name="top's new key")
    second = make_authority("second", by=top)
    assert below(top).sub_indication is None
    kept = proven(make("of renewed", by=renewed), among=(top, renewed))
    assert kept.sub_indication is None
    result = proven(make("of second", by=second), among=(top, second))
    assert broken_rule(result) == ("path.path_length", CONSTRAINTS)


def test_limits_in_the_anchor_s_certificate_bind() -> None:
    root = make_authority("short root", path_length=0)
    authority = make_authority("too many", by=root)
    result = proven(make("below too many", by=authority), trust=store(root), among=(authority,))
    assert broken_rule(result) == ("path.path_length", CONSTRAINTS)


def test_policy_is_required_where_the_caller_requires_it() -> None:
    policy = replace(BASIC, certificate_policies=frozenset({"1.2.3"}), require_explicit_policy=True)
    stated = [
        (
            x509.CertificatePolicies(
                [x509.PolicyInformation(x509.ObjectIdentifier("1.2.3"), None)]
            ),
            False,
        )
    ]
    authority = make_authority("authority with policy", by=house().root, extensions=stated)
    citizen = make("with policy", by=authority, extensions=stated)
    result = proven(citizen, among=(authority,), policy=policy)
    assert result.policies == {"1.2.3"}
    assert broken_rule(proven(house().citizen, policy=policy)) == ("path.policies", CONSTRAINTS)
    other = replace(policy, certificate_policies=frozenset({"1.2.4"}))
    assert broken_rule(proven(citizen, among=(authority,), policy=other)) == (
        "path.policies",
        CONSTRAINTS,
    )


def test_certificate_that_requires_a_policy_of_itself_must_have_one() -> None:
    demand = x509.PolicyConstraints(require_explicit_policy=0, inhibit_policy_mapping=None)
    citizen = make("demanding", by=house().authority, extensions=[(demand, True)])
    assert broken_rule(proven(citizen)) == ("path.policies", CONSTRAINTS)


# --- what every certificate must be ---------------------------------------------------------------


def unknown(oid: str, value: bytes = b"\x05\x00") -> x509.UnrecognizedExtension:
    return x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value)


@pytest.mark.parametrize(
    "oid", ["1.3.6.1.4.1.99999.1", "2.5.29.9", "2.16.840.1.113730.1.1", "2.5.29.46"]
)
def test_unknown_critical_extension_breaks_the_path_anywhere(oid: str) -> None:
    wanted = ("path.critical_extension", CONSTRAINTS)
    extensions = [(unknown(oid), True)]
    assert broken_rule(proven(make("odd", by=house().authority, extensions=extensions))) == wanted
    assert broken_rule(below(make_authority("odd", by=house().root, extensions=extensions))) == (
        wanted
    )
    root = make_authority("odd root", extensions=extensions)
    assert broken_rule(proven(make("of odd", by=root), trust=store(root))) == wanted


def test_unknown_extension_that_is_not_critical_is_passed_over() -> None:
    citizen = make(
        "odd", by=house().authority, extensions=[(unknown("1.3.6.1.4.1.99999.1"), False)]
    )
    assert proven(citizen).sub_indication is None


@pytest.mark.parametrize("oid", ["2.5.29.17", "2.5.29.32", "2.5.29.37", "2.5.29.31"])
def test_critical_extension_that_cannot_be_read_breaks_the_path(oid: str) -> None:
    citizen = make("odd", by=house().authority, extensions=[(unknown(oid, b"\x30\x00"), True)])
    assert broken_rule(proven(citizen)) == ("path.malformed", GENERAL)


@pytest.mark.parametrize(
    "oid", ["2.5.29.15", "2.5.29.19", "2.5.29.30", "2.5.29.32", "2.5.29.33", "2.5.29.36"]
)
def test_part_of_an_authority_that_cannot_be_read_is_a_finding(oid: str) -> None:
    without = {"2.5.29.15": [x509.KeyUsage], "2.5.29.19": [x509.BasicConstraints]}
    authority = make_authority(
        "odd",
        by=house().root,
        extensions=[(unknown(oid, b"\x01\x01"), False)],
        without=without.get(oid, []),
    )
    assert broken_rule(below(authority)) == ("path.malformed", GENERAL)


def test_version_1_is_good_for_anchors_alone() -> None:
    old_root = version_1(house().root, signed_with="root")
    assert old_root.version == 1
    trust = store(TrustAnchor(certificate=old_root), certificates=(house().authority,))
    assert proven(house().citizen, trust=trust).sub_indication is None
    old = version_1(house().citizen, signed_with="authority")
    assert broken_rule(proven(old)) == ("path.profile", CONSTRAINTS)
    authority = version_1(house().authority, signed_with="root")
    trust = TrustStore(
        [TrustAnchor(certificate=house().root.certificate)], certificates=[authority]
    )
    assert broken_rule(proven(house().citizen, trust=trust)) == ("path.profile", CONSTRAINTS)


def version_1(made: Made, *, signed_with: str) -> Certificate:
    """The same certificate without version and extensions, signed again."""
    signed, algorithm, _ = der.decode(made.certificate.encoded).iterate()
    fields = tuple(part.encoded for part in signed.iterate())
    to_be_signed = der.sequence(*fields[1:7])
    key = chains.key(signed_with)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    signature = key.sign(to_be_signed, ec.ECDSA(hashes.SHA256()))
    return Certificate(der.sequence(to_be_signed, algorithm.encoded, der.bit_string(signature)))


def test_what_only_authorities_may_say_is_refused_in_others() -> None:
    names = x509.NameConstraints([x509.DNSName("example.org")], None)
    for extension in ((names, True), chains.usage("content_commitment", "key_cert_sign")):
        citizen = make("odd", by=house().authority, extensions=[extension])
        assert broken_rule(proven(citizen)) == ("path.profile", CONSTRAINTS)


def test_nobody_is_named_by_an_empty_subject_without_a_critical_alternative() -> None:
    nobody = make(x509.Name([]), by=house().authority, key_name="nobody")
    assert broken_rule(proven(nobody)) == ("path.profile", CONSTRAINTS)
    names = x509.SubjectAlternativeName([x509.RFC822Name("a@example.org")])
    somebody = make(
        x509.Name([]), by=house().authority, key_name="nobody", extensions=[(names, True)]
    )
    assert proven(somebody).sub_indication is None


def test_no_finding_names_a_person() -> None:
    """Personal numbers stand in subjects; findings may be logged, names may not."""
    number = "IIN850101300123"
    subject = x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, number)])
    failures = [
        make(subject, key_name="person"),
        make(subject, by=house().authority, key_name="person", signed_with="thief"),
        make(subject, by=house().authority, key_name="person", not_after=NOON - timedelta(days=1)),
        make(
            subject,
            by=house().authority,
            key_name="person",
            extensions=[(unknown("2.5.29.17", b"\x30\x00"), True)],
        ),
    ]
    for certificate in failures:
        result = proven(certificate)
        assert result.sub_indication is not None
        assert number not in repr(result)
        assert number not in repr([finding.facts for finding in result.findings])


# --- work -----------------------------------------------------------------------------------------


def with_budget(**changes: float) -> ValidationPolicy:
    return replace(BASIC, budget=replace(Budget(), **changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("limit", "value"),
    [("signature_checks", 1), ("candidates", 1), ("path_length", 2), ("seconds", -1.0)],
)
def test_beyond_its_budget_a_search_ends_undetermined(limit: str, value: float) -> None:
    result = proven(house().citizen, policy=with_budget(**{limit: value}))
    assert broken_rule(result) == ("path.budget", GENERAL)
    assert result.findings[0].facts["limit"] == limit


def test_budget_that_just_suffices_proves() -> None:
    policy = with_budget(signature_checks=2, candidates=2, path_length=3)
    assert proven(house().citizen, policy=policy).sub_indication is None


def test_crowd_of_namesakes_costs_no_more_than_the_budget() -> None:
    crowd = tuple(
        make_authority("authority", key_name=f"namesake {number % 7}", issuer=chains.name("root"))
        for number in range(100)
    )
    trust = store(house().root)
    stranger = make("stranger", issuer=chains.name("authority"))
    result = proven(stranger, trust=trust, among=crowd)
    assert broken_rule(result) == ("path.budget", GENERAL)
    # Among them all, the one that the key identifier names is found.
    found = proven(house().citizen, trust=trust, among=(*crowd, house().authority))
    assert found.sub_indication is None


def test_circle_of_authorities_ends() -> None:
    first = make_authority("first", issuer=chains.name("second"), signed_with="second")
    second = make_authority("second", issuer=chains.name("first"), signed_with="first")
    result = proven(make("in the circle", by=first), among=(first, second))
    assert broken_rule(result) == ("path.chain", NO_CHAIN)


def test_names_against_constraints_are_counted() -> None:
    names = x509.NameConstraints(
        None, [x509.DNSName(f"n{number}.example") for number in range(300)]
    )
    authority = make_authority("limited", by=house().root, extensions=[(names, True)])
    many = x509.SubjectAlternativeName([x509.DNSName(f"a{n}.example") for n in range(400)])
    citizen = make("many names", by=authority, extensions=[(many, False)])
    result = proven(citizen, among=(authority,))
    assert broken_rule(result) == ("path.budget", GENERAL)
    assert result.findings[0].facts["limit"] == "name_comparisons"


# --- what is kept ---------------------------------------------------------------------------------


def test_proof_is_kept_and_needs_no_evidence_a_second_time() -> None:
    trust = store(house().root)
    first = proven(house().citizen, trust=trust, among=(house().authority,))
    assert proven(house().citizen, trust=trust) is first
    other = make("another citizen", by=house().authority)
    assert proven(other, trust=trust).sub_indication is None


def test_what_is_kept_serves_no_other_policy_purpose_store_or_instant() -> None:
    trust = store(house().root)
    among = (house().authority,)
    assert proven(house().citizen, trust=trust, among=among).sub_indication is None
    strict = replace(BASIC, algorithms=AlgorithmRules(refused=frozenset({"sha256"})))
    assert proven(house().citizen, trust=trust, policy=strict, among=among).sub_indication
    assert proven(house().citizen, trust=trust, purpose=Purpose.TIME_STAMPING).sub_indication
    assert proven(house().citizen, trust=trust, at=AFTER + timedelta(days=1)).sub_indication
    assert proven(house().citizen, trust=store(house().root)).sub_indication
    # An equal policy is the same policy.
    assert proven(house().citizen, trust=trust, policy=replace(BASIC)).sub_indication is None


def test_failure_is_not_kept() -> None:
    trust = store(house().root)
    assert proven(house().citizen, trust=trust).sub_indication is not None
    assert proven(house().citizen, trust=trust, among=(house().authority,)).sub_indication is None


def test_kept_authority_does_not_excuse_a_forged_certificate() -> None:
    trust = house().trust
    assert proven(house().citizen, trust=trust).sub_indication is None
    forged = make("forged", by=house().authority, signed_with="thief")
    assert broken_rule(proven(forged, trust=trust)) == ("path.signature", GENERAL)


def test_what_is_kept_is_bounded() -> None:
    trust = house().trust
    for number in range(20):
        policy = replace(BASIC, name=f"policy {number}")
        assert proven(house().citizen, trust=trust, policy=policy).sub_indication is None
    proofs = trust.proofs.of(BASIC, Purpose.SIGNATURE)
    for number in range(1100):
        proofs.paths.put(bytes([number % 256, number // 256]), proven(house().root))
    assert len(proofs.paths) == 1024


def test_threads_share_what_is_kept() -> None:
    trust = house().trust
    citizens = [make(f"citizen {number}", by=house().authority) for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda one: proven(one, trust=trust), citizens * 4))
    assert all(result.sub_indication is None for result in results)


def test_store_goes_to_another_process_without_what_was_proven() -> None:
    trust = house().trust
    assert proven(house().citizen, trust=trust).sub_indication is None
    copy = pickle.loads(pickle.dumps(trust))
    assert copy == trust
    assert len(copy.proofs.of(BASIC, Purpose.SIGNATURE).paths) == 0
    assert proven(house().citizen, trust=copy).sub_indication is None
