"""Make a key inside a PKCS #11 token, sign with it, and verify; the key never leaves the token.

Set EDS_STORE to a token, `pkcs11:token=…?module-path=…` (RFC 7512), and EDS_PIN to its PIN.
"""

from __future__ import annotations

import os
import secrets

from eds import KeyPurpose, Secret, open_keystore, signature_algorithm
from eds.errors import OperationUnsupported

MESSAGE = b"I owe you 10"


def main() -> None:
    store = open_keystore(os.environ["EDS_STORE"])
    key = store.generate(
        label=f"example {secrets.token_hex(4)}",
        algorithm=signature_algorithm("ecdsa-p256-sha256"),
        purpose=KeyPurpose.SIGNATURE,
        pin=pin,
    )
    try:
        with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
            signature = signer.sign(MESSAGE)
            assert signer.public_key.verify(signature, MESSAGE, algorithm=signer.algorithm)
        print("signed in the token:", signature.hex()[:32] + "…")
        try:
            store.export(key, pin=pin)
        except OperationUnsupported as refusal:
            print(f"and the key stays there: {refusal} [{refusal.code}]")
    finally:
        store.delete(key, pin=pin)


def pin(_: object) -> Secret:
    return Secret(os.environ["EDS_PIN"])


if __name__ == "__main__":
    main()
