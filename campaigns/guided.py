"""Coverage-guided fuzzing (atheris, libFuzzer) of every parser that meets untrusted bytes.

`make campaign-guided`; ARGS: `--seconds 600` for each target, names of targets to run some.
Each target runs in a process of its own with libFuzzer's limits: no input may take five seconds
or 256 MB, and nothing may leave but an `EdsError` (a verdict, for the validator). Inputs that
did are left in `build/fuzz/TARGET`. Wants the extra `fuzz`.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

HERE = Path(__file__).parents[1]
sys.path.insert(0, str(HERE))
CORPUS = HERE / "build" / "fuzz"


def targets() -> dict[str, tuple[Callable[[bytes], object], tuple[bytes, ...]]]:
    """Name → (what reads the bytes, seeds)."""
    from eds import ber, der, formats, pem
    from eds.algorithms import SHA256
    from eds.certificatelists import CertificateList
    from eds.certificates import Certificate
    from eds.names import Name
    from eds.ocsp import OcspResponse
    from eds.requests import CertificationRequest
    from eds.sign.cms import sign_attached
    from eds.sign.pdf import sign_pdf
    from eds.signeddata import SignedData
    from eds.timestamps import TimeStampResponse, TimeStampToken
    from eds.verify.policies import read_policy
    from eds.verify.trust import Environment, TrustAnchor, TrustStore
    from eds.verify.validation import validate
    from tests.sign.house import NOON, desk, page, party, root

    certificate = party().certificate
    signed = sign_attached(b"I owe you 10", by=party().cms())
    stamped = sign_pdf(page(), by=party().cms(), at=NOON)
    token = desk().stamp(bytes(32), algorithm=SHA256).encoded
    trust = TrustStore(
        [TrustAnchor(certificate=root().certificate)], name="fuzz", environment=Environment.TEST
    )

    def every_property(kind: type) -> Callable[[bytes], object]:
        """Read the object, and then each of its properties: reading is lazy."""
        from eds.errors import EdsError

        names = [name for name in dir(kind) if not name.startswith("_")]

        def read(data: bytes) -> None:
            value = kind(data)
            for name in names:
                try:
                    getattr(value, name)
                except EdsError:
                    continue

        return read

    def judged(data: bytes) -> object:
        return validate(data, trust=trust, at=NOON + timedelta(minutes=5))

    return {
        "der": (der.check, (certificate.encoded,)),
        "ber": (ber.to_der, (signed,)),
        "pem": (pem.read, (pem.write("CERTIFICATE", certificate.encoded),)),
        "formats": (formats.identify, (certificate.encoded, signed, token)),
        "certificate": (every_property(Certificate), (certificate.encoded,)),
        "list": (every_property(CertificateList), ()),
        "ocsp": (every_property(OcspResponse), ()),
        "request": (every_property(CertificationRequest), ()),
        "token": (every_property(TimeStampToken), (token,)),
        "response": (every_property(TimeStampResponse), ()),
        "name": (every_property(Name), (certificate.subject.encoded,)),
        "signed_data": (every_property(SignedData), (signed,)),
        "validate_cms": (judged, (signed,)),
        "validate_pdf": (judged, (stamped,)),
        "policy": (lambda data: read_policy(data.decode("utf-8", "replace")), ()),
    }


def run_one(name: str, seconds: int) -> None:
    """In the child: fuzz one target until its time is over or it fails."""
    import atheris

    with atheris.instrument_imports(include=["eds"]):
        from eds.errors import EdsError

        read, seeds = targets()[name]
    folder = CORPUS / name
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number}").write_bytes(seed)

    def test(data: bytes) -> None:
        try:
            read(data)
        except EdsError:
            return

    limits = (
        f"-max_total_time={seconds}",
        "-timeout=5",
        "-rss_limit_mb=512",  # the interpreter, the instrumented library, and 256 MB for the input
        "-malloc_limit_mb=256",
        "-max_len=65536",
        "-print_final_stats=1",
        f"-artifact_prefix={folder}/bad-",
    )
    atheris.Setup([sys.argv[0], *limits, str(folder)], test)
    atheris.Fuzz()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--child")
    asked = parser.parse_args()
    if asked.child:
        run_one(asked.child, asked.seconds)
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed (the extra `fuzz`): nothing was fuzzed")
        return 2
    failed = []
    for name in asked.names or targets():
        done = subprocess.run(
            [sys.executable, __file__, "--child", name, "--seconds", str(asked.seconds)],
            check=False,
            capture_output=True,
            text=True,
        )
        runs = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
        print(f"{name:14} {'held' if done.returncode == 0 else 'FAILED':7} {' '.join(runs)}")
        if done.returncode != 0:
            failed.append(name)
            said = done.stderr
            print(said[max(said.find("=== Uncaught"), 0) :][-4000:])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
