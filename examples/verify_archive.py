"""Verify a whole archive of signed documents with every core, and count what was found.

python verify_archive.py                      an archive made on the spot
python verify_archive.py FOLDER TRUST_FOLDER   yours, with a folder of `eds trust add`
"""

import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from practice import Practice, now, pin

from eds import Evidence, KeyPurpose, TrustStore, validate
from eds.sign.cms import CmsSigner, sign_attached
from eds.verify.trustfolder import load_trust_store


def judge(file: Path, *, trust: TrustStore, evidence: Evidence) -> tuple[str, str]:
    """A verdict is a value: no document, however broken, ends the run."""
    report = validate(file.read_bytes(), trust=trust, at=now(), evidence=evidence)
    return file.name, report.verdict


def archive(folder: Path) -> Practice:
    practice = Practice(folder)
    store, key = practice.person("aigerim", common_name="ӘЛИЕВА АЙГЕРІМ", surname="ӘЛИЕВА")
    with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
        by = CmsSigner(signer, certificates=key.certificates, at=now())
        for number in range(20):
            signed = sign_attached(b"contract %d" % number, by=by)
            (folder / f"{number:02}.p7m").write_bytes(signed.replace(b"contract 7", b"contract 8"))
    return practice


def verdicts(files: list[Path], trust: TrustStore, evidence: Evidence) -> Iterator[tuple[str, str]]:
    with ProcessPoolExecutor() as pool:  # trust and evidence travel with the task
        yield from pool.map(partial(judge, trust=trust, evidence=evidence), files, chunksize=8)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        if len(sys.argv) == 3:
            folder, trust, evidence = (
                Path(sys.argv[1]),
                load_trust_store(Path(sys.argv[2])),
                Evidence(),
            )
        else:
            practice = archive(folder := Path(made))
            trust, evidence = practice.trust, practice.lists()
        files = sorted(one for one in folder.iterdir() if one.suffix in (".p7m", ".pdf"))
        for verdict, number in Counter(
            said for _, said in verdicts(files, trust, evidence)
        ).items():
            print(number, verdict)
