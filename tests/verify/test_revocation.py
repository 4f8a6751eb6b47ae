"""Status at an instant: which evidence counts, and what each defect is called."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from eds import der
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.errors import InvalidArgument, NaiveDatetime
from eds.extensions import RevocationReason
from eds.ocsp import OcspResponse
from eds.verify.evidence import Evidence
from eds.verify.findings import Outcome
from eds.verify.indications import SubIndication
from eds.verify.path import prove
from eds.verify.policy import BASIC, AlgorithmRules, Budget, RevocationRules
from eds.verify.revocation import Status, check_path
from eds.verify.trust import Purpose, TrustAnchor, TrustStore
from tests.verify.status_house import (
    DAY,
    HOUR,
    NOON,
    UNKNOWN,
    URL,
    House,
    answer,
    broken,
    cert_id,
    certify,
    crl,
    entry,
    extension,
    noted,
    point,
    responder,
    revoked,
    scope,
    single,
    usage,
)

REASON = RevocationReason
HOLD = RevocationReason.CERTIFICATE_HOLD
FAILURE = SubIndication.CERTIFICATE_CHAIN_GENERAL_FAILURE
LATER = SubIndication.TRY_LATER
NO_POE = SubIndication.REVOKED_NO_POE
NONCE = bytes(range(32))


@pytest.fixture
def house() -> House:
    return House()


# --- lists


def test_certificate_not_on_a_fresh_list_is_good(house: House) -> None:
    found = crl(entry(7, NOON - DAY))
    result = house.status(found)
    assert (result.status, result.sub_indication) == (Status.GOOD, None)
    assert (result.this_update, result.next_update) == (NOON - HOUR, NOON + DAY)
    assert (result.source, result.valid_until) == (found, NOON + DAY)
    assert not broken(result)


def test_no_evidence_is_try_later(house: House) -> None:
    result = house.status()
    assert (result.status, result.sub_indication) == (Status.UNKNOWN, LATER)
    assert broken(result) == {"revocation.available"}


def test_revoked_certificate_says_since_when_and_why(house: House) -> None:
    listed = entry(house.leaf, NOON - DAY, REASON.KEY_COMPROMISE, invalidity_date=NOON - 2 * DAY)
    result = house.status(crl(listed))
    assert (result.status, result.sub_indication) == (Status.REVOKED, NO_POE)
    assert (result.revoked_at, result.reason) == (NOON - DAY, REASON.KEY_COMPROMISE)
    assert result.invalidity_date == NOON - 2 * DAY
    assert broken(result) == {"revocation.status"}


def test_revoked_authority_has_its_own_sub_indication(house: House) -> None:
    below = certify("CA 2", ca=True)
    result = house.status(crl(entry(below, NOON - DAY)), certificate=below)
    assert result.sub_indication is SubIndication.REVOKED_CA_NO_POE


def test_revocation_after_the_instant_is_noted_and_does_not_fail(house: House) -> None:
    listed = entry(house.leaf, NOON + DAY, REASON.KEY_COMPROMISE, invalidity_date=NOON - DAY)
    result = house.status(crl(listed, at=NOON + 2 * DAY, until=NOON + 3 * DAY))
    assert (result.status, result.sub_indication) == (Status.GOOD, None)
    assert result.revoked_at == NOON + DAY
    assert noted(result) == {"revocation.status", "revocation.invalidity_date"}
    assert result.valid_until < NOON + DAY


def test_revocation_counts_from_its_very_second(house: House) -> None:
    found = crl(entry(house.leaf, NOON), at=NOON + HOUR)
    assert house.status(found, at=NOON).status is Status.REVOKED
    assert house.status(found, at=NOON - timedelta(seconds=1)).status is Status.GOOD


def test_list_of_another_key_under_the_same_name_is_refused(house: House) -> None:
    result = house.status(crl(signer="thief"))
    assert (result.sub_indication, broken(result)) == (FAILURE, {"revocation.signature"})


def test_forged_list_beside_a_true_one_changes_nothing(house: House) -> None:
    true = crl(entry(house.leaf, NOON - DAY))
    forged = crl(signer="thief", at=NOON, number=9)
    assert house.status(forged, true).status is Status.REVOKED
    result = house.status(crl(), crl(entry(house.leaf, NOON - DAY), signer="thief"))
    assert result.status is Status.GOOD
    assert noted(result) == {"revocation.signature"}


def test_list_of_another_issuer_is_foreign(house: House) -> None:
    result = house.status(crl(issuer="Other"))
    assert broken(result) == {"revocation.available"}
    (finding,) = (one for one in result.findings if one.sub_indication)
    assert finding.facts["of_others"] == 1


def test_issuer_without_crl_sign_cannot_sign_lists() -> None:
    house = House(ca=certify("CA", ca=True, key_usage=usage("key_cert_sign")))
    result = house.status(crl())
    assert (result.sub_indication, broken(result)) == (FAILURE, {"revocation.authority"})


def test_stale_list_is_try_later(house: House) -> None:
    result = house.status(crl(at=NOON - 3 * DAY, until=NOON - DAY))
    assert (result.sub_indication, broken(result)) == (LATER, {"revocation.freshness"})


def test_stale_list_still_tells_of_a_revocation(house: House) -> None:
    found = crl(entry(house.leaf, NOON - 4 * DAY), at=NOON - 3 * DAY, until=NOON - DAY)
    assert house.status(found).status is Status.REVOKED


def test_policy_can_ask_for_fresher_evidence_than_next_update(house: House) -> None:
    house.policy = replace(BASIC, revocation=RevocationRules(freshness=timedelta(minutes=30)))
    assert broken(house.status(crl())) == {"revocation.freshness"}
    assert house.status(crl(at=NOON - timedelta(minutes=20))).status is Status.GOOD


def test_evidence_without_next_update_ages_by_policy(house: House) -> None:
    assert house.status(crl(until=None, at=NOON - DAY)).status is Status.GOOD
    older = NOON - DAY - timedelta(seconds=1)
    assert broken(house.status(crl(until=None, at=older))) == {"revocation.freshness"}


def test_list_issued_after_the_validation_does_not_count(house: House) -> None:
    later = crl(at=NOON + DAY, until=NOON + 2 * DAY)
    assert house.status(later).status is Status.GOOD
    result = house.status(later, validation_time=NOON)
    assert (result.sub_indication, broken(result)) == (LATER, {"revocation.issued"})


@pytest.mark.parametrize(
    ("extensions", "code"),
    [
        ([scope("http://elsewhere.example.kz/8.crl")], "revocation.scope"),
        ([scope(URL, authorities=True)], "revocation.scope"),
        ([scope(attributes=True)], "revocation.scope"),
        ([scope(relative="shard")], "revocation.scope"),
        ([extension("1.2.3.4", der.null(), critical=True)], "revocation.extensions"),
    ],
)
def test_list_that_is_not_about_the_certificate_is_refused(
    house: House, extensions: list[bytes], code: str
) -> None:
    result = house.status(crl(more=extensions))
    assert (result.sub_indication, broken(result)) == (FAILURE, {code})


@pytest.mark.parametrize(
    "extensions",
    [
        [scope("http://mirror.example.kz/7.crl", URL)],
        [scope(URL, users=True)],
        [scope(users=True)],
        [extension("1.2.3.4", der.null())],
    ],
)
def test_list_in_whose_scope_the_certificate_lies_counts(
    house: House, extensions: list[bytes]
) -> None:
    assert house.status(crl(more=extensions)).status is Status.GOOD


def test_every_name_of_every_distribution_point_is_matched(house: House) -> None:
    points = [point("http://a.example.kz/1.crl", "http://b.example.kz/1.crl"), point(URL)]
    leaf = certify("Leaf", points=points)
    for url in ("http://a.example.kz/1.crl", "http://b.example.kz/1.crl", URL):
        assert house.status(crl(more=[scope(url)]), certificate=leaf).status is Status.GOOD


def test_relative_names_are_read_below_the_issuer(house: House) -> None:
    leaf = certify("Leaf", points=[point(relative="shard 7")])
    assert house.status(crl(more=[scope(relative="shard 7")]), certificate=leaf).status is (
        Status.GOOD
    )
    assert broken(house.status(crl(more=[scope(relative="shard 8")]), certificate=leaf)) == {
        "revocation.scope"
    }


def test_user_list_says_nothing_of_authorities(house: House) -> None:
    below = certify("CA 2", ca=True, points=[point(URL)])
    assert house.status(crl(more=[scope(URL, users=True)]), certificate=below).status is (
        Status.UNKNOWN
    )
    assert house.status(crl(more=[scope(URL, authorities=True)]), certificate=below).status is (
        Status.GOOD
    )


def test_lists_by_reason_count_only_together(house: House) -> None:
    some = crl(more=[scope(reasons=der.named_bits(frozenset({1, 2})))])
    others = crl(more=[scope(reasons=der.named_bits(frozenset(range(3, 9))))], number=2)
    result = house.status(some)
    assert (result.sub_indication, broken(result)) == (LATER, {"revocation.reasons"})
    assert house.status(some, others).status is Status.GOOD


def test_unknown_critical_extension_of_any_entry_silences_the_list(house: House) -> None:
    odd = extension("1.2.3.4", der.null(), critical=True)
    listed = entry(7, NOON - DAY, more=[odd])
    assert broken(house.status(crl(listed))) == {"revocation.extensions"}
    # What stands there is believed all the same.
    own = crl(entry(house.leaf, NOON - DAY, more=[odd]))
    assert house.status(own).status is Status.REVOKED


def test_removed_entry_is_no_revocation(house: House) -> None:
    base = crl(entry(house.leaf, NOON - DAY, HOLD), number=4, at=NOON - 2 * HOUR)
    delta = crl(entry(house.leaf, NOON - DAY, REASON.REMOVE_FROM_CRL), number=5, base=4)
    assert house.status(base).status is Status.ON_HOLD
    assert house.status(base, delta).status is Status.GOOD


def test_delta_brings_a_list_up_to_date(house: House) -> None:
    base = crl(number=4, at=NOON - 2 * DAY, until=NOON - DAY)
    delta = crl(number=6, base=3)
    assert house.status(base).status is Status.UNKNOWN
    assert house.status(base, delta).status is Status.GOOD
    assert house.status(base, crl(entry(house.leaf, NOON - HOUR), number=6, base=4)).status is (
        Status.REVOKED
    )


@pytest.mark.parametrize("changes", [{"base": 5}, {"number": 4, "base": 4}])
def test_delta_that_does_not_fit_its_base_proves_nothing(
    house: House, changes: dict[str, int]
) -> None:
    base = crl(number=4, at=NOON - 2 * DAY, until=NOON - DAY)
    delta = crl(**({"number": 6} | changes))  # type: ignore[arg-type]
    assert house.status(base, delta).status is Status.UNKNOWN


def test_delta_alone_is_no_list_but_its_revocations_count(house: House) -> None:
    assert broken(house.status(crl(number=6, base=4))) == {"revocation.delta"}
    found = crl(entry(house.leaf, NOON - HOUR), number=6, base=4)
    assert house.status(found).status is Status.REVOKED


def test_delta_of_another_scope_does_not_fit(house: House) -> None:
    base = crl(number=4, at=NOON - 2 * DAY, until=NOON - DAY, more=[scope(URL)])
    assert house.status(base, crl(number=6, base=4)).status is Status.UNKNOWN
    assert house.status(base, crl(number=6, base=4, more=[scope(URL)])).status is Status.GOOD


def test_list_issued_after_expiry_counts_only_if_it_keeps_the_expired(house: House) -> None:
    expired = certify("Leaf", points=[point(URL)], not_after=NOON - DAY)
    at = NOON - 2 * DAY
    result = house.status(crl(), certificate=expired, at=at)
    assert (result.sub_indication, broken(result)) == (FAILURE, {"revocation.expired"})
    keeps = extension("2.5.29.60", der.generalized_time(NOON - 50 * DAY))
    assert house.status(crl(more=[keeps]), certificate=expired, at=at).status is Status.GOOD
    too_late = extension("2.5.29.60", der.generalized_time(NOON))
    assert house.status(crl(more=[too_late]), certificate=expired, at=at).status is Status.UNKNOWN


def test_malformed_entries_are_found_only_behind_a_good_signature(house: House) -> None:
    ragged = der.sequence(der.integer(7))  # no date
    listed = der.sequence(der.integer(house.leaf.serial_number))
    assert house.status(crl(ragged)).status is Status.GOOD  # not the entry that is asked for
    assert broken(house.status(crl(listed))) == {"revocation.well_formed"}
    assert broken(house.status(crl(listed, signer="thief"))) == {"revocation.signature"}


# --- other signers of lists


OWN = "http://crl.example.kz/own.crl"


def lister(**changes: Any) -> Certificate:
    """Whom the issuer lets keep its list; its own status stands on a list of its own."""
    made: dict[str, Any] = {"points": [point(OWN)], "key_usage": usage("crl_sign")}
    return certify("Lister", **(made | changes))


def own_list(*entries: bytes) -> CertificateList:
    """Of the issuer, about the lister alone."""
    return crl(*entries, number=3, more=[scope(OWN)])


def indirect(*entries: bytes, **changes: Any) -> CertificateList:
    made: dict[str, Any] = {"more": [scope(URL, indirect=True)]}
    return crl(*entries, issuer="Lister", **(made | changes))


@pytest.fixture
def with_lister() -> House:
    house = House(certificates=(lister(),))
    house.leaf = certify("Leaf", points=[point(URL, issuer="Lister")])
    return house


def test_indirect_list_counts_where_the_certificate_names_its_issuer(with_lister: House) -> None:
    house = with_lister
    assert house.status(own_list()).status is Status.UNKNOWN
    assert house.status(indirect(), own_list()).status is Status.GOOD
    listed = entry(house.leaf, NOON - DAY, issuer="CA")
    assert house.status(indirect(listed), own_list()).status is Status.REVOKED


def test_entries_of_an_indirect_list_belong_to_the_issuer_they_name(with_lister: House) -> None:
    house = with_lister
    others = entry(house.leaf, NOON - DAY, issuer="Other")
    following = entry(house.leaf, NOON - DAY)
    assert house.status(indirect(others, following), own_list()).status is Status.GOOD


def test_indirect_list_needs_a_proven_signer_that_is_not_revoked(with_lister: House) -> None:
    house = with_lister
    assert broken(house.status(indirect())) == {"revocation.authority"}  # its own is not known
    listed = own_list(entry(house.certificates[0], NOON - DAY))
    assert "revocation.authority" in broken(house.status(indirect(), listed))
    wrong: list[dict[str, Any]] = [
        {"signer": "thief"},
        {"key_usage": usage("digital_signature")},
        {"not_after": NOON - 2 * HOUR},
    ]
    for changes in wrong:
        house.certificates = (lister(**changes),)
        assert "revocation.authority" in broken(house.status(indirect(), own_list()))


def test_list_of_another_issuer_must_say_that_it_is_indirect(with_lister: House) -> None:
    result = with_lister.status(indirect(more=[scope(URL)]), own_list())
    assert broken(result) == {"revocation.scope"}


def test_separate_key_of_the_issuer_signs_lists_where_its_certificate_is_good() -> None:
    house = House()
    signer = certify("CA", holder="list key", key_usage=usage("crl_sign"), points=[point(OWN)])
    house.certificates = (signer,)
    by_second = crl(signer="list key", more=[scope(URL)])
    assert house.status(by_second, own_list()).status is Status.GOOD
    assert house.status(by_second, own_list(entry(signer, NOON - DAY))).status is Status.UNKNOWN
    # The only list about the second key's certificate is signed with that key.
    assert house.status(crl(signer="list key")).status is Status.UNKNOWN


def test_signer_under_another_anchor_cannot_speak_for_the_issuer() -> None:
    house = House()
    twin = certify("CA", issuer="CA", holder="twin", signer="twin", ca=True)
    house.trust = TrustStore([TrustAnchor(certificate=house.ca), TrustAnchor(certificate=twin)])
    anchor = house.trust.anchors[0]
    found = crl(signer="twin")
    assert house.status(found, anchor=anchor).status is Status.UNKNOWN


def test_namesake_made_by_a_neighbour_cannot_sign_lists() -> None:
    house = House()
    neighbour = certify("Neighbour", ca=True)
    below = certify("Victim", ca=True)
    leaf = certify("Leaf", issuer="Victim")
    namesake = certify("Victim", issuer="Neighbour", holder="namesake", ca=True)
    house.certificates = (neighbour, namesake, below)
    found = [crl(issuer="Victim", signer="namesake"), crl(), crl(issuer="Neighbour")]
    result = house.status(*found, certificate=leaf, issuer=below)
    assert (result.status, broken(result)) == (Status.UNKNOWN, {"revocation.authority"})
    # Nor through a certificate that it makes for itself, under names that fit.
    deeper = certify("Victim", issuer="Victim", signer="namesake", holder="deeper", ca=True)
    house.certificates = (neighbour, namesake, below, deeper)
    found.append(crl(issuer="Victim", signer="deeper"))
    assert house.status(*found, certificate=leaf, issuer=below).status is Status.UNKNOWN


@pytest.mark.parametrize("by", ["the parent", "the issuer itself"])
def test_new_key_of_the_issuer_signs_lists_about_what_the_old_one_issued(by: str) -> None:
    house = House()
    below = certify("Sub", holder="old", ca=True)
    leaf = certify("Leaf", issuer="Sub", signer="old")
    if by == "the parent":
        second = certify("Sub", holder="new", ca=True)
    else:
        points = [point(OWN)]
        second = certify("Sub", issuer="Sub", signer="old", holder="new", ca=True, points=points)
    house.certificates = (second, below)
    own = crl(issuer="Sub", signer="old", number=3, more=[scope(OWN)])
    new = crl(issuer="Sub", signer="new")
    assert house.status(new, own, crl(), certificate=leaf, issuer=below).status is Status.GOOD


# --- OCSP


def test_answer_of_the_issuer_itself_counts(house: House) -> None:
    result = house.status(answer(single(house.id)))
    assert (result.status, result.sub_indication) == (Status.GOOD, None)
    assert result.valid_until == NOON + HOUR


@pytest.mark.parametrize("digest", ["sha1", "sha256"])
def test_delegate_answers_for_the_issuer(house: House, digest: str) -> None:
    identifier = cert_id(house.leaf, house.ca, digest=digest)
    found = answer(single(identifier), by=responder(), signer="Responder")
    assert house.status(found).status is Status.GOOD
    named = answer(single(identifier), by=responder(), signer="Responder", name="Responder")
    assert house.status(named).status is Status.GOOD


@pytest.mark.parametrize(
    ("changes", "sub_indication"),
    [
        ({"purposes": []}, FAILURE),
        ({"purposes": [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]}, FAILURE),
        ({"purposes": [ExtendedKeyUsageOID.CLIENT_AUTH]}, FAILURE),
        ({"issuer": "Other"}, FAILURE),
        ({"issuer": "Other", "signer": "CA"}, FAILURE),
        ({"signer": "thief"}, FAILURE),
        ({"key_usage": usage("key_agreement")}, FAILURE),
        ({"more": [(x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3"), b"\5\0"), True)]},
         FAILURE),
        ({"not_after": NOON - 2 * HOUR}, SubIndication.REVOCATION_OUT_OF_BOUNDS_NO_POE),
        ({"not_after": NOON - timedelta(minutes=1)},
         SubIndication.REVOCATION_OUT_OF_BOUNDS_NO_POE),
        ({"not_before": NOON - timedelta(minutes=1)},
         SubIndication.REVOCATION_OUT_OF_BOUNDS_NO_POE),
        ({"no_check": False, "ocsp_url": "http://ocsp.example.kz/"}, FAILURE),
    ],
)  # fmt: skip
def test_responder_that_was_not_appointed_is_refused(
    house: House, changes: dict[str, object], sub_indication: SubIndication
) -> None:
    made = responder(**changes)  # type: ignore[arg-type]
    result = house.status(answer(single(house.id), by=made, signer="Responder"))
    assert result.status is Status.UNKNOWN
    assert broken(result) <= {"revocation.authority", "revocation.extensions"}
    assert result.sub_indication is sub_indication


def test_responder_without_nocheck_needs_a_status_of_its_own(house: House) -> None:
    made = responder(no_check=False, points=[point(URL)])
    found = answer(single(house.id), by=made, signer="Responder")
    others = [scope(URL, reasons=der.named_bits(frozenset(range(1, 9))))]
    assert house.status(found).status is Status.UNKNOWN
    assert house.status(found, crl(more=others)).status is Status.GOOD
    listed = crl(entry(made, NOON - DAY), until=NOON - HOUR / 2)
    assert house.status(found, listed).status is Status.UNKNOWN


def test_responder_cannot_vouch_for_itself(house: House) -> None:
    made = responder(no_check=False, ocsp_url="http://ocsp.example.kz/")
    own = cert_id(made, house.ca)
    found = answer(single(house.id), single(own), by=made, signer="Responder")
    assert house.status(found).status is Status.UNKNOWN


def test_responder_chosen_by_the_operator_may_answer(house: House) -> None:
    chosen = certify("Chosen", issuer="Elsewhere")
    found = answer(single(house.id), by=chosen, signer="Chosen")
    assert house.status(found).status is Status.UNKNOWN
    anchor = TrustAnchor(certificate=chosen, purposes=frozenset({Purpose.OCSP_SIGNING}))
    house.trust = TrustStore([TrustAnchor(certificate=house.ca), anchor])
    assert house.status(found).status is Status.GOOD
    for other in (replace(anchor, since=NOON + DAY), replace(anchor, until=NOON - DAY)):
        house.trust = TrustStore([TrustAnchor(certificate=house.ca), other])
        assert house.status(found).status is Status.UNKNOWN
    # An anchor for everything is an authority, not somebody's responder.
    house.trust = TrustStore([TrustAnchor(certificate=one) for one in (house.ca, chosen)])
    assert house.status(found).status is Status.UNKNOWN


def test_whole_cert_id_is_compared(house: House) -> None:
    other = certify("Another leaf")
    for identifier in (
        cert_id(house.leaf, house.ca, name=b"another name"),
        cert_id(house.leaf, house.ca, public_key=b"another key"),
        cert_id(other, house.ca),
    ):
        result = house.status(answer(single(identifier)))
        assert broken(result) == {"revocation.available"}


def test_newest_of_several_answers_counts(house: House) -> None:
    old = single(house.id, UNKNOWN, at=NOON - 3 * HOUR)
    new = single(house.id, at=NOON - HOUR)
    assert house.status(answer(old, new)).status is Status.GOOD
    assert house.status(answer(old), answer(new)).status is Status.GOOD
    foreign = single(cert_id(certify("Another"), house.ca))
    assert house.status(answer(foreign, new)).status is Status.GOOD


def test_unknown_is_never_good(house: House) -> None:
    unknown = answer(single(house.id, UNKNOWN))
    result = house.status(unknown)
    assert (result.status, result.sub_indication) == (Status.UNKNOWN, FAILURE)
    assert broken(result) == {"revocation.answer"}
    # A list does not know what was never issued.
    assert house.status(unknown, crl()).status is Status.UNKNOWN


def test_never_issued_is_revoked_for_all_time(house: House) -> None:
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    extended = extension("1.3.6.1.5.5.7.48.1.9", der.null())
    found = answer(single(house.id, revoked(epoch, HOLD)), more=[extended])
    assert house.status(found).status is Status.REVOKED


@pytest.mark.parametrize("status", [1, 2, 3, 5, 6])
def test_response_without_an_answer_is_try_later(house: House, status: int) -> None:
    result = house.status(OcspResponse(der.sequence(der.enumerated(status))))
    assert (result.sub_indication, broken(result)) == (LATER, {"revocation.answer"})


def test_nonce_is_compared_where_one_was_sent(house: House) -> None:
    sent = extension("1.3.6.1.5.5.7.48.1.2", der.octet_string(NONCE))
    found = answer(single(house.id), more=[sent])
    assert house.status(found, nonce=NONCE).status is Status.GOOD
    assert house.status(found).status is Status.GOOD
    for wrong in (found, answer(single(house.id))):
        result = house.status(wrong, nonce=NONCE[::-1])
        assert (result.sub_indication, broken(result)) == (FAILURE, {"revocation.nonce"})


def test_stale_answer_is_try_later(house: House) -> None:
    stale = single(house.id, at=NOON - DAY, until=NOON - HOUR)
    result = house.status(answer(stale, at=NOON - DAY))
    assert (result.sub_indication, broken(result)) == (LATER, {"revocation.freshness"})
    endless = single(house.id, at=NOON - 2 * DAY, until=None)
    assert broken(house.status(answer(endless))) == {"revocation.freshness"}


def test_answer_given_after_the_validation_does_not_count(house: House) -> None:
    for given, told in ((NOON + HOUR, NOON - HOUR), (NOON, NOON + HOUR)):
        later = answer(single(house.id, at=told, until=NOON + DAY), at=given)
        assert house.status(later).status is Status.GOOD
        assert broken(house.status(later, validation_time=NOON)) == {"revocation.issued"}


def test_answer_after_expiry_needs_an_archive_cutoff(house: House) -> None:
    expired = certify("Leaf", not_after=NOON - DAY)
    identifier = cert_id(expired, house.ca)
    at = NOON - 2 * DAY
    assert broken(house.status(answer(single(identifier)), certificate=expired, at=at)) == {
        "revocation.expired"
    }
    cutoff = extension("1.3.6.1.5.5.7.48.1.6", der.generalized_time(NOON - 50 * DAY))
    found = answer(single(identifier, more=[cutoff]))
    assert house.status(found, certificate=expired, at=at).status is Status.GOOD


def test_evidence_of_an_expired_issuer_is_out_of_bounds() -> None:
    below = certify("Sub", ca=True, not_after=NOON - DAY)
    leaf = certify("Leaf", issuer="Sub")
    house = House()
    found = answer(single(cert_id(leaf, below)), signer="Sub")
    at = NOON - 2 * DAY
    for evidence in (found, crl(issuer="Sub")):
        result = house.status(evidence, certificate=leaf, issuer=below, at=at)
        assert result.sub_indication is SubIndication.REVOCATION_OUT_OF_BOUNDS_NO_POE


def test_unknown_critical_extension_of_an_answer_is_refused(house: House) -> None:
    odd = extension("1.2.3.4", der.null(), critical=True)
    for found in (answer(single(house.id, more=[odd])), answer(single(house.id), more=[odd])):
        assert broken(house.status(found)) == {"revocation.extensions"}


# --- holds, and evidence that disagrees


def test_hold_that_goes_on_is_try_later(house: House) -> None:
    result = house.status(crl(entry(house.leaf, NOON - 2 * HOUR, HOLD)))
    assert (result.status, result.sub_indication) == (Status.ON_HOLD, LATER)
    assert (result.revoked_at, result.reason) == (NOON - 2 * HOUR, HOLD)


def test_result_holds_no_longer_than_what_signed_its_evidence(house: House) -> None:
    soon = NOON + timedelta(minutes=20)
    found = answer(single(house.id), by=responder(not_after=soon), signer="Responder")
    assert house.status(found).valid_until == soon
    assert house.status(found, at=soon).status is Status.GOOD
    result = house.status(found, at=soon + timedelta(seconds=1))
    assert result.sub_indication is SubIndication.REVOCATION_OUT_OF_BOUNDS_NO_POE
    rules = AlgorithmRules(until={"ecdsa-p256-sha256": NOON.date()})
    house.policy = replace(BASIC, algorithms=rules)
    assert house.status(crl()).valid_until == NOON.replace(hour=23, minute=59, second=59)


def test_answers_about_others_cost_no_signature_check(house: House) -> None:
    house.policy = replace(BASIC, budget=Budget(signature_checks=1))
    others = [answer(single(cert_id(certify("Another"), house.ca))) for _ in range(3)]
    assert house.status(*others, answer(single(house.id))).status is Status.GOOD


def test_signature_during_a_hold_that_is_over_had_no_valid_certificate(house: House) -> None:
    during = crl(entry(house.leaf, NOON - 2 * HOUR, HOLD), at=NOON - HOUR)
    after = crl(number=2, at=NOON + HOUR)
    result = house.status(during, after, at=NOON - 90 * timedelta(minutes=1))
    assert (result.status, result.sub_indication) == (Status.ON_HOLD, NO_POE)
    assert house.status(during, after, at=NOON + 2 * HOUR).status is Status.GOOD
    assert house.status(during, after, at=NOON - 3 * HOUR).status is Status.GOOD


def test_stale_hold_that_is_over_says_nothing_of_the_time_between(house: House) -> None:
    stale = crl(entry(house.leaf, NOON - 3 * DAY, HOLD), at=NOON - 3 * DAY, until=NOON - 2 * DAY)
    assert house.status(stale).sub_indication is LATER
    after = crl(number=2, at=NOON + HOUR)
    assert house.status(stale, after, at=NOON - DAY).status is Status.GOOD
    assert house.status(stale, after, at=NOON - 2 * DAY).status is Status.ON_HOLD


def test_hold_that_became_a_revocation_is_known_by_older_evidence(house: House) -> None:
    held = answer(single(house.id, revoked(NOON - 2 * HOUR, HOLD)))
    ended = crl(entry(house.leaf, NOON + HOUR, REASON.KEY_COMPROMISE), at=NOON + 2 * HOUR)
    assert house.status(held, ended, at=NOON).sub_indication is NO_POE
    assert house.status(held, ended, at=NOON + HOUR).status is Status.REVOKED
    assert house.status(ended, at=NOON).status is Status.GOOD


def test_revocation_outweighs_any_good_answer(house: House) -> None:
    listed = crl(entry(house.leaf, NOON - DAY), at=NOON - 2 * HOUR)
    good = answer(single(house.id, at=NOON - HOUR))
    assert house.status(good, listed).status is Status.REVOKED


# --- policy, budget, misuse


def test_algorithm_that_is_not_relied_on_has_its_sub_indication(house: House) -> None:
    rules = AlgorithmRules(refused=frozenset({"ecdsa-p256-sha256"}))
    house.policy = replace(BASIC, algorithms=rules)
    for found in (crl(), answer(single(house.id))):
        result = house.status(found)
        assert broken(result) == {"revocation.algorithm"}
        assert result.sub_indication is SubIndication.CRYPTO_CONSTRAINTS_FAILURE_NO_POE


def test_work_is_bounded_however_much_evidence_there_is(house: House) -> None:
    house.policy = replace(BASIC, budget=Budget(signature_checks=5))
    forged = [crl(signer="thief", number=number) for number in range(40)]
    result = house.status(*forged)
    assert "revocation.budget" in broken(result)
    assert len(result.findings) <= 16


def test_time_is_bounded_too(house: House) -> None:
    house.policy = replace(BASIC, budget=Budget(seconds=-1))
    assert broken(house.status(crl())) == {"revocation.budget"}


def test_short_lived_certificate_may_have_no_status(house: House) -> None:
    none = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.56"), der.null())
    short = certify("Leaf", more=[(none, False)], not_before=NOON - DAY, not_after=NOON + DAY)
    result = house.status(certificate=short)
    assert (result.status, noted(result)) == (Status.GOOD, {"revocation.short_term"})
    longer = certify("Leaf", more=[(none, False)])
    assert house.status(certificate=longer).status is Status.UNKNOWN
    house.policy = replace(BASIC, revocation=RevocationRules(short_term=None))
    assert house.status(certificate=short).status is Status.UNKNOWN


def test_large_list_is_verified_once(house: House) -> None:
    found = crl(*(entry(number, NOON - DAY) for number in range(1, 500)))
    house.policy = replace(BASIC, budget=Budget(signature_checks=1))
    assert house.status(found).status is Status.GOOD
    house.policy = replace(BASIC, budget=Budget(signature_checks=0))
    again = CertificateList(found.encoded)
    assert house.status(again).status is Status.GOOD
    assert house.status(crl(number=2)).status is Status.UNKNOWN
    # Another relying party has verified nothing yet.
    house.trust = TrustStore(house.trust.anchors)
    assert house.status(found).status is Status.UNKNOWN


def test_kept_list_does_not_answer_for_one_with_its_signature(house: House) -> None:
    found = crl(entry(house.leaf, NOON - DAY, REASON.KEY_COMPROMISE))
    assert house.status(found).status is Status.REVOKED
    forged = found.encoded.replace(
        der.integer(house.leaf.serial_number), der.integer(house.leaf.serial_number ^ 1)
    )
    result = house.status(CertificateList(forged))
    assert (result.status, broken(result)) == (Status.UNKNOWN, {"revocation.signature"})


def test_naive_instants_are_refused(house: House) -> None:
    with pytest.raises(NaiveDatetime):
        house.status(at=NOON.replace(tzinfo=None))
    with pytest.raises(NaiveDatetime):
        house.status(validation_time=NOON.replace(tzinfo=None))


def test_status_is_no_truth_value(house: House) -> None:
    with pytest.raises(TypeError):
        bool(house.status())


# --- whole paths


def test_every_certificate_of_a_path_needs_a_status() -> None:
    house = House()
    below = certify("Sub", ca=True)
    leaf = certify("Leaf", issuer="Sub")
    path = prove(
        leaf, trust=house.trust, purpose=Purpose.SIGNATURE, at=NOON, policy=BASIC,
        certificates=[below],
    )  # fmt: skip
    assert path.sub_indication is None

    def status(*lists: CertificateList, rules: RevocationRules = BASIC.revocation):  # type: ignore[no-untyped-def]
        return check_path(
            path, evidence=Evidence(lists=lists), trust=house.trust, at=NOON,
            policy=replace(BASIC, revocation=rules),
        )  # fmt: skip

    whole = status(crl(), crl(issuer="Sub"))
    assert (whole.sub_indication, len(whole.results)) == (None, 2)
    assert {finding.outcome for finding in whole.findings} == {Outcome.KEPT}
    assert (whole.valid_from, whole.valid_until) == (NOON - HOUR, NOON + DAY)
    assert status(crl()).sub_indication is LATER
    assert status(crl(issuer="Sub")).sub_indication is LATER
    dead = status(crl(entry(below, NOON - DAY)), crl(issuer="Sub"))
    assert dead.sub_indication is SubIndication.REVOKED_CA_NO_POE
    assert [result.status for result in dead.results] == [Status.GOOD, Status.REVOKED]
    anchors = RevocationRules(anchors_are_checked=True)
    assert len(status(crl(), crl(issuer="Sub"), rules=anchors).results) == 3
    gone = status(crl(entry(house.ca, NOON - DAY)), crl(issuer="Sub"), rules=anchors)
    assert gone.sub_indication is SubIndication.REVOKED_CA_NO_POE


def test_path_that_is_not_proven_has_no_status() -> None:
    house = House()
    stranger = certify("Leaf", signer="thief")
    path = prove(stranger, trust=house.trust, purpose=Purpose.ANY, at=NOON, policy=BASIC)
    with pytest.raises(InvalidArgument):
        check_path(path, evidence=Evidence(), trust=house.trust, at=NOON, policy=BASIC)
