"""Make a key in an encrypted file, sign a message with it, and verify the signature."""

from __future__ import annotations

import tempfile

from eds import KeyPurpose, Secret, open_keystore, signature_algorithm

MESSAGE = b"I owe you 10"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = open_keystore(folder)
        key = store.generate(
            label="aigerim",
            algorithm=signature_algorithm("ecdsa-p256-sha256"),
            purpose=KeyPurpose.SIGNATURE,
            pin=password,
        )
        print("made    ", key.label, key.uri.rpartition("/")[2])

        with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=password) as signer:
            signature = signer.sign(MESSAGE)
            public_key, algorithm = signer.public_key, signer.algorithm
        print("signed  ", algorithm.name, signature.hex()[:32] + "…")

        assert public_key.verify(signature, MESSAGE, algorithm=algorithm)
        assert not public_key.verify(signature, b"I owe you 1000", algorithm=algorithm)
        print("verified: this message, and no other")


def password(_: object) -> Secret:
    """Asked for when the key file is written and opened; here nobody has to type."""
    return Secret("correct horse battery staple")


if __name__ == "__main__":
    main()
