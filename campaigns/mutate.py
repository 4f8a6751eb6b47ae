"""Change signed messages in every way there is, and ask the validator about each copy.

`make campaign-mutate`; ARGS go to the harness, which lies beside the project (`mutate.py`: its
head says what is a defect). Documents are made anew each time: attached and detached, RSA and
EC, every octet flipped and every element of the DER deleted, repeated, swapped and emptied; PDF
documents with signature, time-stamp, security store and later changes, with updates that
override each object and play with /ByteRange.
"""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
import tempfile
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from eds import der
from eds.certificatelists import CertificateList
from eds.certificates import Certificate
from eds.verify.evidence import Evidence
from eds.verify.indications import Indication
from eds.verify.trust import TrustAnchor, TrustStore
from eds.verify.validation import validate
from tests.sign.house import NOON as SIGNED_AT
from tests.sign.house import root
from tests.verify import cms_house as house
from tests.verify import pdf_house
from tests.verify.status_house import NOON

ROOT = Path(__file__).parents[1]
HARNESS = ROOT.parent / "shared" / "tools" / "mutate.py"
FOLDER = "EDS_CAMPAIGN_FOLDER"
PDF_OPS = "pdf,append,byte,bit,del,ins,chunk"
PDF_KINDS = frozenset(
    {
        *("one signature", "with a signature time-stamp", "with a security store"),
        *("form filled, allowed", "two signatures"),
    }
)
# Between what is told apart anyhow, blanks may be more or fewer.
PDF_LOOSE = pdf_house.LOOSE | {"blank": rb"([\n ])"}
OPS = "byte,bit,zero,del,ins,trunc,append,chunk,tlv"


@cache
def circumstances() -> tuple[TrustStore, Evidence, bytes]:
    folder = Path(os.environ[FOLDER])
    anchor = TrustAnchor(certificate=Certificate((folder / "ca").read_bytes()))
    listed = CertificateList((folder / "list").read_bytes())
    return TrustStore([anchor]), Evidence(lists=(listed,)), (folder / "content").read_bytes()


def attached(data: bytes) -> dict[str, Any]:
    """What the harness asks about a message with its content inside."""
    return _verdict(data, None)


def detached(data: bytes) -> dict[str, Any]:
    """The same about one whose content lies beside it."""
    return _verdict(data, circumstances()[2])


def document(data: bytes) -> dict[str, Any]:
    """The same about a PDF document: what it says and what was told to have followed."""
    folder = Path(os.environ[FOLDER])
    report = validate(
        data,
        trust=_pdf_trust(),
        at=SIGNED_AT,
        evidence=Evidence(lists=(CertificateList((folder / "pdf-list").read_bytes()),)),
    )
    coverage = [one.coverage.changes for one in report.signatures if one.coverage]
    return {
        "verdict": report.indication is Indication.TOTAL_PASSED,
        "signer": [one.signer.fingerprint.hex() for one in report.signatures if one.signer],
        "content": (report.content_digest or b"").hex() + repr(coverage),
    }


@cache
def _pdf_trust() -> TrustStore:
    encoded = (Path(os.environ[FOLDER]) / "pdf-ca").read_bytes()
    return TrustStore([TrustAnchor(certificate=Certificate(encoded))])


def _verdict(data: bytes, content: bytes | None) -> dict[str, Any]:
    trust, evidence, _ = circumstances()
    document = data if content is None else content
    report = validate(
        document,
        signature=None if content is None else data,
        trust=trust,
        at=NOON,
        evidence=evidence,
    )
    signers = [one.signer.fingerprint.hex() for one in report.signatures if one.signer]
    return {
        "verdict": report.indication is Indication.TOTAL_PASSED,
        "signer": signers,
        "content": report.content_digest,
    }


def _write_regions(path: Path) -> Path:
    """The parts of a document as the harness names them, and one more: the set of certificates.

    In it two may change places, since a set has no order to sign; the certificates themselves
    are smaller regions with rules of their own.
    """
    data = path.read_bytes()
    layout = runpy.run_path(str(HARNESS), run_name="harness")["layout_cms"]
    wrapped = der.decode(data).children()[1].only_child()
    place = next(one for one in wrapped.iterate() if one.tag == der.context(0))
    order = {"start": place.content, "end": place.end, "name": "order of certificates"}
    found = path.with_suffix(f"{path.suffix}.json")
    found.write_text(json.dumps([*layout(data), order]))
    return found


def write_documents(folder: Path) -> list[tuple[str, Path]]:
    """The documents, each with the function that judges it."""
    (folder / "ca").write_bytes(house.authority().encoded)
    (folder / "list").write_bytes(house.good_list().encoded)
    (folder / "content").write_bytes(house.OWED)
    made: list[tuple[str, Path]] = []
    for name, signer in (("ec", house.leaf()), ("rsa", house.rsa_leaf())):
        info = signer.info(house.OWED)
        certificates = [signer.certificate.encoded, house.authority().encoded]
        stamp = house.token(house.tsa(), house.signature_value(info), at=NOON - timedelta(hours=1))
        stamped = house.with_unsigned(info, house.attribute(house.SIGNATURE_TIME_STAMP, stamp))
        for kind, content in (("attached", house.OWED), ("detached", None)):
            for level, one in (("b", info), ("t", stamped)):
                path = folder / f"{name}.{level}.{kind}"
                path.write_bytes(house.message(one, content=content, certificates=certificates))
                made.append((kind, path))
    return made


def write_pdf_documents(folder: Path) -> list[Path]:
    """PDF documents, each with the regions that nobody signed and that are judged by themselves."""
    (folder / "pdf-ca").write_bytes(root().certificate.encoded)
    (folder / "pdf-list").write_bytes(pdf_house.status().encoded)
    layout = runpy.run_path(str(HARNESS), run_name="harness")["layout_pdf"]
    made = []
    for number, (name, data) in enumerate(pdf_house.honest().items()):
        if name not in PDF_KINDS:
            continue
        path = folder / f"{number}.pdf"
        path.write_bytes(data)
        regions = layout(data)
        end = max(one["end"] for one in regions if one["name"].endswith("second range"))
        for kind, pattern in PDF_LOOSE.items():
            for found in re.finditer(pattern, data[end:], re.DOTALL):
                # What is put in before an octet counts as a change of its neighbours too.
                place = {"start": end + found.start(1) - 1, "end": end + found.end(1) + 1}
                regions.append(place | {"name": kind})
        path.with_suffix(".pdf.json").write_text(json.dumps(regions))
        made.append(path)
    return made


def _pdf_arguments(path: Path) -> list[str]:
    regions = json.loads(path.with_suffix(".pdf.json").read_text())
    kinds = ["other certificate", "unsignedAttrs"]
    if b"/DSS" in path.read_bytes():
        kinds.append("signer certificate")  # the store holds it once more
    allowed = {one["name"] for one in regions if one["name"].endswith(tuple(kinds))}
    arguments = []
    for name in (*sorted(allowed), *PDF_LOOSE):
        arguments += ["--allow", name]
    return arguments


def main(arguments: list[str]) -> int:
    if not HARNESS.exists():
        print("the harness does not lie beside the project (shared/tools/mutate.py)")
        return 0
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        places = [str(ROOT / part) for part in ("src", "cli", "")]
        environment = os.environ | {FOLDER: folder, "PYTHONPATH": os.pathsep.join(places)}
        for kind, path in write_documents(Path(folder)):
            ops = [] if "--ops" in arguments else ["--ops", OPS]
            done = subprocess.run(
                [
                    *(sys.executable, str(HARNESS), "--callable", f"campaigns.mutate:{kind}"),
                    *("--allow", "other certificate", "--allow", "order of certificates"),
                    # What an unsigned attribute says is judged by itself, and nobody signed it.
                    *("--allow", "signer 0 unsignedAttrs", "--limit", "1", *ops),
                    *("--regions", str(_write_regions(path)), *arguments, str(path)),
                ],
                env=environment,
                check=False,
            )
            worst = max(worst, done.returncode)
        for path in write_pdf_documents(Path(folder)):
            # Cut back to an earlier revision, a document is what it was then: no mutant.
            cut = "" if path.read_bytes().count(b"%%EOF") > 2 else ",trunc"
            ops = [] if "--ops" in arguments else ["--ops", PDF_OPS + cut]
            done = subprocess.run(
                [
                    *(sys.executable, str(HARNESS), "--callable", "campaigns.mutate:document"),
                    *(*_pdf_arguments(path), "--limit", "1", *ops),
                    *("--regions", f"{path}.json", *arguments, str(path)),
                ],
                env=environment,
                check=False,
            )
            worst = max(worst, done.returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
