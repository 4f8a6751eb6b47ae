"""What the toolkit can do today, told top to bottom: `make demo`.

Works offline in a folder of its own. Every claim is checked by `openssl`, which knows nothing
of this project; the first that does not hold ends the demo with status 1.
"""

from __future__ import annotations

import contextlib
import io
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from eds import (
    CertificationRequest,
    EdsError,
    KeyPurpose,
    KeyStore,
    LegalPerson,
    NaturalPerson,
    Secret,
    __version__,
    open_keystore,
    signature_algorithm,
)
from eds.keys import KeyRef, PinRequest
from eds_cli.main import run

MESSAGE = "Я, нижеподписавшийся, получил десять тысяч тенге.\n".encode()
PASSWORD = "demo: correct horse battery staple"
PIN = "271828"
COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


# --- telling --------------------------------------------------------------------------------------


def paint(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def chapter(number: int, title: str) -> None:
    print(f"\n{paint(f'{number}  {title}', '1')}")


def tell(what: str, text: str, mark: str = " ") -> None:
    first, *rest = textwrap.wrap(text, 64)
    print(f"   {mark} {paint(f'{what:<9}', '36')} {first}")
    for line in rest:
        print(" " * 15 + line)


def check(what: str, text: str, *, holds: bool) -> None:
    tell(what, text, paint("✓", "32") if holds else paint("✗", "31"))
    if not holds:
        sys.exit(f"demo: this does not hold: {text}")


def openssl(*arguments: str | Path, data: bytes | None = None) -> tuple[bool, str]:
    """(whether it ended well, what it said)."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=data, capture_output=True, check=False
    )
    return done.returncode == 0, (done.stdout + done.stderr).decode(errors="replace").strip()


def timed(act: Callable[[], KeyRef]) -> tuple[KeyRef, str]:
    begin = time.perf_counter()
    result = act()
    return result, f"{(time.perf_counter() - begin) * 1000:.0f} ms"


# --- the story ------------------------------------------------------------------------------------


def make(
    store: KeyStore, label: str, algorithm: str, pin: Callable[[PinRequest], Secret]
) -> KeyRef:
    key, taken = timed(
        lambda: store.generate(
            label=label,
            algorithm=signature_algorithm(algorithm),
            purpose=KeyPurpose.SIGNATURE,
            pin=pin,
        )
    )
    kind = key.public_key.description if key.public_key else algorithm
    tell("made", f"{kind} key {label!r}, for {key.purpose.words} alone, in {taken}")
    return key


def sign(store: KeyStore, key: KeyRef, pin: Callable[[PinRequest], Secret], folder: Path) -> None:
    """Sign the message through a Signer, and let openssl judge."""
    with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
        signature = signer.sign(MESSAGE)
        public_key, algorithm = signer.public_key, signer.algorithm
    tell("signed", f"{algorithm.name}, {len(signature)} octets")
    message, value, public = folder / "message", folder / "signature", folder / "public"
    message.write_bytes(MESSAGE)
    value.write_bytes(signature)
    public.write_bytes(public_key.encoded)
    files = ("-keyform", "DER", "-signature" if algorithm.digest else "-sigfile", value)
    for changed in (False, True):
        message.write_bytes(MESSAGE.replace("десять".encode(), "двадцать".encode()))
        if not changed:
            message.write_bytes(MESSAGE)
        if algorithm.digest is not None:
            ok, _ = openssl("dgst", f"-{algorithm.digest.name}", "-verify", public, *files, message)
        else:
            ok, _ = openssl(
                "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", message, *files
            )
        said = "refuses a changed one" if changed else "verifies the message"
        check("openssl", said, holds=ok is not changed)


def ask(
    store: KeyStore, key: KeyRef, subject: object, pin: Callable[[PinRequest], Secret], out: Path
) -> None:
    """Make a certification request and let openssl judge it."""
    assert isinstance(subject, NaturalPerson | LegalPerson)
    with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
        made = CertificationRequest.build(subject.name, signer)
    out.write_bytes(made.encoded)
    tell("request", subject.name.rfc4514.replace(",", ", "))
    ok, said = openssl("req", "-verify", "-noout", "-inform", "DER", "-in", out)
    check("openssl", "verifies its self-signature", holds=ok and "OK" in said)


def files(folder: Path) -> None:
    chapter(1, "A key in an encrypted file")

    def password(_: PinRequest) -> Secret:
        return Secret(PASSWORD)

    place = folder / "keys"
    place.mkdir(mode=0o700)
    store = open_keystore(str(place))
    for label, algorithm in (("aigerim", "ecdsa-p256-sha256"), ("aigerim-2", "ed25519")):
        key = make(store, label, algorithm, password)
        sign(store, key, password, folder)
    key = store.find("aigerim")
    file = next(place.glob("aigerim.*"))
    mode = file.stat().st_mode & 0o777
    check("file", f"{file.name}, mode {mode:04o}", holds=mode == 0o600)
    ok, _ = openssl("pkey", "-in", file, "-noout", "-passin", "stdin", data=PASSWORD.encode())
    check("openssl", "opens the file with the password", holds=ok)
    try:
        with store.open(key, purpose=KeyPurpose.AUTHENTICATION, pin=password):
            check("eds", "a key for signature must not log in", holds=False)
    except EdsError as error:
        check("eds", f"will not log in with it: {error.code}", holds=True)
    try:
        with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=lambda _: Secret("wrong")):
            check("eds", "a wrong password must not open it", holds=False)
    except EdsError as error:
        check("eds", f"refuses a wrong password: {error.code}", holds=True)
    person = NaturalPerson(
        common_name="ӘЛИЕВА АЙГЕРІМ",
        surname="ӘЛИЕВА",
        given_name="АЙГЕРІМ",
        serial_number="PNOKZ-900101400123",
        country="KZ",
    )
    ask(store, key, person, password, folder / "person.p10")


def token(folder: Path) -> bool:
    """The same in a token. False where there is none to be had."""
    chapter(2, "A key in a PKCS #11 token")
    if shutil.which("softhsm2-util") is None:
        tell("skipped", "softhsm2 is not installed: the half with a token is not shown")
        return False
    tokens = folder / "tokens"
    tokens.mkdir()
    settings = folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    subprocess.run(
        [
            *("softhsm2-util", "--init-token", "--free", "--label", "EDS demo"),
            *("--so-pin", "31415926", "--pin", PIN),
        ],
        check=True,
        capture_output=True,
    )

    def pin(_: PinRequest) -> Secret:
        return Secret(PIN)

    store = open_keystore("pkcs11:token=EDS%20demo?module-name=softhsm2")
    tell("token", "EDS demo (SoftHSM 2)")
    for label, algorithm in (("seal", "ecdsa-p384-sha384"), ("seal-rsa", "rsa-pkcs1-sha256")):
        key = make(store, label, algorithm, pin)
        sign(store, key, pin, folder)
    key = store.find("seal")
    try:
        store.export(key, pin=pin)
        check("eds", "the key must not leave the token", holds=False)
    except EdsError as error:
        check("eds", f"the key does not leave the token: {error.code}", holds=True)
    organisation = LegalPerson(
        organization_name="ТОО «ДЕМО»",
        organization_identifier="NTRKZ-123456789012",
        country="KZ",
    )
    ask(store, key, organisation, pin, folder / "organisation.p10")
    return True


def inspect(folder: Path) -> None:
    chapter(3, "What is this file?")
    print("     $ eds inspect person.p10\n")
    command = [sys.executable, "-m", "eds_cli", "inspect", "person.p10"]
    watched = sys.stdout.isatty()  # then it may use the colours and the width of the terminal
    sys.stdout.flush()
    done = subprocess.run(command, cwd=folder, check=False, capture_output=not watched)
    for line in (done.stdout or b"").decode().splitlines():
        print(f"     {line}")
    print()
    check("eds", "reads what it wrote", holds=done.returncode == 0)


CEREMONY = """
[ceremony]
name = "demo"
purpose = "A hierarchy to look at"

[[participant]]
name = "A. Bekova"
role = "ceremony administrator"

[[participant]]
name = "D. Omarov"
role = "witness"

[subject]
country = "KZ"
organization = "Demo Authority"
organization_identifier = "NTRKZ-123456789012"

[[certificate]]
label = "root"
profile = "root"
algorithm = "ecdsa-p384-sha384"
subject.common_name = "Demo Root CA"
crl_urls = ["http://crl.example.kz/root.crl"]

[[certificate]]
label = "people"
profile = "issuing-ca"
issuer = "root"
algorithm = "ecdsa-p256-sha256"
subject.common_name = "Demo People CA"
crl_urls = ["http://crl.example.kz/people.crl"]
"""
SUBJECT = """
country = "KZ"
common_name = "ӘЛИЕВА АЙГЕРІМ"
surname = "ӘЛИЕВА"
given_name = "АЙГЕРІМ"
serial_number = "PNOKZ-900101400123"
"""


def eds(folder: Path, *arguments: str, says: str, secret: bool = False, status: int = 0) -> None:
    """Run one command as people do; what it says has a line with `says`."""
    said = io.StringIO()
    shown = f"     $ eds {shlex.join(arguments)}"
    print(textwrap.fill(shown, 80, subsequent_indent=" " * 11, break_on_hyphens=False))
    if secret:
        os.environ["EDS_DEMO_PASSWORD"] = PASSWORD
        arguments = (*arguments, "--password-env", "EDS_DEMO_PASSWORD")
    with contextlib.chdir(folder), redirect_stdout(said), redirect_stderr(io.StringIO()):
        ended = run(arguments)
    lines = reversed(said.getvalue().splitlines())
    line = next((one for one in lines if says in one), "something else")
    check("eds", line.strip(), holds=ended == status and says in line)


def authority(folder: Path) -> None:
    """From nothing to a certificate that is held, released and revoked, by commands alone."""
    chapter(4, "An authority, and the certificate of Aigerim")
    os.environ |= {"EDS_AUTHORITY": "house", "EDS_ACTOR": "official/7"}
    (folder / "ceremony.toml").write_text(CEREMONY, encoding="utf-8")
    (folder / "aigerim.toml").write_text(SUBJECT, encoding="utf-8")
    eds(folder, "ca", "init", "house", "--name", "demo", says="made the authority", secret=True)
    eds(folder, "ca", "ceremony", "ceremony.toml", "--yes", says="is finished", secret=True)
    eds(folder, "ca", "ceremony", "--verify", "house/ceremonies/demo.json", says="report holds")
    for label in ("root", "people"):
        eds(folder, "ca", "show", label, "--out", f"{label}.cer", says="basic constraints")
    issue = (
        *("ca", "issue", "person.p10", "--profile", "natural-person-signature"),
        *("--subject-file", "aigerim.toml", "--person", "person-1", "--ra", "centre-7"),
        *("--evidence", "aigerim.toml", "--out", "aigerim.cer", "--yes"),
    )
    eds(folder, *issue, says="issued", secret=True)
    leaf = folder / "aigerim.cer"
    chain = ("verify", "-CAfile", folder / "root.cer", "-untrusted", folder / "people.cer")
    ok, _ = openssl(*chain, "-x509_strict", leaf)
    check("openssl", "accepts the certificate", holds=ok)
    ok, said = openssl(*chain, "-purpose", "sslserver", leaf)
    check("openssl", "refuses it as a server's", holds=not ok and "purpose" in said)
    for label in ("root", "people"):
        publish = ("ca", "crl", "--issuer", label, "--out", "www")
        eds(folder, *publish, says="published", secret=True)
    documents(folder)
    chapter(6, "The certificate is held, released and revoked, and verdicts follow")
    _, said = openssl("x509", "-in", leaf, "-noout", "-serial")
    serial = f"0x{said.partition('=')[2].lower()}"
    listed = ("-crl_check", "-CRLfile", folder / "www" / "people.crl")
    for act, more, word in (
        ("hold", (), "held"),
        ("release", (), "released"),
        ("revoke", ("--reason", "superseded"), "revoked"),
    ):
        eds(folder, "ca", act, serial, *more, "--yes", says=word)
        eds(folder, "ca", "crl", "--out", "www", says="published", secret=True)
        ok, said = openssl(*chain, *listed, leaf)
        accepts = act == "release"
        text = f"{'accepts' if accepts else 'refuses'} it with the new list"
        check("openssl", text, holds=ok is accepts and ("revoked" in said) is not accepts)
        says, status = ("TOTAL_PASSED", 0) if accepts else ("INDETERMINATE / ", 11)
        eds(folder, *VERIFY, "letter.txt.p7s", says=says, status=status)
    log = ("--database", "house/register.db", "--key", "house/audit.pem")
    eds(folder, "audit", "verify", *log, says="the log is what was written")


VERIFY = (
    *("verify", "--trust", "trust"),
    *("--evidence", "www/root.crl", "--evidence", "www/people.crl"),
)


def pdf(text: str) -> bytes:
    """A page with one line: the smallest honest PDF."""
    drawn = f"BT /F 18 Tf 72 760 Td ({text}) Tj ET"
    page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
    page += " /Resources << /Font << /F 5 0 R >> >> >>"
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page,
        f"<< /Length {len(drawn)} >>\nstream\n{drawn}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    made, places = "%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(made))
        made += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    made += f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R >>"
    return f"{made}\nstartxref\n{made.index('xref')}\n%%EOF\n".encode("latin-1")


def documents(folder: Path) -> None:
    """Aigerim signs what openssl and pdfsig accept; a changed copy fails."""
    chapter(5, "Aigerim signs, and others check")
    (folder / "letter.txt").write_bytes(MESSAGE)
    (folder / "contract.pdf").write_bytes(pdf("I owe you 10"))
    key = ("--store", "keys", "--key", "aigerim")
    certificates = ("aigerim.cer", "people.cer")
    trust = ("trust", "add", "root.cer", "--trust", "trust", "--name", "demo")
    eds(folder, *trust, "--source", "the report of the ceremony", "--yes", says="1 anchors")
    means = ("--trust", "trust", "--evidence", "www/root.crl", "--evidence", "www/people.crl")
    given = tuple(word for one in certificates for word in ("--certificate", one))
    for file, name in (("letter.txt", "letter.txt.p7s"), ("contract.pdf", "contract.signed.pdf")):
        eds(folder, "sign", file, *key, *given, *means, "--yes", says=name, secret=True)
        eds(folder, *VERIFY, name, says="TOTAL_PASSED")
    cms = (
        *("cms", "-verify", "-cades", "-binary", "-inform", "DER", "-purpose", "any"),
        *("-in", folder / "letter.txt.p7s", "-content", folder / "letter.txt"),
        *("-CAfile", folder / "root.cer", "-out", folder / "out"),
    )
    ok, _ = openssl(*cms)
    check("openssl", "verifies the letter", holds=ok)
    if shutil.which("pdfsig") is not None:
        done = subprocess.run(
            ["pdfsig", "-nocert", folder / "contract.signed.pdf"], capture_output=True, check=False
        )
        check("pdfsig", "verifies the contract", holds=b"Signature is Valid" in done.stdout)
    changed = (folder / "contract.signed.pdf").read_bytes().replace(b"you 10", b"you 99")
    (folder / "changed.pdf").write_bytes(changed)
    eds(folder, *VERIFY, "changed.pdf", says="HASH_FAILURE", status=10)
    eds(folder, *VERIFY, "letter.txt.p7s", "--html", "report.html", says="report.html")


def main() -> None:
    print(paint(f"eds {__version__}: what works today", "1"))
    if shutil.which("openssl") is None:
        sys.exit("demo: openssl is not installed, and nobody else is here to judge")
    with tempfile.TemporaryDirectory(prefix="eds-demo-") as name:
        folder = Path(name)
        files(folder)
        whole = token(folder)
        inspect(folder)
        authority(folder)
    print(paint(f"\nEverything held{'' if whole else ', as far as it was shown'}.", "1"))


if __name__ == "__main__":
    main()
