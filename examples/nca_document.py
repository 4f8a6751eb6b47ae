"""Verify a document signed with a key of the NCA of Kazakhstan, and say who signed it.

    python nca_document.py kz-test now SIGNATURE CONTENT CERTIFICATE_OR_LIST...

The certificates and lists are those that the NCA publishes; each counts only where its
fingerprint is in the trust set (`kz-production`, `kz-test`), or a proven authority signed it.
"""

import sys
from datetime import UTC, datetime
from pathlib import Path

from eds import Certificate, CertificateList, EdsError, Evidence, validate
from eds.country import holder_of
from eds.verify.knowntrust import known_store
from eds.verify.policies import shipped_policies


def main(name: str, at: str, signature: str, content: str, *published: str) -> None:
    certificates: list[Certificate] = []
    lists: list[CertificateList] = []
    for data in (Path(file).read_bytes() for file in published):
        try:
            lists.append(CertificateList(data))
        except EdsError:
            certificates += Certificate.certificates(data)

    report = validate(
        Path(content).read_bytes(),
        signature=Path(signature).read_bytes(),
        trust=known_store(name, certificates),
        policy=shipped_policies()["kz"],
        at=datetime.now(UTC) if at == "now" else datetime.fromisoformat(at),
        evidence=Evidence(lists=tuple(lists)),
    )
    print(report.verdict)
    for found in report.signatures:
        holder = found.signer and holder_of(found.signer)
        if holder and holder.personal_number:
            print(f"  {holder.surname} {holder.given_name}, {holder.kind.value}")
            iin = holder.personal_number  # its digits stand in no repr, no error and no log
            print(f"  {iin.type} that may be assigned: {'no' if iin.departures else 'yes'}")
        for stamp in found.time_stamps:
            print("  time-stamp of", stamp.time, "-", stamp.indication.value)
        for finding in found.findings:
            if finding.sub_indication:
                print("  not found that", finding.rule.says)


if __name__ == "__main__":
    main(*sys.argv[1:])
