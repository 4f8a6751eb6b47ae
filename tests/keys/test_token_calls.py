"""Signing past python-pkcs11: the same signatures and the same errors."""

from __future__ import annotations

import gc

import pytest
from pkcs11 import Mechanism, exceptions
from pkcs11.mechanisms import MGF

from eds.algorithms import RSA_PKCS1_SHA256, RSA_PSS_SHA384
from eds.keys.contract import KeyPurpose, Signer
from eds.keys.pkcs11 import TokenKeyStore
from eds.keys.pkcs11_calls import Room, failure
from eds.keys.pkcs11_sessions import Seat
from eds.keys.pkcs11_signing import TokenSigner
from eds.keys.stores import open_keystore
from tests.keys.harness import Pins
from tests.keys.softhsm import PIN, needs_softhsm, new_token

pytestmark = needs_softhsm
PSS_SHA384 = (Mechanism.SHA384, MGF.SHA384, 48)


@pytest.fixture(scope="module")
def store() -> TokenKeyStore:
    found = open_keystore(new_token("calls"))
    assert isinstance(found, TokenKeyStore)
    found.generate(
        label="rsa",
        algorithm=RSA_PKCS1_SHA256,
        purpose=KeyPurpose.SIGNATURE,
        pin=Pins(current=PIN),
        rsa_bits=2048,
    )
    return found


def sign(
    store: TokenKeyStore,
    mechanism: Mechanism,
    parameter: tuple[int, ...] | None,
    *,
    room: Room | None = None,
    key: int | None = None,
) -> tuple[bytes, Signer]:
    """The signature of "x" by a fresh call, after the garbage of making it was collected."""
    call = store._sessions.module.signing_call(mechanism, parameter)
    assert call is not None
    gc.collect()
    ref = store.find("rsa")
    with store.open(ref, purpose=KeyPurpose.SIGNATURE, pin=Pins(current=PIN)) as signer:
        assert isinstance(signer, TokenSigner)

        def work(seat: Seat) -> bytes:
            handle = signer._private_key(seat).handle if key is None else key
            return call(seat.handle, handle, b"x", room or seat.room)

        return store._sessions.call(work, Pins(current=PIN)), signer


@pytest.mark.parametrize("size", [1, 255, 256, 4096])
def test_a_signature_fits_whatever_the_room(store: TokenKeyStore, size: int) -> None:
    signature, signer = sign(store, Mechanism.SHA256_RSA_PKCS, None, room=Room(size))
    assert signer.public_key.verify(signature, b"x", algorithm=RSA_PKCS1_SHA256)


def test_parameters_reach_the_module(store: TokenKeyStore) -> None:
    signature, signer = sign(store, Mechanism.SHA384_RSA_PKCS_PSS, PSS_SHA384)
    assert signer.public_key.verify(signature, b"x", algorithm=RSA_PSS_SHA384)


@pytest.mark.parametrize("code", [0x032, 0x0A0, 0x0A4, 0x0B3, 0x101])
def test_a_code_is_the_error_python_pkcs11_makes_of_it(code: int) -> None:
    names = {
        0x032: exceptions.DeviceRemoved,
        0x0A0: exceptions.PinIncorrect,
        0x0A4: exceptions.PinLocked,
        0x0B3: exceptions.SessionHandleInvalid,
        0x101: exceptions.UserNotLoggedIn,
    }
    assert type(failure(code)) is names[code]


def test_a_code_without_a_name_is_shown_as_it_is() -> None:
    assert str(failure(0x8000_0001)) == "CKR 0x80000001"
