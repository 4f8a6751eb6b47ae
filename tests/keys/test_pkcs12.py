"""PKCS#12, judged by openssl, cryptography, Java, RFC 9579 and the files of the NCA RK."""

from __future__ import annotations

import hashlib
import hmac
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs12 as native_pkcs12

from eds import der
from eds.algorithms import KeyType
from eds.ber import to_der
from eds.errors import (
    CertificateMismatch,
    DamagedKeyFile,
    KeyAmbiguous,
    KeyNotFound,
    KeyPurposeForbidden,
    PasswordIncorrect,
    PasswordRefused,
    UnsupportedKeyFile,
    WorkFactorExceeded,
)
from eds.keys import pbe, pkcs8, pkcs12
from eds.keys.contract import KeyPurpose, KeyRef, PinKind, Secret
from eds.keys.keyfile import SingleFileKeyStore, write_nca_pkcs12, write_pkcs12
from eds.keys.mac import mac_data
from eds.keys.privatekeys import PrivateKey
from eds.keys.reading import LIMITS, KeyFileLimits, Password, Reading
from tests.keys.certify import certify
from tests.keys.harness import CHEAP_PKCS12, Pins
from tests.keys.tools import needs_keytool, needs_openssl, openssl
from tests.material import DATA, needs_data

NCA = sorted((DATA / "kz" / "p12").rglob("*.p12"))
SIGNATURE = KeyPurpose.SIGNATURE


def read(data: bytes, password: str = "pw", **limits: int) -> pkcs12.Contents:
    reading = Reading(file="x.p12", limits=KeyFileLimits(**limits))
    return pkcs12.read(data, Secret(password), reading)


def nca_password(path: Path) -> str:
    name = path.name.upper()
    old = "2022" not in str(path) or "2004" in name
    return "Qwerty12" if old else "Aa123456"


# --- the files of the NCA RK -------------------------------------------------------------------


@needs_data
@pytest.mark.parametrize("path", NCA, ids=[path.name[:40] for path in NCA])
def test_every_file_of_the_nca_reads(path: Path) -> None:
    contents = read(path.read_bytes(), nca_password(path))
    (key,) = contents.keys
    (certificate,) = contents.certificates
    assert key.local_key_id == certificate.local_key_id
    assert key.friendly_name == key.local_key_id.hex()
    kind = key.private_key.key_type
    assert kind in (KeyType.RSA, KeyType.GOST_2004, KeyType.GOST_2015_512)
    assert certificate.certificate.public_key.key_type is kind
    store = SingleFileKeyStore(path)
    pin = Pins(current=nca_password(path))
    (ref,) = store.unlocked(pin=pin)
    assert ref.certificate == certificate.certificate
    (locked,) = store.keys()
    assert store.export(locked, pin=pin) == key.private_key
    with store.open(locked, purpose=ref.purpose, pin=pin) as signer:
        signature = signer.sign(b"x")
    assert signer.public_key == certificate.certificate.public_key
    assert signer.public_key.verify(signature, b"x", algorithm=signer.algorithm)
    assert not signer.public_key.verify(signature, b"y", algorithm=signer.algorithm)


@needs_data
def test_a_gost_key_of_the_nca_gets_a_new_password(tmp_path: Path) -> None:
    source = next(path for path in NCA if path.name.startswith("GOST512"))
    path = tmp_path / "mine.p12"
    path.write_bytes(source.read_bytes())
    store = SingleFileKeyStore(path)
    (locked,) = store.keys()
    before = store.unlocked(pin=Pins(current="Qwerty12"))
    key = store.export(locked, pin=Pins(current="Qwerty12"))
    store.change_pin(locked, pin=Pins(current="Qwerty12", new="mine"))
    assert store.export(locked, pin=Pins(current="mine")) == key
    assert store.unlocked(pin=Pins(current="mine")) == before
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(PasswordIncorrect):
        store.export(locked, pin=Pins(current="Qwerty12"))
    assert b"\x2a\x86\x48\x86\xf7\x0d\x01\x0c\x01\x06" not in path.read_bytes()  # RC2-40


@needs_data
def test_an_authentication_key_of_the_nca_signs_no_documents() -> None:
    source = next(path for path in NCA if path.name.startswith("AUTH_RSA"))
    store = SingleFileKeyStore(source)
    (locked,) = store.keys()
    pin = Pins(current="Qwerty12")
    with pytest.raises(KeyPurposeForbidden), store.open(locked, purpose=SIGNATURE, pin=pin):
        pytest.fail("opened")
    with store.open(locked, purpose=KeyPurpose.AUTHENTICATION, pin=pin) as signer:
        assert signer.sign(b"x")


# --- what openssl writes -----------------------------------------------------------------------

KEYS: dict[str, Any] = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "p521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "brainpool": lambda: ec.generate_private_key(ec.BrainpoolP384R1()),
    "ed25519": ed25519.Ed25519PrivateKey.generate,
}
MODERN = ["aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des-ede3-cbc"]
LEGACY = ["PBE-SHA1-3DES", "PBE-SHA1-2DES", "PBE-SHA1-RC2-128", "PBE-SHA1-RC2-40"]
MACS = ["sha1", "sha256", "sha384", "sha512"]


def pem_files(folder: Path, native: Any) -> tuple[Path, Path]:
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    key.write_bytes(
        native.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    made = certify(native.public_key(), issuer_key=native)
    certificate.write_bytes(made.native.public_bytes(serialization.Encoding.PEM))
    return key, certificate


def by_openssl(folder: Path, native: Any, *options: str, password: str = "pw") -> bytes:
    key, certificate = pem_files(folder, native)
    return openssl(
        *("pkcs12", "-export", "-inkey", key, "-in", certificate, "-name", "Ключ"),
        *("-passout", f"pass:{password}", *options),
    )


@needs_openssl
@pytest.mark.parametrize("mac", MACS)
@pytest.mark.parametrize("scheme", [*MODERN, *LEGACY])
def test_what_openssl_writes_reads(scheme: str, mac: str, tmp_path: Path) -> None:
    native = KEYS["p256"]()
    legacy = ("-legacy",) if scheme in LEGACY else ()
    data = by_openssl(
        tmp_path, native, "-keypbe", scheme, "-certpbe", scheme, "-macalg", mac, *legacy
    )
    contents = read(data)
    assert contents.keys[0].private_key == PrivateKey.of(native)
    assert contents.keys[0].friendly_name == "Ключ"
    assert contents.certificates[0].certificate.public_key == PrivateKey.of(native).public_key()
    with pytest.raises(PasswordIncorrect):
        read(data, "other")


@needs_openssl
@pytest.mark.parametrize("kind", KEYS)
def test_every_kind_of_key_from_openssl_signs(kind: str, tmp_path: Path) -> None:
    native = KEYS[kind]()
    path = tmp_path / "x.p12"
    path.write_bytes(by_openssl(tmp_path, native))
    store, pin = SingleFileKeyStore(path), Pins(current="pw")
    with store.open(store.find("x"), purpose=SIGNATURE, pin=pin) as signer:
        signature = signer.sign(b"m")
    assert signer.public_key == PrivateKey.of(native).public_key()
    assert signer.public_key.verify(signature, b"m", algorithm=signer.algorithm)
    assert signer.key.label == "Ключ"


@needs_openssl
@pytest.mark.parametrize(
    "options", [("-nomac",), ("-keypbe", "NONE", "-certpbe", "NONE"), ("-noiter",)]
)
def test_unusual_shapes_from_openssl_read(options: tuple[str, ...], tmp_path: Path) -> None:
    native = KEYS["p256"]()
    contents = read(by_openssl(tmp_path, native, *options))
    assert contents.keys[0].private_key == PrivateKey.of(native)


@needs_openssl
@pytest.mark.parametrize("password", ["", "пароль", "pässwörd", "ключ🔑", "x" * 300])
@pytest.mark.parametrize("scheme", ["aes-256-cbc", "PBE-SHA1-3DES"])
def test_every_password_is_written_as_openssl_writes_it(
    password: str, scheme: str, tmp_path: Path
) -> None:
    native = KEYS["p256"]()
    data = by_openssl(tmp_path, native, "-keypbe", scheme, "-certpbe", scheme, password=password)
    assert read(data, password).keys[0].private_key == PrivateKey.of(native)


def test_no_password_may_be_two_zero_octets_or_none(tmp_path: Path) -> None:
    native = KEYS["p256"]()
    key = pkcs12.KeyEntry(private_key=PrivateKey.of(native))
    for bmp in (b"", b"\0\0"):
        password = Password(text=b"", bmp=bmp)
        content = der.sequence(
            pkcs12._wrapped(
                pkcs12._DATA,
                der.octet_string(
                    der.sequence(pkcs12._bag(pkcs12._KEY_BAG, key.private_key.encoded, key))
                ),
            )
        )
        data = der.sequence(
            der.integer(3),
            pkcs12._wrapped(pkcs12._DATA, der.octet_string(content)),
            mac_data(password, content, iterations=1),
        )
        assert read(data, "").keys[0].private_key == key.private_key
        with pytest.raises(PasswordIncorrect):
            read(data, "x")


@pytest.mark.parametrize("iterations", [1, 2048])
def test_what_cryptography_writes_reads(iterations: int) -> None:
    native, issuer = KEYS["rsa"](), KEYS["p256"]()
    own = certify(native.public_key(), issuer_key=issuer, issuer="Root")
    root = certify(issuer.public_key(), issuer_key=issuer, subject="Root", issuer="Root")
    algorithms = (
        serialization.PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(iterations)
        .key_cert_algorithm(native_pkcs12.PBES.PBESv2SHA256AndAES256CBC)
        .build(b"pw")
    )
    data = native_pkcs12.serialize_key_and_certificates(
        b"name", native, own.native, [root.native], algorithms
    )
    contents = read(data)
    assert contents.keys[0].private_key == PrivateKey.of(native)
    assert {entry.certificate for entry in contents.certificates} == {own, root}


# --- four errors -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ours() -> bytes:
    native = KEYS["p256"]()
    own = certify(native.public_key(), issuer_key=native)
    contents = pkcs12.Contents(
        keys=(pkcs12.KeyEntry(private_key=PrivateKey.of(native), local_key_id=b"1"),),
        certificates=(pkcs12.CertificateEntry(certificate=own, local_key_id=b"1"),),
    )
    return pkcs12.write(contents, Secret("pw"), cost=CHEAP_PKCS12)


def test_a_wrong_password_is_a_wrong_password(ours: bytes) -> None:
    with pytest.raises(PasswordIncorrect):
        read(ours, "pw ")


def test_a_changed_certificate_is_damage_and_not_a_wrong_password(ours: bytes) -> None:
    changed = bytearray(ours)
    changed[200] ^= 1  # within the encrypted certificates
    with pytest.raises(DamagedKeyFile):
        read(bytes(changed))
    with pytest.raises(PasswordIncorrect):
        read(bytes(changed), "other")


@pytest.mark.parametrize("size", [0, 1, 20, 100, -1])
def test_a_cut_file_is_damaged(ours: bytes, size: int) -> None:
    with pytest.raises(DamagedKeyFile):
        read(ours[:size])


def test_an_unknown_encryption_is_unsupported(ours: bytes) -> None:
    aes, gcm = (der.object_identifier(f"2.16.840.1.101.3.4.1.{arc}") for arc in (42, 46))
    with pytest.raises(UnsupportedKeyFile) as caught:
        read(ours.replace(aes, gcm))
    assert "AES-256-GCM" in caught.value.algorithm


def with_mac_iterations(data: bytes, iterations: int) -> bytes:
    parts = [child.encoded for child in der.decode(data).children()]
    mac = [child.encoded for child in der.decode(parts[2]).children()]
    parts[2] = der.sequence(mac[0], mac[1], der.integer(iterations))
    return der.sequence(*parts)


@pytest.mark.parametrize(
    "iterations",
    [2**31 - 1, 2**64, 1 << 15000, 5_000_000],
    ids=lambda count: f"{count.bit_length()} bits",
)
def test_absurd_work_is_refused_before_any_of_it(ours: bytes, iterations: int) -> None:
    reading = Reading(file="x.p12")
    with pytest.raises(WorkFactorExceeded) as caught:
        pkcs12.read(with_mac_iterations(ours, iterations), Secret("pw"), reading)
    assert reading.spent == 0
    assert caught.value.found > caught.value.allowed == LIMITS.work


def test_many_modest_costs_are_refused_together(ours: bytes) -> None:
    native = PrivateKey.of(KEYS["p256"]())
    encryptions = [
        pbe.Encryption(Password.of(Secret("pw")), pbe.Pbkdf2(iterations=1000)) for _ in range(20)
    ]
    entry = pkcs12.KeyEntry(private_key=native)
    bags = b"".join(pkcs12._key_bag(entry, one) for one in encryptions)
    content = der.sequence(pkcs12._wrapped(pkcs12._DATA, der.octet_string(der.sequence(bags))))
    data = der.sequence(
        der.integer(3),
        pkcs12._wrapped(pkcs12._DATA, der.octet_string(content)),
        mac_data(Password.of(Secret("pw")), content, iterations=1),
    )
    assert len(read(data, work=30_000).keys) == 20
    reading = Reading(file="x.p12", limits=KeyFileLimits(work=19_000))
    with pytest.raises(WorkFactorExceeded):
        pkcs12.read(data, Secret("pw"), reading)
    assert reading.spent == 0


def test_too_many_objects_are_unsupported(ours: bytes) -> None:
    with pytest.raises(UnsupportedKeyFile):
        read(ours, objects=3)


def nested(depth: int) -> bytes:
    inner = der.sequence()
    for _ in range(depth):
        inner = der.sequence(
            der.sequence(der.object_identifier(pkcs12._SAFE_CONTENTS_BAG), der.explicit(0, inner))
        )
    content = der.sequence(pkcs12._wrapped(pkcs12._DATA, der.octet_string(inner)))
    return der.sequence(der.integer(3), pkcs12._wrapped(pkcs12._DATA, der.octet_string(content)))


def test_nested_contents_are_read_and_bounded() -> None:
    assert read(nested(3)) == pkcs12.Contents()
    for depth in (6, 2000):
        with pytest.raises((UnsupportedKeyFile, DamagedKeyFile)):
            read(nested(depth))


# --- RFC 9579 ----------------------------------------------------------------------------------


def pbmac1(content: bytes, *, size: int | None, prf: str, mac: str, password: str = "pw") -> bytes:
    """MacData of RFC 9579 made here by another road: hashlib and hmac alone."""
    oids = {"sha256": "1.2.840.113549.2.9", "sha512": "1.2.840.113549.2.11"}
    salt = os.urandom(8)
    key = hashlib.pbkdf2_hmac(prf, password.encode(), salt, 2048, min(size or 32, 64))
    kdf = der.sequence(
        der.object_identifier("1.2.840.113549.1.5.12"),
        der.sequence(
            der.octet_string(salt),
            der.integer(2048),
            der.integer(size) if size else b"",
            der.sequence(der.object_identifier(oids[prf]), der.null()),
        ),
    )
    scheme = der.sequence(der.object_identifier(oids[mac]), der.null())
    algorithm = der.sequence(
        der.object_identifier("1.2.840.113549.1.5.14"), der.sequence(kdf, scheme)
    )
    value = der.octet_string(hmac.digest(key, content, mac))
    return der.sequence(
        der.sequence(algorithm, value), der.octet_string(b"NOT USED"), der.integer(1)
    )


def with_pbmac1(data: bytes, **options: Any) -> bytes:
    fields = [child.encoded for child in der.decode(data).children()]
    content = der.decode(fields[1]).children()[1].only_child().octets
    return der.sequence(fields[0], fields[1], pbmac1(content, **options))


@pytest.mark.parametrize(
    ("size", "prf", "mac"),
    [(32, "sha256", "sha256"), (32, "sha512", "sha256"), (64, "sha512", "sha512")],
)
def test_pbmac1_is_checked(ours: bytes, size: int, prf: str, mac: str) -> None:
    data = with_pbmac1(ours, size=size, prf=prf, mac=mac)
    assert read(data) == read(ours)
    with pytest.raises(PasswordIncorrect):
        read(data, "other")


@pytest.mark.parametrize("size", [None, 19, 65, 2**31 - 1])
def test_pbmac1_with_a_key_of_no_or_odd_length_is_damaged(ours: bytes, size: int | None) -> None:
    # OpenSSL CVE-2025-11187 was such a length, taken from the file and believed.
    data = with_pbmac1(ours, size=size, prf="sha256", mac="sha256")
    with pytest.raises(DamagedKeyFile):
        read(data)


# --- what is written here ----------------------------------------------------------------------


@needs_openssl
@pytest.mark.parametrize("kind", KEYS)
def test_openssl_and_cryptography_read_what_is_written_here(kind: str, tmp_path: Path) -> None:
    native = KEYS[kind]()
    key = PrivateKey.of(native)
    issuer = KEYS["p256"]()
    own = certify(native.public_key(), issuer_key=issuer, subject="Own", issuer="Root")
    root = certify(issuer.public_key(), issuer_key=issuer, subject="Root", issuer="Root")
    path = tmp_path / "x.p12"
    pin = Pins(current=None, new="пароль")
    write_pkcs12(path, key, label="Әлия", certificates=[own, root], pin=pin, cost=CHEAP_PKCS12)
    assert pin.kinds == [PinKind.NEW]
    assert path.stat().st_mode & 0o777 == 0o600
    shown = openssl("pkcs12", "-in", path, "-passin", "pass:пароль", "-noenc")
    assert shown.count(b"BEGIN CERTIFICATE") == 2
    found = serialization.load_pem_private_key(shown[shown.index(b"-----BEGIN PRIVATE") :], None)
    assert PrivateKey.of(found) == key
    loaded = native_pkcs12.load_pkcs12(path.read_bytes(), "пароль".encode())
    assert PrivateKey.of(loaded.key) == key  # type: ignore[arg-type]
    assert loaded.cert is not None
    assert loaded.cert.certificate == own.native
    assert loaded.cert.friendly_name == "Әлия".encode()
    assert [entry.certificate for entry in loaded.additional_certs] == [root.native]
    store = SingleFileKeyStore(path)
    (ref,) = store.unlocked(pin=Pins(current="пароль"))
    assert ref.certificates == (own, root)


@needs_keytool
def test_java_reads_what_is_written_here(tmp_path: Path) -> None:
    native = KEYS["rsa"]()
    own = certify(native.public_key(), issuer_key=native)
    path = tmp_path / "x.p12"
    key = PrivateKey.of(native)
    # The cost of every new file, not a cheap one: Java has limits of its own.
    write_pkcs12(path, key, label="alias", certificates=[own], pin=Pins(new="password"))
    shown = subprocess.run(
        ["keytool", "-list", "-v", "-keystore", path, "-storetype", "PKCS12"],
        input=b"password\n",
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert shown.returncode == 0, shown.stdout
    assert b"PrivateKeyEntry" in shown.stdout
    assert b"alias" in shown.stdout


def test_neither_part_is_cheaper_to_guess_than_the_other() -> None:
    cost = pbe.Pbkdf2()
    # One iteration of PBKDF2-HMAC-SHA-256 is two SHA-256, one of the MAC's derivation one.
    assert cost.mac_iterations == 2 * cost.iterations
    assert cost.mac_iterations <= 300_000  # .NET: Pkcs12LoaderLimits.MacIterationLimit
    assert cost.mac_iterations + 2 * cost.iterations <= 1_000_000  # … TotalKdfIterationLimit


def test_a_new_file_is_opened_within_the_limits() -> None:
    native = PrivateKey.of(KEYS["p256"]())
    data = pkcs12.write(pkcs12.Contents(keys=(pkcs12.KeyEntry(private_key=native),)), Secret("pw"))
    assert read(data).keys[0].private_key == native


def test_an_empty_password_protects_nothing_new(tmp_path: Path) -> None:
    native = PrivateKey.of(KEYS["p256"]())
    with pytest.raises(PasswordRefused):
        write_pkcs12(tmp_path / "x.p12", native, label="x", pin=Pins(new=""))
    assert list(tmp_path.iterdir()) == []


# --- several keys in one file ------------------------------------------------------------------


@pytest.fixture
def several(tmp_path: Path) -> SingleFileKeyStore:
    entries = []
    certificates = []
    for name in ("first", "second"):
        native = KEYS["p256"]()
        own = certify(native.public_key(), issuer_key=native, subject=name, issuer=name)
        entries.append(pkcs12.KeyEntry(private_key=PrivateKey.of(native), friendly_name=name))
        certificates.append(pkcs12.CertificateEntry(certificate=own))
    contents = pkcs12.Contents(keys=tuple(entries), certificates=tuple(certificates))
    path = tmp_path / "x.p12"
    path.write_bytes(pkcs12.write(contents, Secret("pw"), cost=CHEAP_PKCS12))
    return SingleFileKeyStore(path)


def test_one_of_several_keys_is_chosen_by_name_or_identifier(several: SingleFileKeyStore) -> None:
    pin = Pins(current="pw")
    first, second = several.unlocked(pin=pin)
    assert (first.label, second.label) == ("first", "second")
    for ref in (first, second, KeyRef(uri=several.uri, label="second")):
        with several.open(ref, purpose=SIGNATURE, pin=pin) as signer:
            assert signer.key.label == ref.label
            assert signer.key.certificate is not None
    (locked,) = several.keys()
    with pytest.raises(KeyAmbiguous), several.open(locked, purpose=SIGNATURE, pin=pin):
        pytest.fail("opened")
    stranger = KeyRef(uri=several.uri, label="third")
    with pytest.raises(KeyNotFound), several.open(stranger, purpose=SIGNATURE, pin=pin):
        pytest.fail("opened")


def test_a_new_password_keeps_all_keys_and_certificates(several: SingleFileKeyStore) -> None:
    before = several.unlocked(pin=Pins(current="pw"))
    several.change_pin(before[0], pin=Pins(current="pw", new="other"))
    assert several.unlocked(pin=Pins(current="other")) == before


def test_new_certificates_stand_beside_one_key(several: SingleFileKeyStore) -> None:
    pin = Pins(current="pw")
    first, second = several.unlocked(pin=pin)
    assert first.public_key is not None
    issuer = KEYS["p256"]()
    own = certify(first.public_key.native, issuer_key=issuer, subject="first", issuer="Root")
    several.store_certificates(first, [own], pin=pin)
    now, same = several.unlocked(pin=pin)
    assert now.certificates == (own,)
    assert same == second


# --- the layout of the NCA RK, written -----------------------------------------------------------


def skeleton(encoded: bytes) -> list[object]:
    """Tags, identifiers, counts and lengths; salts and ciphertexts may differ."""
    found: list[object] = []
    for one in der.decode(to_der(encoded).encoded).iterate():
        if one.tag == der.OBJECT_IDENTIFIER:
            found.append(one.object_identifier())
        elif one.tag == der.INTEGER:
            found.append(one.integer())
        elif one.tag == der.OCTET_STRING and one.octets[:2] in (b"\x30\x80", b"\x30\x82"):
            found.append(skeleton(one.octets))
        elif one.tag == 0x80:  # [0] IMPLICIT, for which BER has pieces
            found.append((0xA0, [(der.OCTET_STRING, len(one.octets))]))
        elif one.tag & 0x20:
            found.append((one.tag, skeleton(one.encoded)))
        else:
            found.append((one.tag, len(one.octets)))
    return found


@needs_data
@pytest.mark.parametrize("kind", [KeyType.GOST_2015_512, KeyType.GOST_2004, KeyType.RSA])
def test_the_layout_of_the_nca_is_written_as_it_was_read(kind: KeyType, tmp_path: Path) -> None:
    for source in NCA:
        before = read(source.read_bytes(), nca_password(source))
        if before.keys[0].private_key.key_type is kind:
            break
    else:
        pytest.fail("no such file")
    key, certificate = before.keys[0].private_key, before.certificates[0].certificate
    path = tmp_path / "new.p12"
    pin = Pins(current=nca_password(source))
    # What a store writes beside the key must not go along.
    kept = pkcs8.with_purpose(key, KeyPurpose.SIGNATURE)
    write_nca_pkcs12(path, kept, certificate=certificate, pin=pin)
    written = path.read_bytes()
    after = read(written, nca_password(source))
    assert after.keys[0].private_key == key
    assert after.certificates[0].certificate == certificate
    expected = certificate.subject_key_identifier or certificate.public_key.key_identifier
    assert after.keys[0].local_key_id == after.certificates[0].local_key_id == expected
    assert after.keys[0].friendly_name == expected.hex()
    assert skeleton(written) == skeleton(source.read_bytes())
    with pytest.raises(PasswordIncorrect):
        read(written, "other")
    other = next(one for one in NCA if one != source)
    stranger = read(other.read_bytes(), nca_password(other)).certificates[0].certificate
    with pytest.raises(CertificateMismatch):
        write_nca_pkcs12(tmp_path / "x.p12", key, certificate=stranger, pin=pin)


@needs_openssl
@pytest.mark.parametrize("kind", KEYS)
def test_openssl_opens_the_layout_of_the_nca(kind: str, tmp_path: Path) -> None:
    native = KEYS[kind]()
    path = tmp_path / "x.p12"
    made = certify(native.public_key(), issuer_key=native)
    write_nca_pkcs12(path, PrivateKey.of(native), certificate=made, pin=Pins(current="pw"))
    said = openssl("pkcs12", "-in", path, "-passin", "pass:pw", "-nodes", "-legacy")
    assert b"BEGIN PRIVATE KEY" in said
    assert made.native.public_bytes(serialization.Encoding.PEM) in said
    key, others = native_pkcs12.load_key_and_certificates(path.read_bytes(), b"pw")[:2]
    assert key is not None
    assert PrivateKey.of(key) == PrivateKey.of(native)
    assert others == made.native
