"""PKCS#8, traditional keys and RC2, judged by openssl, RFC 2268 and RFC 9500."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, mldsa, rsa, x25519

from eds import der
from eds.algorithms import RSA_PKCS1_SHA256
from eds.errors import (
    DamagedKeyFile,
    EdsError,
    InvalidArgument,
    InvalidKey,
    KeyNotFound,
    OperationUnsupported,
    PasswordIncorrect,
    PasswordRefused,
    UnsupportedKeyFile,
    WorkFactorExceeded,
)
from eds.keys import pkcs8, rc2
from eds.keys.contract import KeyPurpose, KeyRef, Secret
from eds.keys.keyfile import SingleFileKeyStore, write_pkcs8
from eds.keys.pbe import Scrypt
from eds.keys.privatekeys import PrivateKey, default_algorithm
from eds.keys.reading import KeyFileLimits, Reading
from tests.keys.certify import certify
from tests.keys.harness import CHEAP, Pins
from tests.keys.tools import needs_openssl, openssl
from tests.material import DATA, needs_data

KEYS: dict[str, Any] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "p256": ec.generate_private_key(ec.SECP256R1()),
    "p384": ec.generate_private_key(ec.SECP384R1()),
    "p521": ec.generate_private_key(ec.SECP521R1()),
    "brainpool256": ec.generate_private_key(ec.BrainpoolP256R1()),
    "brainpool384": ec.generate_private_key(ec.BrainpoolP384R1()),
    "brainpool512": ec.generate_private_key(ec.BrainpoolP512R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}
ML_DSA = {
    "ml-dsa-44": mldsa.MLDSA44PrivateKey.generate(),
    "ml-dsa-65": mldsa.MLDSA65PrivateKey.generate(),
    "ml-dsa-87": mldsa.MLDSA87PrivateKey.generate(),
}
SIGNATURE = KeyPurpose.SIGNATURE


def reading(**limits: int) -> Reading:
    return Reading(file="x.pem", limits=KeyFileLimits(**limits))


def pem(native: Any) -> bytes:
    encoded: bytes = native.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return encoded


def file(folder: Path, data: bytes, name: str = "x.pem") -> SingleFileKeyStore:
    (folder / name).write_bytes(data)
    return SingleFileKeyStore(folder / name)


def signs(store: SingleFileKeyStore, native: Any, password: str | None = None) -> None:
    (ref,) = store.keys()
    pin = Pins(current=password)
    with store.open(ref, purpose=SIGNATURE, pin=pin) as signer:
        signature = signer.sign(b"m")
    assert signer.public_key == PrivateKey.of(native).public_key()
    assert signer.public_key.verify(signature, b"m", algorithm=signer.algorithm)
    assert len(pin.asked) == (password is not None)


# --- RFC 2268 ----------------------------------------------------------------------------------

# §5: key, effective bits, plaintext, ciphertext
RC2_VECTORS = [
    ("0000000000000000", 63, "0000000000000000", "ebb773f993278eff"),
    ("ffffffffffffffff", 64, "ffffffffffffffff", "278b27e42e2f0d49"),
    ("3000000000000000", 64, "1000000000000001", "30649edf9be7d2c2"),
    ("88", 64, "0000000000000000", "61a8a244adacccf0"),
    ("88bca90e90875a", 64, "0000000000000000", "6ccf4308974c267f"),
    ("88bca90e90875a7f0f79c384627bafb2", 64, "0000000000000000", "1a807d272bbe5db1"),
    ("88bca90e90875a7f0f79c384627bafb2", 128, "0000000000000000", "2269552ab0f85ca6"),
    (
        "88bca90e90875a7f0f79c384627bafb216f80a6f85920584c42fceb0be255daf1e",
        129,
        "0000000000000000",
        "5b78d3a43dfff1f1",
    ),
]


@pytest.mark.parametrize(("key", "bits", "plain", "cipher"), RC2_VECTORS)
def test_rc2_is_that_of_rfc_2268(key: str, bits: int, plain: str, cipher: str) -> None:
    words = rc2.expand_key(bytes.fromhex(key), bits)
    assert rc2.decrypt_block(words, bytes.fromhex(cipher)).hex() == plain
    assert rc2.encrypt_block(words, bytes.fromhex(plain)).hex() == cipher


def test_rc2_chains_blocks() -> None:
    # The vector of pyca/cryptography, which openssl and Go confirm.
    plain = b"the quick brown fox jumped over the lazy dog!!!!"
    cipher = bytes.fromhex(
        "5b886175cdbb0161badf64936b8ee4cb8f4b75fc28833f61668bb2bea88cfd32"
        "c410ac7ec016c5028f75078a88968887"
    )
    assert rc2.decrypt_cbc(b"0" * 16, 128, b"0" * 8, cipher) == plain
    assert rc2.encrypt_cbc(b"0" * 16, 128, b"0" * 8, plain) == cipher
    for crypt in (rc2.encrypt_cbc, rc2.decrypt_cbc):
        with pytest.raises(InvalidArgument):
            crypt(b"0" * 16, 128, b"0" * 8, b"nine nine")


@pytest.mark.parametrize("key", [b"", bytes(129)])
def test_rc2_refuses_impossible_keys(key: bytes) -> None:
    with pytest.raises(InvalidArgument):
        rc2.expand_key(key, 40)


# --- encrypted here, read there, and back ------------------------------------------------------


@pytest.mark.parametrize("kind", [*KEYS, *ML_DSA])
def test_what_is_encrypted_here_decrypts_here_and_in_cryptography(kind: str) -> None:
    native = (KEYS | ML_DSA)[kind]
    key = PrivateKey.of(native)
    encrypted = pkcs8.encrypt(key, Secret("пароль"), cost=CHEAP)
    assert pkcs8.decrypt(encrypted, Secret("пароль"), reading()) == key
    loaded = serialization.load_der_private_key(encrypted, "пароль".encode())
    assert PrivateKey.of(loaded) == key
    with pytest.raises(PasswordIncorrect):
        pkcs8.decrypt(encrypted, Secret("other"), reading())


@needs_openssl
@pytest.mark.parametrize("kind", KEYS)
def test_openssl_reads_what_is_written_here(kind: str, tmp_path: Path) -> None:
    key = PrivateKey.of(KEYS[kind])
    path = tmp_path / "x.pem"
    # The cost of every new file: openssl has a limit of its own on memory.
    cost = None if kind == "p256" else CHEAP
    write_pkcs8(path, key, pin=Pins(new="pw"), cost=cost)
    shown = openssl("pkey", "-in", path, "-passin", "pass:pw", "-outform", "DER")
    assert PrivateKey.of(serialization.load_der_private_key(shown, None)) == key
    signs(SingleFileKeyStore(path), KEYS[kind], "pw")


SCHEMES = [
    *(("-v2", cipher) for cipher in ("aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des3")),
    *(("-v2", "aes-256-cbc", "-v2prf", f"hmacWithSHA{size}") for size in (1, 224, 256, 384, 512)),
    ("-scrypt",),
    ("-scrypt", "-scrypt_N", "1024", "-scrypt_r", "4", "-scrypt_p", "2"),
    *(("-v1", f"PBE-SHA1-{name}") for name in ("3DES", "2DES", "RC2-128", "RC2-40")),
]


@needs_openssl
@pytest.mark.parametrize("scheme", SCHEMES, ids=" ".join)
def test_every_scheme_of_openssl_reads(scheme: tuple[str, ...], tmp_path: Path) -> None:
    native = KEYS["p256"]
    plain = tmp_path / "plain.pem"
    plain.write_bytes(pem(native))
    legacy = ("-provider", "legacy", "-provider", "default") if scheme[0] == "-v1" else ()
    data = openssl(*("pkcs8", "-topk8", "-in", plain, "-passout", "pass:pw", *scheme, *legacy))
    signs(file(tmp_path, data), native, "pw")
    der_data = openssl(
        *("pkcs8", "-topk8", "-in", plain, "-passout", "pass:pw", *scheme, *legacy),
        *("-outform", "DER"),
    )
    assert pkcs8.decrypt(der_data, Secret("pw"), reading()) == PrivateKey.of(native)
    with pytest.raises(PasswordIncorrect):
        pkcs8.decrypt(der_data, Secret("other"), reading())


@needs_openssl
@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_every_kind_of_key_of_openssl_reads(kind: str, form: str, tmp_path: Path) -> None:
    plain = tmp_path / "plain.pem"
    plain.write_bytes(pem(KEYS[kind]))
    signs(file(tmp_path, openssl("pkey", "-in", plain, "-outform", form)), KEYS[kind])
    if kind != "ed25519":  # never had another form
        traditional = openssl("pkey", "-in", plain, "-outform", form, "-traditional")
        signs(file(tmp_path, traditional), KEYS[kind])


@pytest.mark.parametrize(("version", "bits", "size"), [(58, 128, 16), (160, 40, 5), (256, 256, 32)])
def test_pbes2_with_rc2_reads(version: int, bits: int, size: int) -> None:
    key = PrivateKey.of(KEYS["p256"])
    salt, iv = b"saltsalt", b"iv of 8!"
    derived = hashlib.pbkdf2_hmac("sha1", b"pw", salt, 1, size)
    kdf = der.sequence(
        der.object_identifier("1.2.840.113549.1.5.12"),
        der.sequence(der.octet_string(salt), der.integer(1), der.integer(size)),
    )
    cipher = der.sequence(
        der.object_identifier("1.2.840.113549.3.2"),
        der.sequence(der.integer(version), der.octet_string(iv)),
    )
    scheme = der.sequence(der.object_identifier("1.2.840.113549.1.5.13"), der.sequence(kdf, cipher))
    data = der.sequence(scheme, der.octet_string(rc2_encrypted(key.encoded, derived, bits, iv)))
    assert pkcs8.decrypt(data, Secret("pw"), reading()) == key


def rc2_encrypted(plain: bytes, key: bytes, bits: int, iv: bytes) -> bytes:
    """RC2-CBC the other way round (RFC 2268 §3), which nothing but this test needs."""
    words = rc2.expand_key(key, bits)
    count = 8 - len(plain) % 8
    plain += bytes((count,)) * count
    out = b""
    for start in range(0, len(plain), 8):
        block = bytes(a ^ b for a, b in zip(plain[start : start + 8], iv, strict=True))
        r, j = list(struct.unpack("<4H", block)), 0
        for number in range(16):
            for i, turn in enumerate((1, 2, 3, 5)):
                mixed = words[j] + (r[i - 1] & r[i - 2]) + (~r[i - 1] & r[i - 3])
                value = (r[i] + mixed) & 0xFFFF
                r[i] = (value << turn | value >> (16 - turn)) & 0xFFFF
                j += 1
            if number in (4, 10):
                for i in range(4):
                    r[i] = (r[i] + words[r[i - 1] & 63]) & 0xFFFF
        iv = struct.pack("<4H", *r)
        out += iv
    return out


@needs_openssl
def test_a_curve_without_a_name_is_unsupported(tmp_path: Path) -> None:
    data = openssl(
        *("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-224"),
        *("-pkeyopt", "ec_param_enc:named_curve"),
    )
    with pytest.raises(UnsupportedKeyFile):
        file(tmp_path, data).keys()


def test_a_single_key_is_found_by_its_names_and_its_identifier(tmp_path: Path) -> None:
    store = file(tmp_path, pem(KEYS["p256"]), "director.pem")
    (ref,) = store.keys()
    assert SingleFileKeyStore(store.path).exposure
    for name in ("director", "director.pem", ref.identifier.hex(), ref.identifier.hex(":")):
        assert store.find(name) == ref
    for name in ("other", "00" * 20):
        with pytest.raises(KeyNotFound):
            store.find(name)
    store.path.chmod(0o600)
    assert store.exposure is None
    with pytest.raises(KeyNotFound):
        store.export(KeyRef(uri="file:///elsewhere.pem", label="director"), pin=Pins())
    with pytest.raises(OperationUnsupported):
        store.store_certificates(ref, [], pin=Pins())


@needs_openssl
def test_old_pem_encryption_is_named_and_not_read(tmp_path: Path) -> None:
    plain = tmp_path / "plain.pem"
    plain.write_bytes(pem(KEYS["p256"]))
    data = openssl("ec", "-in", plain, "-aes256", "-passout", "pass:pw")
    with pytest.raises(UnsupportedKeyFile) as caught:
        file(tmp_path, data).keys()
    assert "RFC 1421" in caught.value.algorithm


@needs_openssl
def test_an_encryption_of_the_nineties_is_named(tmp_path: Path) -> None:
    encrypted = pkcs8.encrypt(PrivateKey.of(KEYS["p256"]), Secret("pw"), cost=CHEAP)
    parts = [child.encoded for child in der.decode(encrypted).children()]
    scheme = der.sequence(
        der.object_identifier("1.2.840.113549.1.5.3"),
        der.sequence(der.octet_string(b"8 octets"), der.integer(1)),
    )
    with pytest.raises(UnsupportedKeyFile) as caught:
        pkcs8.decrypt(der.sequence(scheme, parts[1]), Secret("pw"), reading())
    assert caught.value.algorithm == "encryption pbeWithMD5AndDES-CBC"


# --- RFC 9500 ----------------------------------------------------------------------------------


@needs_data
@pytest.mark.parametrize("path", sorted((DATA / "rfc9500").glob("test[RE]*[0-9].pem")), ids=str)
def test_the_keys_of_rfc_9500_read_and_sign(path: Path) -> None:
    signs(SingleFileKeyStore(path), serialization.load_pem_private_key(path.read_bytes(), None))


@needs_data
@pytest.mark.parametrize("path", sorted((DATA / "rfc9500").glob("testD*[0-9].pem")), ids=str)
def test_a_dsa_key_is_unsupported(path: Path) -> None:
    with pytest.raises(UnsupportedKeyFile):
        SingleFileKeyStore(path).keys()


@pytest.mark.parametrize(
    "make",
    [
        ed448.Ed448PrivateKey.generate,
        x25519.X25519PrivateKey.generate,
        lambda: ec.generate_private_key(ec.SECP256K1()),
        lambda: dsa.generate_private_key(1024),  # which are verified with, and nothing else
    ],
)
def test_kinds_without_a_row_are_unsupported(make: Any, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedKeyFile):
        file(tmp_path, pem(make())).keys()


# --- work and damage ---------------------------------------------------------------------------


def scrypt_file(n: int, r: int, p: int, *, salt: bytes = b"salt", iv: int = 16) -> bytes:
    kdf = der.sequence(
        der.object_identifier("1.3.6.1.4.1.11591.4.11"),
        der.sequence(der.octet_string(salt), der.integer(n), der.integer(r), der.integer(p)),
    )
    cipher = der.sequence(
        der.object_identifier("2.16.840.1.101.3.4.1.42"), der.octet_string(bytes(iv))
    )
    scheme = der.sequence(der.object_identifier("1.2.840.113549.1.5.13"), der.sequence(kdf, cipher))
    return der.sequence(scheme, der.octet_string(bytes(32)))


@pytest.mark.parametrize(
    ("data", "parameter"),
    [
        (scrypt_file(2**17, 8, 1), "octets of memory for scrypt"),
        (scrypt_file(2, 2**30, 1), "scrypt N·r·p"),
        (scrypt_file(2, 1, 2**30), "scrypt N·r·p"),
        (scrypt_file(2**14, 8, 100), "scrypt N·r·p"),
        (scrypt_file(1 << 16000, 8, 1), "scrypt N·r·p"),
        (scrypt_file(2, 1, 1, salt=bytes(5000)), "octets of salt"),
    ],
)
def test_absurd_work_is_refused_before_any_of_it(data: bytes, parameter: str) -> None:
    here = reading()
    with pytest.raises(WorkFactorExceeded) as caught:
        pkcs8.decrypt(data, Secret("pw"), here)
    assert caught.value.parameter == parameter
    assert here.spent == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"0",
        b"0\0",
        scrypt_file(3, 1, 1),
        scrypt_file(0, 1, 1),
        scrypt_file(2, 0, 1),
        scrypt_file(2, 1, 1, iv=15),
        scrypt_file(2, 1, 1)[:-1],
        scrypt_file(2, 1, 1)[:-34] + der.octet_string(bytes(31)),
    ],
)
def test_what_cannot_be_is_damaged(data: bytes) -> None:
    with pytest.raises(DamagedKeyFile):
        pkcs8.decrypt(data, Secret("pw"), reading())


def test_the_strongest_cost_within_the_limits_is_done() -> None:
    key = PrivateKey.of(KEYS["p256"])
    encrypted = pkcs8.encrypt(key, Secret("pw"), cost=Scrypt(cost=2**15, parallel=3))
    assert pkcs8.decrypt(encrypted, Secret("pw"), reading()) == key


def test_a_large_rsa_key_is_not_checked_for_seconds(tmp_path: Path) -> None:
    store = file(tmp_path, pem(KEYS["rsa"]))
    (ref,) = store.keys()
    small = SingleFileKeyStore(store.path, limits=KeyFileLimits(rsa_bits=2047))
    with (
        pytest.raises(UnsupportedKeyFile),
        small.open(ref, purpose=SIGNATURE, pin=Pins()),
    ):
        pytest.fail("opened")


@pytest.mark.parametrize("text", [b"", b"hello", b"\xff\xfe", b"-----BEGIN X", "ключ".encode()])
def test_no_key_file_at_all_is_damaged(text: bytes, tmp_path: Path) -> None:
    with pytest.raises(DamagedKeyFile):
        file(tmp_path, text).keys()


def test_a_certificate_alone_is_no_key(tmp_path: Path) -> None:
    native = KEYS["p256"]
    certificate = certify(native.public_key(), issuer_key=native)
    data = certificate.native.public_bytes(serialization.Encoding.PEM)
    with pytest.raises(UnsupportedKeyFile):
        file(tmp_path, data).keys()


def test_pem_with_text_and_certificates_reads(tmp_path: Path) -> None:
    native = KEYS["p256"]
    own = certify(native.public_key(), issuer_key=native, usage=frozenset({"digital_signature"}))
    certificate = own.native.public_bytes(serialization.Encoding.PEM)
    data = b"Bag Attributes\r\n" + certificate + b"\n" + pem(native).replace(b"\n", b"\r\n")
    (ref,) = file(tmp_path, data).keys()
    assert ref.certificates == (own,)
    assert ref.purpose == KeyPurpose.AUTHENTICATION


# --- a new password ----------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["PEM", "DER", "plain", "traditional"])
def test_a_new_password_keeps_the_format(form: str, tmp_path: Path) -> None:
    native = KEYS["p256"]
    key = PrivateKey.of(native)
    old = "old"
    if form == "DER":
        store = file(tmp_path, pkcs8.encrypt(key, Secret(old), cost=CHEAP), "x.p8")
    elif form == "PEM":
        write_pkcs8(tmp_path / "x.pem", key, pin=Pins(new=old), cost=CHEAP)
        store = SingleFileKeyStore(tmp_path / "x.pem")
    else:
        store = file(tmp_path, pem(native))
    (ref,) = store.keys()
    store.change_pin(ref, pin=Pins(current=old, new="new"))
    assert (store.path.read_bytes()[:1] == b"0") == (form == "DER")
    (locked,) = store.keys()
    assert store.export(locked, pin=Pins(current="new")) == key
    with pytest.raises(PasswordIncorrect):
        store.export(locked, pin=Pins(current=old))


def test_an_empty_new_password_is_refused(tmp_path: Path) -> None:
    store = file(tmp_path, pem(KEYS["p256"]))
    before = store.path.read_bytes()
    with pytest.raises(PasswordRefused):
        store.change_pin(store.keys()[0], pin=Pins(current=None, new=""))
    assert store.path.read_bytes() == before


# --- what a key says of itself -----------------------------------------------------------------


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize(
    "purpose", [SIGNATURE, KeyPurpose.AUTHENTICATION, SIGNATURE | KeyPurpose.CERTIFICATION]
)
def test_a_purpose_goes_with_the_key(kind: str, purpose: KeyPurpose) -> None:
    key = PrivateKey.of(KEYS[kind])
    assert pkcs8.purpose_of(key) is None
    marked = pkcs8.with_purpose(key, purpose)
    assert pkcs8.purpose_of(marked) == purpose
    assert marked.public_key() == key.public_key()
    again = pkcs8.with_purpose(marked, KeyPurpose.CERTIFICATION)
    assert pkcs8.purpose_of(again) == KeyPurpose.CERTIFICATION


def test_other_attributes_stay() -> None:
    key = PrivateKey.of(KEYS["p256"])
    name = der.sequence(
        der.object_identifier("1.2.840.113549.1.9.20"),
        der.value(der.SET, der.value(der.BMP_STRING, "x".encode("utf-16-be"))),
    )
    named = pkcs8._with_attributes(key, (name,))
    marked = pkcs8.with_purpose(named, SIGNATURE)
    assert name in marked.attributes
    assert pkcs8.purpose_of(marked) == SIGNATURE


def test_an_rsa_key_with_one_changed_number_does_not_load_even_unchecked() -> None:
    key = PrivateKey.of(KEYS["rsa"])
    inner = der.decode(key.key_octets).children()
    for changed in range(1, 9):
        numbers = [child.integer() for child in inner]
        numbers[changed] ^= 4
        octets = der.sequence(*map(der.integer, numbers))
        algorithm = der.sequence(der.object_identifier(key.algorithm_oid), der.null())
        bad = PrivateKey(der.sequence(der.integer(0), algorithm, der.octet_string(octets)))
        with pytest.raises(InvalidKey):
            bad.native_unchecked()
        with pytest.raises(InvalidKey):
            bad.native()


def test_every_kind_has_a_default_algorithm() -> None:
    assert {
        kind: default_algorithm(PrivateKey.of(native).public_key()).name
        for kind, native in (KEYS | ML_DSA).items()
    } == {
        "rsa": "rsa-pkcs1-sha256",
        "p256": "ecdsa-p256-sha256",
        "p384": "ecdsa-p384-sha384",
        "p521": "ecdsa-p521-sha512",
        "brainpool256": "ecdsa-brainpoolp256r1-sha256",
        "brainpool384": "ecdsa-brainpoolp384r1-sha384",
        "brainpool512": "ecdsa-brainpoolp512r1-sha512",
        "ed25519": "ed25519",
        "ml-dsa-44": "ml-dsa-44",
        "ml-dsa-65": "ml-dsa-65",
        "ml-dsa-87": "ml-dsa-87",
    }


@needs_openssl
def test_a_key_for_pss_alone_signs_with_pss_alone(tmp_path: Path) -> None:
    data = openssl("genpkey", "-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048")
    store = file(tmp_path, data)
    (ref,) = store.keys()
    public = openssl("pkey", "-in", store.path, "-pubout", "-outform", "DER")
    assert ref.public_key is not None
    assert ref.public_key.encoded == public
    with store.open(ref, purpose=SIGNATURE, pin=Pins()) as signer:
        assert signer.algorithm.name == "rsa-pss-sha256"
        assert signer.public_key.verify(signer.sign(b"x"), b"x", algorithm=signer.algorithm)
    with (
        pytest.raises(EdsError),
        store.open(ref, purpose=SIGNATURE, pin=Pins(), algorithm=RSA_PKCS1_SHA256),
    ):
        pytest.fail("opened")
