"""A certificate is held, released and revoked; the verdict on the same document follows."""

import tempfile
from pathlib import Path

from practice import Practice, now, pin

from eds import KeyPurpose, validate
from eds.ca.lifecycle import Act, Change
from eds.extensions import RevocationReason
from eds.sign.cms import CmsSigner, sign_attached


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        practice = Practice(Path(folder))
        store, key = practice.person("davron", common_name="КАРИМОВ ДАВРОН", surname="КАРИМОВ")
        certificate = key.certificates[0]
        with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
            by = CmsSigner(signer, certificates=key.certificates, at=now())
            signed = sign_attached(b"I agree", by=by)

        def judge(what: str) -> None:
            """By the list that the authority publishes now."""
            lists = practice.lists()
            report = validate(signed, trust=practice.trust, at=now(), evidence=lists)
            print(f"{what:<9} {report.verdict}")

        judge("issued")
        practice.change(certificate, Change(act=Act.HOLD, at=now()))
        judge("on hold")
        practice.change(certificate, Change(act=Act.RELEASE, at=now()))
        judge("released")
        reason = RevocationReason.SUPERSEDED
        practice.change(certificate, Change(act=Act.REVOKE, at=now(), reason=reason))
        judge("revoked")
        # No time-stamp proves that the signature is older than the revocation. With one
        # (eds.sign.levels.extend) the document would pass for ever.


if __name__ == "__main__":
    main()
