"""The contract of key stores, sentence by sentence, for every kind of store."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from eds import der
from eds.algorithms import (
    ECDSA_P256_SHA256,
    ECDSA_P384_SHA384,
    RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512,
    RSA_PSS_SHA256,
    KeyType,
    SignatureAlgorithm,
)
from eds.errors import (
    AlgorithmKeyMismatch,
    AlgorithmUnavailable,
    CertificateMismatch,
    EdsError,
    InvalidKey,
    KeyAmbiguous,
    KeyExists,
    KeyNotFound,
    KeyPurposeForbidden,
    OperationUnsupported,
    SecretUnavailable,
)
from eds.keys.contract import UNLIMITED, KeyPurpose, KeyRef, KeyStore, PinKind, Signer
from eds.keys.privatekeys import PrivateKey
from tests.keys.certify import certify
from tests.keys.harness import HARNESSES, Harness, Pins

SIGNATURE = KeyPurpose.SIGNATURE
AUTHENTICATION = KeyPurpose.AUTHENTICATION
EVERY_ALGORITHM = [
    pytest.param(name, algorithm, id=f"{name}-{algorithm.name}")
    for name, harness in HARNESSES.items()
    for algorithm in harness.algorithms
]


def make(
    store: KeyStore,
    pin: Pins,
    label: str = "one",
    *,
    algorithm: SignatureAlgorithm = ECDSA_P256_SHA256,
    purpose: KeyPurpose = SIGNATURE,
) -> KeyRef:
    return store.generate(label=label, algorithm=algorithm, purpose=purpose, pin=pin, rsa_bits=2048)


def test_a_store_is_a_key_store(store: KeyStore) -> None:
    assert isinstance(store, KeyStore)


@pytest.mark.parametrize(("name", "algorithm"), EVERY_ALGORITHM)
def test_a_key_that_is_made_signs(name: str, algorithm: SignatureAlgorithm, tmp_path: Path) -> None:
    harness = HARNESSES[name]
    store, pin = harness.make(tmp_path), Pins(current=harness.pin)
    made = make(store, pin, algorithm=algorithm)
    assert made.public_key is not None
    assert made.public_key.key_type is algorithm.key_type
    with store.open(made, purpose=SIGNATURE, pin=pin) as signer:
        assert isinstance(signer, Signer)
        assert signer.algorithm == algorithm
        signature = signer.sign(b"I owe you 10")
    assert made.public_key.verify(signature, b"I owe you 10", algorithm=algorithm)
    assert not made.public_key.verify(signature, b"I owe you 1000", algorithm=algorithm)


def test_the_list_tells_what_generate_told(store: KeyStore, pin: Pins) -> None:
    first, second = make(store, pin, "one"), make(store, pin, "two", purpose=AUTHENTICATION)
    assert set(store.keys()) == {first, second}
    assert first.label == "one"
    assert second.purpose == AUTHENTICATION


def test_listing_asks_for_no_pin(harness: Harness, tmp_path: Path) -> None:
    if not harness.lists_without_pin:
        pytest.skip("this kind of store does not")
    make(harness.make(tmp_path), Pins(current=harness.pin))
    assert len(harness.make(tmp_path).keys()) == 1


def test_the_opened_key_tells_all_that_is_known(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin)
    with store.open(made, purpose=SIGNATURE, pin=pin) as signer:
        assert signer.key == made
        assert signer.public_key == made.public_key


# --- finding -----------------------------------------------------------------------------------


def test_a_key_is_found_by_label_and_by_identifier(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin)
    make(store, pin, "two")
    assert store.find("one") == made
    assert store.find(made.identifier.hex()) == made
    assert store.find(made.identifier.hex().upper()) == made


def test_an_unknown_name_is_not_found(store: KeyStore, pin: Pins) -> None:
    make(store, pin)
    for name in ("two", "00" * 20, "one.", "../one", ""):
        with pytest.raises(KeyNotFound):
            store.find(name)


def test_a_label_that_is_another_keys_identifier_is_ambiguous(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin)
    make(store, pin, made.identifier.hex())
    with pytest.raises(KeyAmbiguous):
        store.find(made.identifier.hex())


@pytest.mark.parametrize("label", ["Әлия Нұрланқызы", "ключ № 1", "a.b", "A/B", "x" * 60])
def test_labels_in_any_script_come_back(store: KeyStore, pin: Pins, label: str) -> None:
    made = make(store, pin, label)
    assert made.label == label
    assert store.find(label) == made
    assert store.keys() == (made,)


# --- purpose -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [SIGNATURE, AUTHENTICATION, KeyPurpose.CERTIFICATION])
@pytest.mark.parametrize("wanted", [SIGNATURE, AUTHENTICATION, KeyPurpose.CERTIFICATION])
def test_a_key_opens_for_its_purpose_alone(
    store: KeyStore, pin: Pins, kept: KeyPurpose, wanted: KeyPurpose
) -> None:
    made = make(store, pin, purpose=kept)
    pin.asked.clear()
    if kept == wanted:
        with store.open(made, purpose=wanted, pin=pin) as signer:
            assert signer.sign(b"x")
        return
    with (
        pytest.raises(KeyPurposeForbidden) as caught,
        store.open(made, purpose=wanted, pin=pin),
    ):
        pytest.fail("opened")
    assert (caught.value.allowed, caught.value.wanted) == (kept.words, wanted.words)
    assert pin.asked == []  # refused before anybody typed


def test_a_key_for_both_opens_for_each_and_for_both(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin, purpose=SIGNATURE | AUTHENTICATION)
    for wanted in (SIGNATURE, AUTHENTICATION, SIGNATURE | AUTHENTICATION):
        with store.open(made, purpose=wanted, pin=pin) as signer:
            assert signer.sign(b"x")
    with pytest.raises(KeyPurposeForbidden), store.open(made, purpose=UNLIMITED, pin=pin):
        pytest.fail("opened")


def test_a_reference_that_claims_another_purpose_opens_nothing(store: KeyStore, pin: Pins) -> None:
    made = replace(make(store, pin, purpose=AUTHENTICATION), purpose=UNLIMITED)
    with pytest.raises(KeyPurposeForbidden), store.open(made, purpose=SIGNATURE, pin=pin):
        pytest.fail("opened")


def test_purpose_outlives_a_new_certificate_and_a_new_pin(
    harness: Harness, store: KeyStore, pin: Pins
) -> None:
    made = make(store, pin, purpose=AUTHENTICATION)
    issuer_key = ec.generate_private_key(ec.SECP256R1())
    assert made.public_key is not None
    own = certify(
        made.public_key.native, issuer_key=issuer_key, usage=frozenset({"content_commitment"})
    )
    made = store.store_certificates(made, [own], pin=pin)
    store.change_pin(made, pin=Pins(current=harness.pin, new=harness.other_pin))
    assert store.find("one").purpose == AUTHENTICATION


# --- algorithms --------------------------------------------------------------------------------


def test_another_algorithm_of_the_key_can_be_asked_for(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin, algorithm=RSA_PKCS1_SHA256)
    for algorithm in (RSA_PSS_SHA256, RSA_PKCS1_SHA512):
        with store.open(made, purpose=SIGNATURE, pin=pin, algorithm=algorithm) as signer:
            assert signer.algorithm == algorithm
            signature = signer.sign(b"x")
        assert signer.public_key.verify(signature, b"x", algorithm=algorithm)


@pytest.mark.parametrize("other", [RSA_PKCS1_SHA256, ECDSA_P384_SHA384])
def test_an_algorithm_of_another_key_is_refused(
    store: KeyStore, pin: Pins, other: SignatureAlgorithm
) -> None:
    made = make(store, pin)
    with (
        pytest.raises(AlgorithmKeyMismatch),
        store.open(made, purpose=SIGNATURE, pin=pin, algorithm=other),
    ):
        pytest.fail("opened")


def test_what_nothing_here_can_make_is_unavailable(
    harness: Harness, store: KeyStore, pin: Pins
) -> None:
    with pytest.raises(AlgorithmUnavailable):
        make(store, pin, algorithm=harness.unavailable)
    assert store.keys() == ()


# --- PINs --------------------------------------------------------------------------------------


def test_the_pin_is_asked_for_once_and_says_what_for(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin)
    pin.asked.clear()
    with store.open(made, purpose=SIGNATURE, pin=pin):
        pass
    assert pin.kinds == [PinKind.CURRENT]
    assert pin.asked[0].target


def test_a_wrong_pin_opens_nothing_and_is_tried_once(
    harness: Harness, store: KeyStore, pin: Pins
) -> None:
    made = make(store, pin)
    wrong = Pins(current=harness.other_pin)
    with (
        pytest.raises(EdsError) as caught,
        store.open(made, purpose=SIGNATURE, pin=wrong),
    ):
        pytest.fail("opened")
    assert caught.value.code == harness.wrong_pin
    assert len(wrong.asked) == 1


def test_nobody_to_ask_is_said(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin)
    with (
        pytest.raises(SecretUnavailable),
        store.open(made, purpose=SIGNATURE, pin=Pins(current=None)),
    ):
        pytest.fail("opened")


def test_after_a_change_only_the_new_pin_opens(
    harness: Harness, store: KeyStore, pin: Pins
) -> None:
    made = make(store, pin)
    changing = Pins(current=harness.pin, new=harness.other_pin)
    store.change_pin(made, pin=changing)
    assert changing.kinds == [PinKind.CURRENT, PinKind.NEW]
    with store.open(made, purpose=SIGNATURE, pin=Pins(current=harness.other_pin)) as signer:
        assert signer.sign(b"x")
    with pytest.raises(EdsError) as caught, store.open(made, purpose=SIGNATURE, pin=pin):
        pytest.fail("opened")
    assert caught.value.code == harness.wrong_pin


def test_a_change_with_a_wrong_pin_changes_nothing(
    harness: Harness, store: KeyStore, pin: Pins
) -> None:
    made = make(store, pin)
    with pytest.raises(EdsError) as caught:
        store.change_pin(made, pin=Pins(current=harness.other_pin, new="third and last"))
    assert caught.value.code == harness.wrong_pin
    with store.open(made, purpose=SIGNATURE, pin=pin) as signer:
        assert signer.sign(b"x")


# --- keeping what was made elsewhere -----------------------------------------------------------


def test_a_key_from_elsewhere_signs(store: KeyStore, pin: Pins) -> None:
    native = ec.generate_private_key(ec.SECP256R1())
    try:
        added = store.add(PrivateKey.of(native), label="added", purpose=SIGNATURE, pin=pin)
    except OperationUnsupported:
        pytest.skip("this kind of store takes none")
    assert added.algorithm == ECDSA_P256_SHA256
    with store.open(added, purpose=SIGNATURE, pin=pin) as signer:
        signature = signer.sign(b"x")
    native.public_key().verify(signature, b"x", ec.ECDSA(hashes.SHA256()))


def test_a_key_whose_numbers_do_not_fit_is_not_kept(store: KeyStore, pin: Pins) -> None:
    numbers = rsa.generate_private_key(65537, 2048).private_numbers()
    other = rsa.generate_private_key(65537, 2048).private_numbers()
    inner = der.sequence(
        der.integer(0),
        der.integer(numbers.public_numbers.n),
        der.integer(65537),
        der.integer(numbers.d),
        der.integer(numbers.p),
        der.integer(other.q),
        der.integer(numbers.dmp1),
        der.integer(numbers.dmq1),
        der.integer(numbers.iqmp),
    )
    algorithm = der.sequence(der.object_identifier("1.2.840.113549.1.1.1"), der.null())
    key = PrivateKey(der.sequence(der.integer(0), algorithm, der.octet_string(inner)))
    with pytest.raises((InvalidKey, OperationUnsupported)):
        store.add(key, label="bad", purpose=SIGNATURE, pin=pin)
    assert store.keys() == ()


def test_nothing_is_overwritten(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin)
    pin.asked.clear()
    with pytest.raises(KeyExists):
        make(store, pin)
    assert store.keys() == (made,)


def test_export_gives_the_key_or_says_that_it_cannot(
    harness: Harness, store: KeyStore, pin: Pins
) -> None:
    made = make(store, pin)
    if not harness.exports:
        with pytest.raises(OperationUnsupported):
            store.export(made, pin=pin)
        return
    exported = store.export(made, pin=pin)
    assert exported.public_key() == made.public_key
    assert exported.key_type is KeyType.EC
    again = store.add(exported, label="again", purpose=SIGNATURE, pin=pin)
    assert again.identifier == made.identifier


# --- certificates ------------------------------------------------------------------------------


def test_certificates_stand_beside_their_key(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin)
    assert made.public_key is not None
    root_key = ec.generate_private_key(ec.SECP256R1())
    root = certify(root_key.public_key(), issuer_key=root_key, subject="Root", issuer="Root")
    own = certify(made.public_key.native, issuer_key=root_key, subject="Own", issuer="Root")
    kept = store.store_certificates(made, [own, root], pin=pin)
    assert kept.certificates == (own, root)
    assert kept.certificate == own
    assert store.find("one") == kept
    newer = certify(made.public_key.native, issuer_key=root_key, subject="Newer", issuer="Root")
    assert store.store_certificates(kept, [newer], pin=pin).certificates == (newer,)
    with store.open(kept, purpose=SIGNATURE, pin=pin) as signer:
        assert signer.key.certificate == newer


def test_a_certificate_for_another_key_is_refused(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin)
    other = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(CertificateMismatch):
        store.store_certificates(made, [certify(other.public_key(), issuer_key=other)], pin=pin)
    assert store.find("one") == made


# --- ending ------------------------------------------------------------------------------------


def test_a_deleted_key_is_gone(store: KeyStore, pin: Pins) -> None:
    made, other = make(store, pin), make(store, pin, "two")
    store.delete(made, pin=pin)
    assert store.keys() == (other,)
    with pytest.raises(KeyNotFound):
        store.find("one")
    with pytest.raises(KeyNotFound), store.open(made, purpose=SIGNATURE, pin=pin):
        pytest.fail("opened")
    with pytest.raises(KeyNotFound):
        store.delete(made, pin=pin)


def test_a_reference_to_a_replaced_key_opens_nothing(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin)
    store.delete(made, pin=pin)
    make(store, pin)
    with pytest.raises(KeyNotFound), store.open(made, purpose=SIGNATURE, pin=pin):
        pytest.fail("opened")


def test_a_signer_ends_with_its_context(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin)
    with store.open(made, purpose=SIGNATURE, pin=pin) as signer:
        signer.sign(b"x")
    with pytest.raises(EdsError):
        signer.sign(b"x")


def test_a_signer_ends_when_its_context_fails(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin)
    kept: list[Signer] = []

    def fail() -> None:
        with store.open(made, purpose=SIGNATURE, pin=pin) as signer:
            kept.append(signer)
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    with pytest.raises(EdsError):
        kept[0].sign(b"x")


def test_threads_share_a_signer(store: KeyStore, pin: Pins) -> None:
    made = make(store, pin)
    assert made.public_key is not None
    signed: list[tuple[bytes, bytes]] = []

    with store.open(made, purpose=SIGNATURE, pin=pin) as signer:

        def work(number: int) -> None:
            for at in range(25):
                message = f"{number} {at}".encode()
                signed.append((message, signer.sign(message)))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(signed) == 200
    for message, signature in signed:
        assert made.public_key.verify(signature, message, algorithm=ECDSA_P256_SHA256)
