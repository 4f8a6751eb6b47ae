"""Tokens, judged by openssl, cryptography and OpenSC's pkcs11-tool."""

from __future__ import annotations

import hashlib
import sys
import textwrap
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pkcs11 import Attribute, ObjectClass

from eds.algorithms import (
    ECDSA_BRAINPOOL_P256R1_SHA256,
    ECDSA_P256_SHA256,
    ECDSA_P384_SHA384,
    ED25519,
    RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA512,
    SignatureAlgorithm,
)
from eds.errors import (
    EdsError,
    InvalidArgument,
    KeyAmbiguous,
    KeyNotFound,
    OperationUnsupported,
    PasswordRefused,
    PinIncorrect,
    TokenAbsent,
    TokenFailed,
)
from eds.keys import pkcs11_objects
from eds.keys.adapter import as_private_key
from eds.keys.contract import KeyPurpose, KeyRef, PinKind, PinRequest, Secret
from eds.keys.pkcs11 import TokenKeyStore, tokens
from eds.keys.stores import open_keystore
from eds.keys.uris import TokenUri, parse_key_uri
from tests.keys.certify import NOON, certify
from tests.keys.harness import Pins
from tests.keys.softhsm import (
    OTHER_PIN,
    PIN,
    needs_pkcs11_tool,
    needs_softhsm,
    new_token,
    pkcs11_tool,
)
from tests.keys.tools import needs_openssl, openssl

pytestmark = needs_softhsm
SIGNATURE = KeyPurpose.SIGNATURE


def opened(uri: str) -> TokenKeyStore:
    found = open_keystore(uri)
    assert isinstance(found, TokenKeyStore)
    return found


@pytest.fixture
def store() -> TokenKeyStore:
    return opened(new_token("tests"))


@pytest.fixture
def pin() -> Pins:
    return Pins(current=PIN)


def make(
    store: TokenKeyStore,
    pin: Pins,
    label: str = "one",
    algorithm: SignatureAlgorithm = ECDSA_P256_SHA256,
) -> KeyRef:
    return store.generate(
        label=label, algorithm=algorithm, purpose=SIGNATURE, pin=pin, rsa_bits=2048
    )


def objects_of(store: TokenKeyStore, pin: Pins, kind: ObjectClass) -> int:
    with store._sessions.writing(pin) as session:
        return len(list(session.get_objects({Attribute.CLASS: kind})))


# --- judged by others --------------------------------------------------------------------------


@needs_openssl
@pytest.mark.parametrize(
    ("algorithm", "options"),
    [
        (RSA_PKCS1_SHA256, ["-rawin", "-digest", "sha256"]),
        (RSA_PKCS1_SHA512, ["-rawin", "-digest", "sha512"]),
        (ECDSA_P256_SHA256, ["-rawin", "-digest", "sha256"]),
        (ECDSA_P384_SHA384, ["-rawin", "-digest", "sha384"]),
        (ECDSA_BRAINPOOL_P256R1_SHA256, ["-rawin", "-digest", "sha256"]),
        (ED25519, ["-rawin"]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_openssl_verifies_what_a_token_signed(
    store: TokenKeyStore,
    pin: Pins,
    tmp_path: Path,
    algorithm: SignatureAlgorithm,
    options: list[str],
) -> None:
    made = make(store, pin, algorithm=algorithm)
    with store.open(made, purpose=SIGNATURE, pin=pin) as signer:
        signature = signer.sign(b"I owe you 10")
    assert made.public_key is not None
    files = {"key": made.public_key.encoded, "text": b"I owe you 10", "signature": signature}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    openssl(
        *("pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", tmp_path / "key"),
        *("-in", tmp_path / "text", "-sigfile", tmp_path / "signature"),
        *options,
    )


@needs_pkcs11_tool
def test_pkcs11_tool_sees_what_was_made_and_signs_with_it(pin: Pins, tmp_path: Path) -> None:
    store = opened(new_token("seen by others"))
    made = make(store, pin, "Әлия")
    assert made.public_key is not None
    issuer = ec.generate_private_key(ec.SECP256R1())
    store.store_certificates(
        made, [certify(made.public_key.native, issuer_key=issuer, subject="Own")], pin=pin
    )
    there = ["--token-label", "seen by others", "--login", "--pin", PIN]
    listed = pkcs11_tool(*there, "--list-objects")
    for kind in ("Private Key Object; EC", "Public Key Object; EC", "Certificate Object"):
        assert kind in listed
    assert made.identifier.hex() in listed
    assert "sensitive" in listed
    assert "never extractable" in listed
    (tmp_path / "digest").write_bytes(hashlib.sha256(b"x").digest())
    pkcs11_tool(
        *there,
        *("--sign", "--mechanism", "ECDSA", "--signature-format", "openssl"),
        *("--id", made.identifier.hex(), "--input-file", str(tmp_path / "digest")),
        *("--output-file", str(tmp_path / "signature")),
    )
    signature = (tmp_path / "signature").read_bytes()
    assert made.public_key.verify(signature, b"x", algorithm=ECDSA_P256_SHA256)


@needs_openssl
@pytest.mark.parametrize(
    "algorithm", [RSA_PKCS1_SHA256, ECDSA_P256_SHA256, ED25519], ids=lambda a: a.name
)
def test_a_token_signs_certificates_and_requests(
    store: TokenKeyStore, pin: Pins, tmp_path: Path, algorithm: SignatureAlgorithm
) -> None:
    made = make(store, pin, algorithm=algorithm)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Token")])
    digest = None if algorithm is ED25519 else hashes.SHA256()
    with store.open(made, purpose=SIGNATURE, pin=pin) as signer:
        key = as_private_key(signer)
        request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, digest)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(1)
            .not_valid_before(NOON)
            .not_valid_after(NOON + timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(key, digest)
        )
    (tmp_path / "request").write_bytes(request.public_bytes(Encoding.PEM))
    (tmp_path / "certificate").write_bytes(certificate.public_bytes(Encoding.PEM))
    openssl("req", "-verify", "-noout", "-in", tmp_path / "request")
    own = tmp_path / "certificate"
    openssl("verify", "-check_ss_sig", "-attime", "1800000000", "-CAfile", own, own)


# --- what is kept ------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["generate", "add"])
def test_the_private_key_stays_in_the_token_and_only_signs(
    store: TokenKeyStore, pin: Pins, way: str
) -> None:
    if way == "generate":
        make(store, pin)
    else:
        from eds.keys.privatekeys import PrivateKey

        native = ec.generate_private_key(ec.SECP256R1())
        store.add(PrivateKey.of(native), label="one", purpose=SIGNATURE, pin=pin)
    with store._sessions.writing(pin) as session:
        (key,) = session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
        wanted = {
            **dict.fromkeys((Attribute.SENSITIVE, Attribute.PRIVATE, Attribute.SIGN), True),
            **dict.fromkeys((Attribute.EXTRACTABLE, Attribute.DECRYPT, Attribute.UNWRAP), False),
            Attribute.DERIVE: False,
        }
        found = {attribute: key[attribute] for attribute in wanted}
        if way == "generate":
            assert key[Attribute.ALWAYS_SENSITIVE]
            assert key[Attribute.NEVER_EXTRACTABLE]
    assert found == wanted


def test_delete_leaves_nothing(store: TokenKeyStore, pin: Pins) -> None:
    made = make(store, pin)
    assert made.public_key is not None
    issuer = ec.generate_private_key(ec.SECP256R1())
    made = store.store_certificates(
        made, [certify(made.public_key.native, issuer_key=issuer)], pin=pin
    )
    store.delete(made, pin=pin)
    for kind in ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY, ObjectClass.CERTIFICATE:
        assert objects_of(store, pin, kind) == 0
    assert objects_of(store, pin, ObjectClass.DATA) == 0


def test_the_uri_of_a_key_opens_that_key_alone(store: TokenKeyStore, pin: Pins) -> None:
    first, second = make(store, pin, "one; two/&три"), make(store, pin, "two")
    for made in first, second:
        again = opened(made.uri).keys()
        assert again == (made,)
        with opened(made.uri).open(again[0], purpose=SIGNATURE, pin=pin) as signer:
            assert signer.public_key == made.public_key


def test_a_failed_making_leaves_nothing(store: TokenKeyStore, pin: Pins) -> None:
    with pytest.raises(InvalidArgument):
        make(store, pin, "a label\nof two lines")
    with pytest.raises(InvalidArgument):
        store.generate(
            label="weak", algorithm=RSA_PKCS1_SHA256, purpose=SIGNATURE, pin=pin, rsa_bits=1024
        )
    assert pin.asked == []
    assert store.keys() == ()


# --- tokens ------------------------------------------------------------------------------------


def test_tokens_of_one_label_are_told_apart_by_serial() -> None:
    first, second = opened(new_token("twins")), opened(new_token("twins"))
    with pytest.raises(KeyAmbiguous) as caught:
        open_keystore("pkcs11:token=twins", module="softhsm2")
    assert first.info().serial in str(caught.value)
    assert second.info().serial in str(caught.value)
    assert first.info().serial != second.info().serial


def test_a_token_is_found_by_what_its_module_says() -> None:
    uri = parse_key_uri(new_token("library"))
    assert isinstance(uri, TokenUri)
    (found,) = tokens(uri, module=None, environment=None)
    assert found.label == "library"
    assert found.login_required
    assert not found.locked
    assert "CKM_ECDSA" in found.mechanisms
    for wrong in ("library-manufacturer=Nobody", "vendor-x=1", "manufacturer=Nobody", "slot-id=7"):
        text = str(uri).replace("?", f";{wrong}?").replace("manufacturer=SoftHSM%20project;", "")
        with pytest.raises(TokenAbsent):
            open_keystore(text)
    right = str(uri).replace("?", ";library-manufacturer=SoftHSM?")
    assert opened(right).info().label == "library"


def test_an_absent_token_is_said() -> None:
    with pytest.raises(TokenAbsent) as caught:
        open_keystore("pkcs11:token=nobody", module="softhsm2")
    assert caught.value.token == "nobody"


# --- the PIN -----------------------------------------------------------------------------------


def test_the_pin_is_asked_once_for_all_that_is_open(store: TokenKeyStore, pin: Pins) -> None:
    one, two = make(store, pin, "one"), make(store, pin, "two")
    pin.asked.clear()
    with (
        store.open(one, purpose=SIGNATURE, pin=pin) as first,
        store.open(two, purpose=SIGNATURE, pin=pin) as second,
    ):
        assert first.sign(b"x") != second.sign(b"x")
    assert pin.kinds == [PinKind.CURRENT]
    with store.open(one, purpose=SIGNATURE, pin=pin):
        pass
    assert len(pin.asked) == 2  # nothing is kept once all is closed


def test_an_inner_signer_that_ends_leaves_the_outer_open(store: TokenKeyStore, pin: Pins) -> None:
    one = make(store, pin, "one")
    with store.open(one, purpose=SIGNATURE, pin=pin) as outer:
        with store.open(one, purpose=SIGNATURE, pin=pin) as inner:
            assert inner.sign(b"x")
        assert outer.sign(b"x")
        with pytest.raises(OperationUnsupported):
            inner.sign(b"x")


def test_an_empty_pin_never_reaches_the_token(store: TokenKeyStore, pin: Pins) -> None:
    made = make(store, pin)
    with pytest.raises(PasswordRefused), store.open(made, purpose=SIGNATURE, pin=Pins(current="")):
        pytest.fail("opened")
    assert not store.info().few_tries_left


def test_a_token_whose_pin_was_never_set_says_so() -> None:
    store = opened(new_token("unset", pin=None))
    with pytest.raises(TokenFailed) as caught:
        make(store, Pins(current=PIN))
    assert caught.value.reason == "CKR_USER_PIN_NOT_INITIALIZED"


def test_the_pin_changes_while_a_key_is_open(store: TokenKeyStore, pin: Pins) -> None:
    made = make(store, pin)
    with store.open(made, purpose=SIGNATURE, pin=pin) as signer:
        store.change_pin(made, pin=Pins(current=PIN, new=OTHER_PIN))
        assert signer.sign(b"x")
    with store.open(made, purpose=SIGNATURE, pin=Pins(current=OTHER_PIN)) as signer:
        assert signer.sign(b"x")


@pytest.mark.parametrize("secret", [b"\xff\xfe", b"\0" * 4, b"x" * 300])
def test_a_pin_of_any_octets_ends_in_a_typed_error(
    store: TokenKeyStore, pin: Pins, secret: bytes
) -> None:
    made = make(store, pin)
    with (
        pytest.raises((PasswordRefused, PinIncorrect)),
        store.open(made, purpose=SIGNATURE, pin=lambda _: Secret(secret)),
    ):
        pytest.fail("opened")


CANARY = "canary-7d1f"


def _open(store: TokenKeyStore, made: KeyRef, secret: Callable[[PinRequest], Secret]) -> None:
    with store.open(made, purpose=SIGNATURE, pin=secret):
        pass


ACTS: dict[str, Callable[[TokenKeyStore, KeyRef, Callable[[PinRequest], Secret]], object]] = {
    "open": _open,
    "delete": lambda store, made, pin: store.delete(made, pin=pin),
    "change": lambda store, made, pin: store.change_pin(made, pin=pin),
    "certificates": lambda store, made, pin: store.store_certificates(made, [], pin=pin),
    "generate": lambda store, made, pin: store.generate(
        label="new", algorithm=ECDSA_P256_SHA256, purpose=SIGNATURE, pin=pin
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_no_error_shows_the_pin(store: TokenKeyStore, pin: Pins, act: str) -> None:
    made = make(store, pin)
    with pytest.raises(PinIncorrect) as caught:
        ACTS[act](store, made, lambda _: Secret(CANARY))
    shown: list[str] = []
    error: BaseException | None = caught.value
    while error is not None:
        whole = traceback.TracebackException.from_exception(error, capture_locals=True)
        shown += ["".join(whole.format()), repr(error), repr(vars(error))]
        error = error.__cause__ or error.__context__
    assert CANARY not in "".join(shown)


def test_a_key_that_wants_the_pin_each_time_asks_each_time(
    store: TokenKeyStore, pin: Pins, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(pkcs11_objects._SIGNING_ONLY, Attribute.ALWAYS_AUTHENTICATE, True)
    made = make(store, pin)
    pin.asked.clear()
    with store.open(made, purpose=SIGNATURE, pin=pin) as signer:
        assert len(pin.asked) == 1
        signature = signer.sign(b"x")
        assert len(pin.asked) == 2
        pin.current = OTHER_PIN
        with pytest.raises(PinIncorrect):
            signer.sign(b"x")
        assert len(pin.asked) == 3
        with pytest.raises(PinIncorrect) as caught:
            signer.sign(b"x")
        shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        assert OTHER_PIN not in "".join(shown.format()).replace(repr(pin), "")
        pin.current = PIN
        assert signer.sign(b"x")
    assert made.public_key is not None
    assert made.public_key.verify(signature, b"x", algorithm=ECDSA_P256_SHA256)


# --- the session -------------------------------------------------------------------------------


def test_no_session_is_left_behind(store: TokenKeyStore, pin: Pins) -> None:
    made = make(store, pin)
    token = store._sessions.token()
    before = _sessions_of(token)
    with store.open(made, purpose=SIGNATURE, pin=pin) as signer:
        signer.sign(b"x")
    for _ in range(3):
        with pytest.raises(PinIncorrect):
            _open(store, made, Pins(current=OTHER_PIN))
    with pytest.raises(KeyNotFound):
        store.find("nobody")
    with pytest.raises(EdsError):
        make(store, pin)
    assert _sessions_of(token) == before


def _sessions_of(token: object) -> int:
    """CK_TOKEN_INFO.ulSessionCount."""
    import ctypes

    from tests.keys.softhsm import softhsm

    info = (ctypes.c_ulong * 64)()
    slot = ctypes.c_ulong(token.slot.slot_id)  # type: ignore[attr-defined]
    assert ctypes.CDLL(softhsm()).C_GetTokenInfo(slot, info) == 0
    # Four texts of 96 + 16 octets and the flags stand before it.
    return int(info[(32 + 32 + 16 + 16) // 8 + 2])


@pytest.fixture
def program(tmp_path: Path) -> Callable[[str], str]:
    import subprocess

    from tests.keys.softhsm import new_tokens

    environment = new_tokens(tmp_path, "moving")

    def run(text: str) -> str:
        begin = """
            import os, sys
            from pathlib import Path
            from eds.algorithms import ECDSA_P256_SHA256
            from eds.errors import EdsError
            from eds.keys import KeyPurpose, Secret, open_keystore
            folder, PIN = Path(sys.argv[1]), sys.argv[2]
            asked = []
            def pin(request):
                asked.append(request)
                return Secret(PIN)
            store = open_keystore("pkcs11:token=moving", module="softhsm2")
            made = store.generate(
                label="one", algorithm=ECDSA_P256_SHA256, purpose=KeyPurpose.SIGNATURE, pin=pin
            )
            asked.clear()
            """
        done = subprocess.run(
            [
                *(sys.executable, "-c", textwrap.dedent(begin) + textwrap.dedent(text)),
                *(str(tmp_path), PIN),
            ],
            env=environment,
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_a_token_taken_out_is_a_typed_error_and_no_reason_to_ask_again(
    program: Callable[[str], str],
) -> None:
    said = program(
        """
        with store.open(made, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
            signer.sign(b"x")
            os.rename(folder / "tokens", folder / "elsewhere")
            for _ in range(2):
                try:
                    signer.sign(b"x")
                    print("signed")
                except EdsError as error:
                    print(error.code)
        print(len(asked))
        os.rename(folder / "elsewhere", folder / "tokens")
        open_keystore("pkcs11:token=moving", module="softhsm2")
        with store.open(made, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
            signature = signer.sign(b"y")
        assert made.public_key.verify(signature, b"y", algorithm=ECDSA_P256_SHA256)
        """
    )
    # SoftHSM finds it again when it starts anew: for a store that is opened when no key is.
    assert said.split() == ["keys.token_absent"] * 2 + ["1"]
