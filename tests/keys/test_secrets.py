"""No password and no key octet in what a program shows of itself."""

from __future__ import annotations

import copy
import io
import logging
import pickle
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from eds.algorithms import ECDSA_P256_SHA256
from eds.errors import EdsError
from eds.keys import bundle, pkcs8, pkcs12
from eds.keys.contract import KeyPurpose, PinKind, PinRequest, Secret
from eds.keys.files import FileKeyStore
from eds.keys.keyfile import SingleFileKeyStore, write_pkcs12
from eds.keys.pbe import Encryption
from eds.keys.privatekeys import PrivateKey
from eds.keys.reading import Password, Reading
from tests.keys.harness import CHEAP, CHEAP_PKCS12

CANARY = "c4n4ry-Пароль"
SIGNATURE = KeyPurpose.SIGNATURE


class Source:
    """Asks nobody; its repr shows nothing either."""

    def __init__(self, current: str = CANARY, new: str = CANARY) -> None:
        self._current, self._new = current, new

    def __call__(self, request: PinRequest, /) -> Secret:
        return Secret(self._new if request.kind is PinKind.NEW else self._current)

    def __repr__(self) -> str:
        return "<source>"


@pytest.fixture(scope="module")
def native() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def traces(native: ec.EllipticCurvePrivateKey) -> tuple[str, ...]:
    """What must not be seen: the password and the private number, in every way it may be shown."""
    octets = native.private_numbers().private_value.to_bytes(32, "big")
    words = [CANARY, CANARY.split("-", maxsplit=1)[0], repr(CANARY.encode())[2:-1]]
    words.append(repr(CANARY.encode("utf-16-be"))[2:14])
    for at in range(0, 32, 8):
        part = octets[at : at + 8]
        words += [repr(part)[2:-1], part.hex(), repr(list(part))[1:-1]]
    words.append(str(native.private_numbers().private_value))
    return tuple(words)


def require_clean(text: str, traces: tuple[str, ...]) -> None:
    for trace in traces:
        assert trace not in text


def test_values_that_hold_secrets_show_nothing(
    native: ec.EllipticCurvePrivateKey, traces: tuple[str, ...]
) -> None:
    key = PrivateKey.of(native)
    secret = Secret(CANARY)
    password = Password.of(secret)
    values = [
        secret,
        password,
        key,
        Encryption(password, CHEAP),
        pkcs12.KeyEntry(private_key=key),
        pkcs12.Contents(keys=(pkcs12.KeyEntry(private_key=key),)),
        Reading(file="x", derived={1: CANARY.encode()}),
    ]
    for value in values:
        for text in (repr(value), str(value), f"{value}", f"{[value]!r}"):
            require_clean(text, traces)


def test_values_that_hold_secrets_do_not_pickle(
    native: ec.EllipticCurvePrivateKey, tmp_path: Path
) -> None:
    key = PrivateKey.of(native)
    store = FileKeyStore(tmp_path / "keys", cost=CHEAP)
    ref = store.add(key, label="one", purpose=SIGNATURE, pin=Source())
    with store.open(ref, purpose=SIGNATURE, pin=Source()) as signer:
        for value in (Secret(CANARY), Password.of(Secret(CANARY)), key, signer):
            for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
                with pytest.raises((TypeError, pickle.PicklingError)):
                    pickle.dumps(value, protocol)
            with pytest.raises(TypeError):
                copy.deepcopy(value)


def failures(folder: Path, native: ec.EllipticCurvePrivateKey) -> dict[str, Callable[[], object]]:
    """Ways to fail with secrets in hand, by name."""
    key = PrivateKey.of(native)
    store = FileKeyStore(folder / "keys", cost=CHEAP)
    ref = store.add(key, label="one", purpose=SIGNATURE, pin=Source())
    write_pkcs12(folder / "a.p12", key, label="x", pin=Source(), cost=CHEAP_PKCS12)
    single = SingleFileKeyStore(folder / "a.p12")
    (locked,) = single.keys()

    def forged(change: Callable[[PrivateKey], bytes]) -> FileKeyStore:
        """A key file whose password is right, and whose plaintext is not."""
        forging = FileKeyStore(folder / "forged", cost=CHEAP)
        made = forging.find("one") if (folder / "forged").exists() else None
        if made is None:
            forging.add(key, label="one", purpose=SIGNATURE, pin=Source())
        path = forging.folder / "one.pem"
        kept = bundle.read(path.read_bytes(), Reading(file="x"))
        encryption = Encryption(Password.of(Secret(CANARY)), CHEAP)
        changed = bundle.Bundle(
            purpose=kept.purpose,
            algorithm=kept.algorithm,
            encrypted=pkcs8.wrap(change(key), encryption),
            public_key=kept.public_key,
        )
        path.write_bytes(bundle.write(changed))
        return forging

    def forged_pkcs12(plaintext: bytes) -> SingleFileKeyStore:
        class Plain:
            encoded = plaintext

        entry = pkcs12.KeyEntry(private_key=Plain())  # type: ignore[arg-type]
        data = pkcs12.write(pkcs12.Contents(keys=(entry,)), Secret(CANARY), cost=CHEAP_PKCS12)
        path = folder / "forged.p12"
        path.write_bytes(data)
        return SingleFileKeyStore(path)

    def opened(which: FileKeyStore | SingleFileKeyStore, **options: object) -> None:
        one = which.keys()[0]
        with which.open(one, purpose=SIGNATURE, pin=Source(), **options):  # type: ignore[arg-type]
            pass

    def in_the_body() -> None:
        with store.open(ref, purpose=SIGNATURE, pin=Source()) as signer:
            signer.sign(b"x")
            raise EdsError

    marked = pkcs8.with_purpose(key, SIGNATURE).encoded
    return {
        "wrong password": lambda: store.export(ref, pin=Source("wrong " + CANARY)),
        "wrong password, PKCS#12": lambda: single.export(locked, pin=Source("x" + CANARY)),
        "wrong new password": lambda: store.change_pin(ref, pin=Source(CANARY, "")),
        "wrong new password, PKCS#12": lambda: single.change_pin(locked, pin=Source(CANARY, "")),
        "exists": lambda: store.add(key, label="one", purpose=SIGNATURE, pin=Source()),
        "no purpose inside": lambda: opened(forged(lambda key: key.encoded)),
        "plaintext with a tail": lambda: opened(forged(lambda _: marked + b"\0")),
        "plaintext cut": lambda: opened(forged(lambda _: marked[:-1])),
        "key octets changed": lambda: opened(
            forged(lambda _: marked.replace(key.key_octets[7:15], bytes(8)))
        ),
        "PKCS#12 plaintext with a tail": lambda: opened(forged_pkcs12(key.encoded + b"\0")),
        "PKCS#12 of another kind": lambda: opened(
            forged_pkcs12(
                key.encoded.replace(b"\x2a\x86\x48\xce\x3d\x02", b"\x2a\x86\x48\xce\x3d\x03")
            )
        ),
        "in the body": in_the_body,
    }


NAMES = (
    "wrong password",
    "wrong password, PKCS#12",
    "wrong new password",
    "wrong new password, PKCS#12",
    "exists",
    "no purpose inside",
    "plaintext with a tail",
    "plaintext cut",
    "key octets changed",
    "PKCS#12 plaintext with a tail",
    "PKCS#12 of another kind",
    "in the body",
)


@contextmanager
def listening() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield stream
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


@pytest.mark.parametrize("name", NAMES)
def test_no_failure_shows_a_secret(
    name: str,
    tmp_path: Path,
    native: ec.EllipticCurvePrivateKey,
    traces: tuple[str, ...],
    capfd: pytest.CaptureFixture[str],
) -> None:
    act = failures(tmp_path, native)[name]
    with listening() as log:
        try:
            act()
        except EdsError as error:
            # The frames of this test hold the key on purpose; those of eds must not.
            shown = "".join(
                repr(value)
                for frame, _ in traceback.walk_tb(error.__traceback__)
                if "/src/eds/" in frame.f_code.co_filename
                for value in frame.f_locals.values()
            )
            for linked in (error.__cause__, error.__context__):
                assert linked is None
            shown += repr(error) + str(error) + repr(vars(error))
        else:
            pytest.fail("did not fail")
    require_clean(shown, traces)
    require_clean(log.getvalue(), traces)
    require_clean("".join(capfd.readouterr()), traces)


def test_every_failure_is_tried(tmp_path: Path, native: ec.EllipticCurvePrivateKey) -> None:
    assert tuple(failures(tmp_path, native)) == NAMES


def test_key_files_show_no_key(
    tmp_path: Path, native: ec.EllipticCurvePrivateKey, traces: tuple[str, ...]
) -> None:
    octets = native.private_numbers().private_value.to_bytes(32, "big")
    store = FileKeyStore(tmp_path / "keys", cost=CHEAP)
    store.generate(label="x", algorithm=ECDSA_P256_SHA256, purpose=SIGNATURE, pin=Source())
    store.add(PrivateKey.of(native), label="one", purpose=SIGNATURE, pin=Source())
    write_pkcs12(
        tmp_path / "a.p12", PrivateKey.of(native), label="x", pin=Source(), cost=CHEAP_PKCS12
    )
    for path in (*store.folder.iterdir(), tmp_path / "a.p12"):
        data = path.read_bytes()
        assert octets not in data
        assert CANARY.encode() not in data
        require_clean(data.decode("latin-1"), traces)
