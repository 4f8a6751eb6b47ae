"""What we sign, judged by EU DSS (Java) offline: the level we claim is the level it finds.

`make campaign-dss`; wants a JDK 17 and Maven, which fetches DSS itself, and says so where they
are missing. Signatures of every algorithm, level and form are made with the keys of the tests.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from eds.certificatelists import CertificateList
from eds.sign.cms import cosign, sign_attached, sign_detached
from eds.sign.levels import Raising, extend
from eds.sign.pdf import sign_pdf
from eds.sign.pdf_levels import extend_pdf
from eds.signeddata import SignedData
from eds.verify.evidence import Evidence
from eds.verify.policy import BASIC, Level
from eds.verify.trust import Environment, TrustAnchor, TrustStore
from tests.sign.house import ALGORITHMS, NOON, desk, page, party, root

HERE = Path(__file__).parent / "dss"
CONTENT = "Мен сізге 10 теңге қарызбын".encode()
AT = NOON + timedelta(minutes=5)
# What DSS's default policy refuses whoever made it, by how the file's name begins.
REFUSED = {"ed25519": "EdDSA is not authorised"}


def revocation_list() -> bytes:
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(root().certificate.native.subject)
        .last_update(NOON)
        .next_update(NOON + timedelta(days=30))
        .add_extension(x509.CRLNumber(1), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root().native.public_key()),
            critical=False,
        )
        .sign(root().native, hashes.SHA256())
    )
    return made.public_bytes(Encoding.DER)


def samples(crl: bytes) -> Iterator[tuple[str, bytes, str]]:
    """(file name, signed document, format and level that DSS should find)."""
    by = Raising(
        trust=TrustStore(
            [TrustAnchor(certificate=root().certificate)],
            name="campaign",
            environment=Environment.TEST,
        ),
        policy=BASIC,
        at=AT,
        stamper=desk(),
        evidence=Evidence(lists=(CertificateList(crl),)),
    )
    for algorithm in ALGORITHMS:
        signer = party(algorithm).cms()
        attached = sign_attached(CONTENT, by=signer)
        detached = sign_detached(CONTENT, by=signer)
        yield f"{algorithm}-B.p7m", attached, "CAdES-BASELINE-B"
        yield f"{algorithm}-B.p7s", detached, "CAdES-BASELINE-B"
        for level in (Level.T, Level.LT, Level.LTA):
            wanted = f"CAdES-BASELINE-{level.value}"
            raised = extend(SignedData(attached), to=level, by=by)
            yield f"{algorithm}-{level.value}.p7m", raised, wanted
            raised = extend(SignedData(detached), to=level, by=by, document=CONTENT)
            yield f"{algorithm}-{level.value}.p7s", raised, wanted
        yield f"{algorithm}-B.pdf", sign_pdf(page(), by=signer, at=NOON), "PAdES-BASELINE-B"
        stamped = sign_pdf(page(), by=signer, at=NOON, stamper=desk())
        yield f"{algorithm}-T.pdf", stamped, "PAdES-BASELINE-T"
        for level in (Level.LT, Level.LTA):
            wanted = f"PAdES-BASELINE-{level.value}"
            yield f"{algorithm}-{level.value}.pdf", extend_pdf(stamped, to=level, by=by), wanted
    two = cosign(
        SignedData(sign_attached(CONTENT, by=party().cms())), by=party(name="second").cms()
    )
    yield "cosigned-B.p7m", two, "CAdES-BASELINE-B"


def judge(folder: Path) -> list[tuple[str, str, str, str, str]]:
    """What DSS says of each signature: file, indication, sub-indication, format, errors."""
    built = HERE / "target"
    subprocess.run(
        ["mvn", "-q", "-f", HERE / "pom.xml", "package", "dependency:copy-dependencies",
         f"-DoutputDirectory={built / 'lib'}"],
        check=True,
    )  # fmt: skip
    done = subprocess.run(
        ["java", "-cp", f"{built / 'classes'}:{built / 'lib'}/*", "Judge", folder,
         str(int(AT.timestamp()))],
        check=True,
        capture_output=True,
        text=True,
    )  # fmt: skip
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return [(row[0], row[1], row[2], row[3], row[4]) for row in rows if len(row) == 5]


def main() -> int:
    for tool in ("java", "mvn"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed: nothing was judged")
            return 2
    crl = revocation_list()
    wanted = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "root.cer").write_bytes(root().certificate.encoded)
        (folder / "root.crl").write_bytes(crl)
        (folder / "content").write_bytes(CONTENT)
        for file, data, level in samples(crl):
            (folder / file).write_bytes(data)
            wanted[file] = level
        found = judge(folder)
    wrong = 0
    for file, indication, sub, level, errors in found:
        passed = indication == "TOTAL_PASSED" or REFUSED.get(file.partition("-")[0], "-") in errors
        good = passed and level == wanted[file]
        wrong += not good
        print(f"{'ok ' if good else 'BAD'} {file:36} {indication} {sub} {level} {errors}")
    missing = set(wanted) - {row[0] for row in found}
    print(f"{len(found)} signatures judged, {wrong} not as wanted, {len(missing)} not judged")
    return 1 if wrong or missing else 0


if __name__ == "__main__":
    sys.exit(main())
