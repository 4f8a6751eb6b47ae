"""Sign a letter as a citizen does, verify it as a portal does, and see a changed one refused."""

import tempfile
from pathlib import Path

from practice import Practice, now, pin

from eds import Indication, KeyPurpose, validate
from eds.sign.cms import CmsSigner, sign_detached
from eds.verify.findings import Outcome

LETTER = "Мен, төменде қол қоюшы, он теңге алдым.\n".encode()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        practice = Practice(Path(folder))
        store, key = practice.person(
            "aigerim", common_name="ӘЛИЕВА АЙГЕРІМ", surname="ӘЛИЕВА", given_name="АЙГЕРІМ"
        )
        with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
            by = CmsSigner(signer, certificates=key.certificates, at=now())
            signature = sign_detached(LETTER, by=by)  # CAdES B-B; `eds.sign.pdf` signs PDF
        print("signed:  ", len(signature), "octets of CMS")

        evidence = practice.lists()  # what the authority says of its certificates
        for letter in (LETTER, LETTER.replace("он".encode(), "мың".encode())):
            report = validate(
                letter, signature=signature, trust=practice.trust, at=now(), evidence=evidence
            )
            print("verified:", report.verdict)
            for found in report.signatures:
                if report.indication is Indication.TOTAL_PASSED and found.signer:
                    print("signed by", found.signer.subject.rfc4514)
                else:  # each step of the validation is a finding; the broken ones say why
                    broken = [one for one in found.findings if one.outcome is Outcome.BROKEN]
                    print("because: ", *(one.rule.says for one in broken))

        report = validate(LETTER, signature=signature, trust=practice.trust, at=now())
        print("without status it is never good:", report.verdict)


if __name__ == "__main__":
    main()
