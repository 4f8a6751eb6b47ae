"""The folder of key files: its text, its names, its rights, and what openssl makes of it."""

from __future__ import annotations

import hashlib
import os
import re
import threading
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from eds import der, pem
from eds.algorithms import (
    ECDSA_P256_SHA256,
    ED25519,
    GOST_2004,
    GOST_2015_256,
    GOST_2015_512,
    RSA_PKCS1_SHA256,
    SignatureAlgorithm,
)
from eds.errors import (
    CertificateMismatch,
    DamagedKeyFile,
    InvalidArgument,
    KeyExists,
    KeyFileExposed,
    KeyNotFound,
    OperationUnsupported,
    PasswordIncorrect,
    PasswordRefused,
    StoreUnavailable,
    UnsupportedKeyFile,
)
from eds.keys import bundle, pkcs12
from eds.keys.contract import UNLIMITED, KeyPurpose, KeyRef, Secret
from eds.keys.files import FileKeyStore, file_name, label_of
from eds.keys.keyfile import SingleFileKeyStore, file_store
from eds.keys.privatekeys import PrivateKey
from eds.keys.reading import Reading
from tests.keys.certify import certify
from tests.keys.harness import CHEAP, HARNESSES, Pins
from tests.keys.tools import needs_openssl, openssl
from tests.material import DATA, needs_data

SIGNATURE = KeyPurpose.SIGNATURE


@pytest.fixture
def store(tmp_path: Path) -> FileKeyStore:
    return FileKeyStore(tmp_path / "keys", cost=CHEAP)


@pytest.fixture
def pin() -> Pins:
    return Pins(current="pw")


def make(
    store: FileKeyStore,
    pin: Pins,
    label: str = "one",
    algorithm: SignatureAlgorithm = ECDSA_P256_SHA256,
) -> KeyRef:
    return store.generate(
        label=label, algorithm=algorithm, purpose=SIGNATURE, pin=pin, rsa_bits=2048
    )


def path_of(store: FileKeyStore, label: str = "one") -> Path:
    return store.folder / file_name(label)


def rewrite(store: FileKeyStore, old: bytes, new: bytes) -> None:
    """Change a file as somebody would who knows how it is made: with the right digest."""
    path = path_of(store)
    data = path.read_bytes()
    first, _, rest = data.partition(b"\n")
    assert old in rest
    rest = rest.replace(old, new)
    digest = hashlib.sha256(rest).hexdigest().encode()
    path.write_bytes(first[: -len(digest)] + digest + b"\n" + rest)


# --- the text ----------------------------------------------------------------------------------


def test_a_key_file_is_a_text_for_people(store: FileKeyStore, pin: Pins) -> None:
    made = make(store, pin)
    assert made.public_key is not None
    own = certify(made.public_key.native, issuer_key=ec.generate_private_key(ec.SECP256R1()))
    store.store_certificates(made, [own], pin=pin)
    text = path_of(store).read_text("ascii")
    assert re.fullmatch(
        r"eds key file 1, SHA-256 of the rest: [0-9a-f]{64}\n"
        r"Purpose: signature\n"
        r"Algorithm: ecdsa-p256-sha256\n\n"
        r"-----BEGIN ENCRYPTED PRIVATE KEY-----\n[^-]+-----END ENCRYPTED PRIVATE KEY-----\n"
        r"-----BEGIN PUBLIC KEY-----\n[^-]+-----END PUBLIC KEY-----\n"
        r"-----BEGIN CERTIFICATE-----\n[^-]+-----END CERTIFICATE-----\n",
        text,
    )
    assert max(map(len, text.splitlines())) <= 101


@needs_openssl
@pytest.mark.parametrize(
    "algorithm",
    [one for one in HARNESSES["files"].algorithms if not one.name.startswith(("gost-", "ml-"))],
    ids=lambda one: one.name,
)
def test_openssl_loads_a_key_file_and_signs(
    algorithm: SignatureAlgorithm, tmp_path: Path, pin: Pins
) -> None:
    store = FileKeyStore(tmp_path / "keys", cost=CHEAP)
    made = make(store, pin, algorithm=algorithm)
    path = path_of(store)
    shown = openssl("pkey", "-in", path, "-passin", "pass:pw", "-pubout", "-outform", "DER")
    assert made.public_key is not None
    assert shown == made.public_key.encoded


@needs_openssl
def test_openssl_loads_a_key_file_of_full_cost(tmp_path: Path, pin: Pins) -> None:
    store = FileKeyStore(tmp_path / "keys")
    make(store, pin)
    path = path_of(store)
    assert openssl("pkey", "-in", path, "-passin", "pass:pw", "-noout") == b""
    assert openssl("pkey", "-in", path, "-passin", "pass:no", "-noout", check=False) == b""


# --- four errors -------------------------------------------------------------------------------


def test_any_change_is_damage_before_the_password_is_tried(store: FileKeyStore, pin: Pins) -> None:
    made = make(store, pin)
    path = path_of(store)
    whole = path.read_bytes()
    pin.asked.clear()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with (
            pytest.raises((DamagedKeyFile, UnsupportedKeyFile)),
            store.open(made, purpose=SIGNATURE, pin=pin),
        ):
            pytest.fail("opened")
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(DamagedKeyFile):
            store.find("one")
    assert pin.asked == []


def test_a_file_of_a_later_version_is_unsupported(store: FileKeyStore, pin: Pins) -> None:
    make(store, pin)
    path = path_of(store)
    path.write_bytes(path.read_bytes().replace(b"eds key file 1", b"eds key file 2"))
    with pytest.raises(UnsupportedKeyFile):
        store.find("one")


def test_one_damaged_file_hides_no_other(store: FileKeyStore, pin: Pins) -> None:
    whole = make(store, pin, "whole")
    make(store, pin)
    path_of(store).write_bytes(b"noise")
    with pytest.raises(DamagedKeyFile):
        store.keys()
    found, errors = store.survey()
    assert found == (whole,)
    assert [type(error) for error in errors] == [DamagedKeyFile]
    assert store.find("whole") == whole
    assert store.find(whole.identifier.hex()) == whole


# --- against who can write the file ------------------------------------------------------------


def test_a_purpose_written_over_is_found_out(store: FileKeyStore, pin: Pins) -> None:
    made = make(store, pin)
    rewrite(store, b"Purpose: signature", b"Purpose: signature, certification")
    with (
        pytest.raises(DamagedKeyFile),
        store.open(made, purpose=KeyPurpose.CERTIFICATION, pin=pin),
    ):
        pytest.fail("opened")
    with pytest.raises(DamagedKeyFile):
        store.export(made, pin=pin)


def test_a_public_key_written_over_is_found_out(store: FileKeyStore, pin: Pins) -> None:
    make(store, pin)
    other = make(store, pin, "two")

    def armoured(label: str) -> bytes:
        public = store.find(label).public_key
        assert public is not None
        return pem.write("PUBLIC KEY", public.encoded)

    rewrite(store, armoured("one"), armoured("two"))
    forged = store.find("one")
    assert forged.public_key == other.public_key
    with pytest.raises(DamagedKeyFile), store.open(forged, purpose=SIGNATURE, pin=pin):
        pytest.fail("opened")


@pytest.mark.parametrize("algorithm", [RSA_PKCS1_SHA256, ECDSA_P256_SHA256, ED25519])
def test_a_ciphertext_written_over_signs_nothing(
    algorithm: SignatureAlgorithm, store: FileKeyStore, pin: Pins
) -> None:
    # CBC lets its writer flip chosen bits and spoil one block; the digest is made anew.
    made = make(store, pin, algorithm=algorithm)
    kept = bundle.read(path_of(store).read_bytes(), Reading(file="x"))
    size = len(kept.encrypted)
    step = 1 if size < 400 else 37
    for at in range(size - len(der.decode(kept.encrypted).children()[1].octets), size - 1, step):
        changed = bytearray(kept.encrypted)
        changed[at] ^= 1
        data = bundle.write(
            bundle.Bundle(
                purpose=kept.purpose,
                algorithm=kept.algorithm,
                encrypted=bytes(changed),
                public_key=kept.public_key,
            )
        )
        path_of(store).write_bytes(data)
        with (
            pytest.raises((DamagedKeyFile, PasswordIncorrect)),
            store.open(made, purpose=SIGNATURE, pin=pin),
        ):
            pytest.fail("opened")


# --- names -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("director", "director.pem"),
        ("Әлия Нұрланқызы", "Әлия Нұрланқызы.pem"),
        ("../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd.pem"),
        ("..", "%2E..pem"),
        (".", "%2E.pem"),
        (".hidden", "%2Ehidden.pem"),
        ("a/b\\c", "a%2Fb%5Cc.pem"),
        ("100%", "100%25.pem"),
        ("%2E", "%252E.pem"),
        ("key.pem", "key.pem.pem"),
        ("🔑", "%F0%9F%94%91.pem"),
    ],
)
def test_labels_become_file_names_and_come_back(label: str, name: str) -> None:
    assert file_name(label) == name
    assert label_of(name) == label


@pytest.mark.parametrize(
    "label", ["", " ", "a ", " a", "a\0b", "a\nb", "\u202egpj", "\ud800", "x" * 201, "ә" * 101]
)
def test_labels_that_cannot_be_names_are_refused(
    label: str, store: FileKeyStore, pin: Pins
) -> None:
    with pytest.raises(InvalidArgument):
        make(store, pin, label)
    with pytest.raises(KeyNotFound):
        store.find(label)


def test_two_ways_to_write_a_letter_are_one_label(store: FileKeyStore, pin: Pins) -> None:
    composed, decomposed = "Й", "И\u0306"
    made = make(store, pin, decomposed)
    assert made.label == composed
    with pytest.raises(KeyExists):
        make(store, pin, composed)
    assert store.find(decomposed) == made
    with store.open(made, purpose=SIGNATURE, pin=pin):
        pass


def test_files_that_are_no_keys_are_left_alone(store: FileKeyStore, pin: Pins) -> None:
    made = make(store, pin)
    for name in ("README", "old.pem.bak", ".hidden.pem", "%zz.pem", "a%41.pem"):
        (store.folder / name).write_text("x")
    assert store.keys() == (made,)


# --- rights ------------------------------------------------------------------------------------


def test_folder_and_files_are_for_their_owner_alone(store: FileKeyStore, pin: Pins) -> None:
    before = os.umask(0)
    try:
        make(store, pin)
    finally:
        os.umask(before)
    assert store.folder.stat().st_mode & 0o777 == 0o700
    assert path_of(store).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_file_open_to_others_is_refused(mode: int, store: FileKeyStore, pin: Pins) -> None:
    made = make(store, pin)
    path_of(store).chmod(mode)
    with pytest.raises(KeyFileExposed), store.open(made, purpose=SIGNATURE, pin=pin):
        pytest.fail("opened")


def test_a_folder_that_others_may_change_is_refused(store: FileKeyStore, pin: Pins) -> None:
    make(store, pin)
    store.folder.chmod(0o770)
    with pytest.raises(KeyFileExposed):
        store.keys()
    with pytest.raises(KeyFileExposed):
        make(store, pin, "two")


def test_a_symbolic_link_is_refused(store: FileKeyStore, pin: Pins, tmp_path: Path) -> None:
    made = make(store, pin)
    path_of(store).rename(tmp_path / "elsewhere.pem")
    path_of(store).symlink_to(tmp_path / "elsewhere.pem")
    with pytest.raises(KeyFileExposed), store.open(made, purpose=SIGNATURE, pin=pin):
        pytest.fail("opened")
    (store.folder / "two.pem").symlink_to(tmp_path / "nowhere")
    with pytest.raises(KeyExists):
        make(store, pin, "two")
    assert not (tmp_path / "nowhere").exists()


def test_a_pipe_is_not_waited_for(store: FileKeyStore, pin: Pins) -> None:
    make(store, pin)
    path_of(store).unlink()
    os.mkfifo(path_of(store), 0o600)
    with pytest.raises(UnsupportedKeyFile):
        store.find("one")


def test_a_large_file_is_not_read(store: FileKeyStore, pin: Pins) -> None:
    make(store, pin)
    with path_of(store).open("ab") as file:
        file.truncate(2**31)
    with pytest.raises(UnsupportedKeyFile):
        store.find("one")


def test_a_store_without_its_folder_is_unavailable(store: FileKeyStore) -> None:
    with pytest.raises(StoreUnavailable):
        store.keys()


def test_a_foreign_file_open_to_others_is_read_and_told(tmp_path: Path, pin: Pins) -> None:
    native = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "x.pem"
    path.write_bytes(
        native.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    path.chmod(0o755)  # as a USB stick shows it
    store = SingleFileKeyStore(path)
    assert store.exposure == "can be read or changed by others (mode 0755)"
    assert len(store.keys()) == 1
    (tmp_path / "link.pem").symlink_to(path)
    linked = SingleFileKeyStore(tmp_path / "link.pem")
    (ref,) = linked.keys()
    with pytest.raises(KeyFileExposed):
        linked.change_pin(ref, pin=Pins(new="new"))
    store.change_pin(store.keys()[0], pin=Pins(new="new"))
    assert store.exposure is None


# --- what is made and kept ---------------------------------------------------------------------


@pytest.mark.parametrize("bits", [512, 1024, 2047, 4097, 16384])
def test_new_rsa_keys_are_neither_weak_nor_slow(bits: int, store: FileKeyStore, pin: Pins) -> None:
    with pytest.raises(InvalidArgument):
        store.generate(
            label="x", algorithm=RSA_PKCS1_SHA256, purpose=SIGNATURE, pin=pin, rsa_bits=bits
        )


def test_an_empty_password_makes_no_key(store: FileKeyStore) -> None:
    with pytest.raises(PasswordRefused):
        make(store, Pins(current=""))
    assert store.keys() == ()


def test_a_key_for_nothing_is_refused(store: FileKeyStore, pin: Pins) -> None:
    with pytest.raises(InvalidArgument):
        store.generate(label="x", algorithm=ED25519, purpose=KeyPurpose(0), pin=pin)
    made = make(store, pin)
    with (
        pytest.raises(InvalidArgument),
        store.open(made, purpose=KeyPurpose(0), pin=pin),
    ):
        pytest.fail("opened")


def test_an_rsa_key_beyond_the_limit_is_not_kept(store: FileKeyStore, pin: Pins) -> None:
    inner = der.sequence(
        der.integer(0), der.integer(1 << 16383), *(der.integer(3) for _ in range(7))
    )
    algorithm = der.sequence(der.object_identifier("1.2.840.113549.1.1.1"), der.null())
    key = PrivateKey(der.sequence(der.integer(0), algorithm, der.octet_string(inner)))
    with pytest.raises(OperationUnsupported):
        store.add(key, label="x", purpose=SIGNATURE, pin=pin)


def test_a_kept_key_comes_with_its_certificates(store: FileKeyStore, pin: Pins) -> None:
    native = rsa.generate_private_key(65537, 2048)
    own = certify(native.public_key(), issuer_key=native)
    other = certify(ec.generate_private_key(ec.SECP256R1()).public_key(), issuer_key=native)
    key = PrivateKey.of(native)
    with pytest.raises(CertificateMismatch):
        store.add(key, label="x", purpose=SIGNATURE, pin=pin, certificates=[other])
    added = store.add(key, label="x", purpose=SIGNATURE, pin=pin, certificates=[own, other])
    assert added.certificates == (own, other)
    assert store.find("x") == added


@needs_data
def test_a_gost_key_of_the_nca_is_kept_exported_and_signs(store: FileKeyStore, pin: Pins) -> None:
    path = next((DATA / "kz" / "p12").rglob("GOST512_*.p12"))
    contents = pkcs12.read(path.read_bytes(), Secret("Qwerty12"), Reading(file="x"))
    key, certificate = contents.keys[0].private_key, contents.certificates[0].certificate
    bare = store.add(key, label="bare", purpose=SIGNATURE, pin=pin)
    full = store.add(key, label="full", purpose=UNLIMITED, pin=pin, certificates=[certificate])
    assert bare.algorithm == full.algorithm == GOST_2015_512
    assert bare.public_key == full.public_key == certificate.public_key
    assert full.certificate == certificate
    for ref in (bare, full):
        exported = store.export(ref, pin=pin)
        assert exported.key_octets == key.key_octets
        assert exported.algorithm_parameters == key.algorithm_parameters
        with store.open(ref, purpose=SIGNATURE, pin=pin) as signer:
            signature = signer.sign(b"owed: 10")
        assert certificate.public_key.verify(signature, b"owed: 10", algorithm=GOST_2015_512)
    completed = store.store_certificates(bare, [certificate], pin=pin)
    assert completed.certificate == certificate


@pytest.mark.parametrize("algorithm", [GOST_2015_512, GOST_2015_256, GOST_2004])
def test_gost_keys_are_made_and_sign(
    store: FileKeyStore, pin: Pins, algorithm: SignatureAlgorithm
) -> None:
    made = store.generate(label="new", algorithm=algorithm, purpose=SIGNATURE, pin=pin)
    assert made.public_key is not None
    with store.open(store.find("new"), purpose=SIGNATURE, pin=pin) as signer:
        signatures = {signer.sign(b"owed: 10") for _ in range(3)}
    assert len(signatures) == 3  # randomness is added
    for signature in signatures:
        assert made.public_key.verify(signature, b"owed: 10", algorithm=algorithm)
        assert not made.public_key.verify(signature, b"owed: 1000", algorithm=algorithm)
    again = store.add(
        store.export(made, pin=pin), label="again", purpose=SIGNATURE, pin=pin, algorithm=algorithm
    )
    assert again.public_key == made.public_key


# --- two at once -------------------------------------------------------------------------------


def test_only_one_of_many_makes_a_label(store: FileKeyStore, pin: Pins) -> None:
    results: list[str] = []

    def work() -> None:
        try:
            make(store, Pins(current="pw"))
            results.append("made")
        except KeyExists:
            results.append("exists")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["exists"] * 7 + ["made"]
    with store.open(store.find("one"), purpose=SIGNATURE, pin=pin) as signer:
        assert signer.sign(b"x")


def test_a_certificate_stored_while_a_password_is_typed_stays(
    store: FileKeyStore, pin: Pins
) -> None:
    made = make(store, pin)
    assert made.public_key is not None
    own = certify(made.public_key.native, issuer_key=ec.generate_private_key(ec.SECP256R1()))

    def typing(request: object) -> Secret:
        store.store_certificates(made, [own], pin=pin)
        return pin(request)  # type: ignore[arg-type]

    store.change_pin(made, pin=typing)
    assert store.find("one").certificates == (own,)


def test_a_password_changed_while_another_is_typed_is_not_lost(
    store: FileKeyStore, pin: Pins
) -> None:
    made = make(store, pin)
    typed: list[Secret] = []

    def typing(request: object) -> Secret:
        if typed:  # at the second question somebody else is faster
            store.change_pin(made, pin=Pins(current="pw", new="theirs"))
        typed.append(Secret("pw"))
        return typed[-1]

    with pytest.raises(StoreUnavailable):
        store.change_pin(made, pin=typing)
    with store.open(made, purpose=SIGNATURE, pin=Pins(current="theirs")) as signer:
        assert signer.sign(b"x")


# --- one of our files, by itself ---------------------------------------------------------------


def test_a_path_means_a_folder_or_a_file(store: FileKeyStore, pin: Pins) -> None:
    made = make(store, pin)
    assert isinstance(file_store(store.folder), FileKeyStore)
    assert isinstance(file_store(store.folder / "new"), FileKeyStore)
    assert isinstance(file_store(store.folder / "new.p12"), SingleFileKeyStore)
    single = file_store(path_of(store))
    assert isinstance(single, SingleFileKeyStore)
    assert single.keys() == (made,)
    assert single.find("one") == made
    with single.open(made, purpose=SIGNATURE, pin=pin) as signer:
        assert signer.key == made
    single.change_pin(made, pin=Pins(current="pw", new="new"))
    assert single.export(made, pin=Pins(current="new")).public_key() == made.public_key
    path_of(store).chmod(0o644)
    with pytest.raises(KeyFileExposed):
        single.keys()


def test_a_single_file_takes_no_further_keys(store: FileKeyStore, pin: Pins) -> None:
    make(store, pin)
    single = SingleFileKeyStore(path_of(store))
    with pytest.raises(OperationUnsupported):
        single.generate(label="x", algorithm=ED25519, purpose=SIGNATURE, pin=pin)
    with pytest.raises(OperationUnsupported):
        single.add(
            PrivateKey.of(ec.generate_private_key(ec.SECP256R1())),
            label="x",
            purpose=SIGNATURE,
            pin=pin,
        )
    with pytest.raises(KeyNotFound):
        SingleFileKeyStore(store.folder / "none.p12").keys()


def test_a_single_file_is_deleted_with_its_key(store: FileKeyStore, pin: Pins) -> None:
    made = make(store, pin)
    SingleFileKeyStore(path_of(store)).delete(made, pin=pin)
    assert store.keys() == ()


def test_a_folder_on_a_disk_that_is_not_there_is_not_made_elsewhere(tmp_path: Path) -> None:
    store = FileKeyStore(tmp_path / "stick" / "keys", cost=CHEAP)
    with pytest.raises(StoreUnavailable) as refused:
        store.generate(
            label="a",
            algorithm=ECDSA_P256_SHA256,
            purpose=KeyPurpose.SIGNATURE,
            pin=Pins(),
        )
    assert str(tmp_path / "stick") in refused.value.reason
    assert not (tmp_path / "stick").exists()
