"""How people come to a certificate: officials, a citizen from home, a non-resident."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from . import house
from .documents import Signatory
from .house import PASSWORD, publish
from .telling import PIN, SECRET, Story

OFFICIALS = {
    # label: (surname and given name, personal number of nobody, role)
    "officer-1": ("БЕКОВА АЙНУР", "700101400012", None),
    "officer-2": ("ОМАРОВ ДАУЛЕТ", "710202300022", None),
    "operator": ("САТПАЕВА ЖАННА", "800303400034", "operator"),
    "checker": ("НҰРЛАН ЕРЛАН", "810404300044", "checker"),
}
CITIZEN = {
    "personal_number": "900101400014",
    "surname": "ӘЛИЕВА",
    "given_name": "АЙГЕРІМ",
    "born": "1990-01-01",
    "sex": "F",
    "nationality": "KAZ",
    "residency": "resident",
    "phone": "+77010000001",
    "document_number": "N00000017",
    "document_expiry": "2031-01-01",
}
VISITOR = {
    "personal_number": "850505500019",
    "surname": "KARIMOV",
    "given_name": "DAVRON",
    "born": "1985-05-05",
    "sex": "M",
    "nationality": "UZB",
    "residency": "non_resident",
    "permission_until": "2027-06-01T00:00:00.000000Z",
    "document_number": "AA1234567",
    "document_expiry": "2030-01-01",
    "has_photo": False,
}
VISIT = """
[document]
kind = 'passport'
country = 'UZ'
number = 'AA1234567'
surname = 'KARIMOV'
given_name = 'DAVRON'
born = '1985-05-05'
nationality = 'UZ'
expires = '2030-01-01'
permission_until = '2027-06-01'

[visit]
place = 'window 3'
inspections = ['original_seen', 'security_features', 'photo_resembles', 'translation_notarised']
capture = 'face.jpg'
translation = 'translation.pdf'
chip_absence = 'no_chip'
contact = 'davron@example.uz'
"""


def tokens(story: Story, *labels: str) -> dict[str, str]:
    """A token for each of `labels`; folders of key files where there is no SoftHSM."""
    if shutil.which("softhsm2-util") is None:
        story.skip("softhsm2 is not installed: keys of officials and visitors are in files")
        return {label: label.lower() for label in labels}
    place = story.folder / "tokens"
    place.mkdir()
    settings = story.folder / "softhsm2.conf"
    settings.write_text(f"directories.tokendir = {place}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(settings)
    for label in labels:
        subprocess.run(
            [
                *("softhsm2-util", "--init-token", "--free", "--label", label),
                *("--so-pin", "31415926", "--pin", house.PIN),
            ],
            check=True,
            capture_output=True,
        )
    return {label: f"pkcs11:token={label}?module-name=softhsm2" for label in labels}


def opens(store: str) -> tuple[str, ...]:
    """The option that opens a store here: a PIN for tokens, a password for files."""
    return PIN if store.startswith("pkcs11:") else SECRET


def desk(story: Story, store: str) -> None:
    """Four officials with keys of their own, and a desk that they are in office at."""
    folder = story.folder
    with story.chapter("Four officials take office at a service centre"):
        (folder / "terms.txt").write_text("Мен шарттармен келісемін.\n", encoding="utf-8")
        for label, (name, number, _) in OFFICIALS.items():
            _certify(story, store, label, name, number)
        shown = store if store.startswith("pkcs11:") else "encrypted files"
        story.tell("officials", f"two security officers, an operator, a checker: keys in {shown}")
        story.eds(
            *("centre", "init", "desk", "--name", "astana", "--authority", "house"),
            *("--issuer", "people", "--audience", "desk.example.kz", "--station", "astana-1"),
            *("--terms", "terms.txt", "--trust", "trust", "--issue-with", "issuer.password"),
            "--demonstration",
            says="made the desk",
        )
        settings = folder / "desk" / "desk.toml"
        settings.write_text(f"{settings.read_text()}\n[times]\nleast_thought = '0s'\n")
        secret = folder / "desk" / "issuer.password"
        secret.touch(mode=0o600)
        secret.write_text(f"{PASSWORD}\n")
        for label in ("root", "people"):  # where the desk looks for the standing of officials
            story.eds("ca", "crl", "--issuer", label, "--out", "desk/evidence", *SECRET, quiet=True)
        keys = ("--store", store, *opens(store))
        officers = ("--key", "officer-1", "--key", "officer-2")
        story.eds("centre", "found", *officers, *keys, says="in office")
        for label, (_, number, role) in OFFICIALS.items():
            if role is not None:
                _appoint(story, label, number, role, keys)


def _certify(story: Story, store: str, label: str, name: str, number: str) -> None:
    keys = ("--store", store, *opens(store))
    story.eds("key", "generate", label, "--purpose", "signature", *keys, quiet=True)
    subject = {
        "country": "KZ",
        "common_name": name,
        "surname": name.split(maxsplit=1)[0],
        "serial_number": f"PNOKZ-{number}",
    }
    (story.folder / f"{label}.toml").write_text(
        "".join(f'{key} = "{value}"\n' for key, value in subject.items()), encoding="utf-8"
    )
    request, made = f"{label}.p10", f"{label}.cer"
    common = ("--subject-common-name", name, "--subject-country", "KZ")
    story.eds("request", "create", label, *keys, *common, "--out", request, quiet=True)
    story.eds(
        *("ca", "issue", request, "--profile", "natural-person-signature", "--issuer", "people"),
        *("--subject-file", f"{label}.toml", "--person", label, "--ra", "founders"),
        *("--evidence", f"{label}.toml", "--out", made, "--yes", *SECRET),
        quiet=True,
    )
    story.eds("key", "add-certificate", label, made, "people.cer", *keys, quiet=True)


def _appoint(story: Story, label: str, number: str, role: str, keys: tuple[str, ...]) -> None:
    (story.folder / "person").write_text(number)
    proposal = f"{label}.proposal.json"
    story.eds(
        *("centre", "officials", "appoint", "--person", "person", "--role", role),
        *("--station", "astana-1", "--out", proposal, "--key", "officer-1", *keys),
        quiet=True,
    )
    story.eds(
        *("centre", "officials", "appoint", "--proposal", proposal),
        *("--key", "officer-2", *keys),
        says="appointed",
    )
    (story.folder / "person").unlink()


def citizen(story: Story) -> Signatory:
    """Aigerim enrols from home, once for signing and once for logging in."""
    with story.chapter("Aigerim enrols from home, and receives her EDS in a file"):
        _moves_in(story, CITIZEN)
        (story.folder / "number").write_text(f"{CITIZEN['personal_number']}\n")
        for label, profile, quiet in (
            ("aigerim", "natural-person-signature", False),
            ("aigerim-login", "natural-person-authentication", True),
        ):
            _from_home(story, label, profile, quiet=quiet)
        (story.folder / "number").unlink()
        story.tell("and", "the same for a second key, which logs in and signs no documents")
    return Signatory(
        name="Aigerim", store="keys", key="aigerim", authentication="aigerim-login", pin=SECRET
    )


def _moves_in(story: Story, person: Mapping[str, object]) -> None:
    file = f"{str(person['surname']).lower()}.json"
    (story.folder / file).write_text(json.dumps(person, ensure_ascii=False), encoding="utf-8")
    story.eds("centre", "simulate", "person", file, quiet=True)
    (story.folder / file).unlink()


def _sent(story: Story, word: str, file: str) -> None:
    """The newest message that would have been sent."""
    said = story.eds("centre", "simulate", "messages", "--json", quiet=True)
    found = next(row["words"][word] for row in reversed(json.loads(said)) if word in row["words"])
    (story.folder / file).write_text(f"{found}\n")


def _from_home(story: Story, label: str, profile: str, *, quiet: bool) -> None:
    mine = ("--application", f"{label}.application")
    eds, check = story.eds, "" if quiet else "next"
    start = ("--profile", profile, "--number", "number", "--agree", *mine)
    eds("enroll", "start", *start, says=check, quiet=quiet)
    _sent(story, "code", "code")
    eds("enroll", "prove", "--code", "code", *mine, says=check, quiet=quiet)
    eds("enroll", "prove", "--photo", *mine, says=check, quiet=quiet)
    face = f"{label}.face"
    eds("centre", "simulate", "face", "--score", "950", "--out", face, *mine, quiet=quiet)
    eds("enroll", "prove", "--face", face, *mine, says=check, quiet=quiet)
    store = ("--store", "keys", "--label", label)
    eds("enroll", "key", *store, *mine, *SECRET, says=check, quiet=quiet)
    eds("enroll", "confirm", "--yes", *mine, *SECRET, says=check, quiet=quiet)
    out = ("--passphrase-out", f"{label}.passphrase", "--out", f"{label}.pem")
    eds("enroll", "activate", *out, *mine, *SECRET, quiet=quiet)
    if not quiet:
        story.openssl(
            *("verify", "-CAfile", "root.cer", "-untrusted", "people.cer", f"{label}.pem"),
            holds=True,
            says="accepts her certificate",
        )


def visitor(story: Story, store: str, officials: str) -> Signatory:
    """Davron comes to the centre; two officials see him through."""
    mine, at_desk = ("--application", "davron.application"), ("--store", officials)
    with story.chapter("Davron, a non-resident, comes to the centre: two officials decide"):
        _moves_in(story, VISITOR)
        place = story.folder / "visit"
        place.mkdir()
        (place / "visit.toml").write_text(VISIT)
        (place / "face.jpg").write_bytes(b"\xff\xd8\xff\xe0 a picture, taken at the window")
        (place / "translation.pdf").write_bytes(b"%PDF-1.7 a translation, notarised")
        (story.folder / "passport").write_text(f"{VISITOR['document_number']}\n")
        opened = story.eds(
            *("centre", "open", "--country", "UZ", "--number", "passport", "--agree"),
            *(*mine, "--json"),
        )
        name = json.loads(opened)["application"]
        by = {label: ("--key", label, *at_desk, *opens(officials)) for label in OFFICIALS}
        story.eds("centre", "check-in", name, *by["operator"])
        story.eds("centre", "record", name, "visit/visit.toml", *by["operator"])
        alone = ("centre", "approve", name, *by["operator"])
        story.eds(*alone, says="same_person", status=5)
        said = story.eds("centre", "approve", name, "--half-out", "half", *by["checker"])
        del said
        _sent(story, "half", "sent")
        halves = (story.folder / "half").read_text().strip(), (story.folder / "sent").read_text()
        (story.folder / "halves").write_text("-".join(halves))
        keys = ("--store", store, "--label", "davron")
        story.eds("enroll", "key", *keys, "--halves", "halves", *mine, *opens(store), says="next")
        story.eds("enroll", "confirm", "--yes", *mine, *opens(store), says="next")
        out = ("--passphrase-out", "davron.passphrase", "--out", "davron.pem")
        story.eds("enroll", "activate", *out, *mine, *opens(store))
        for file in ("passport", "half", "sent", "halves", "code"):
            Path(story.folder, file).unlink(missing_ok=True)
        story.openssl(
            *("verify", "-CAfile", "root.cer", "-untrusted", "people.cer", "davron.pem"),
            holds=True,
            says="accepts his certificate, which ends before his permission to stay",
        )
    publish(story, quiet=True)
    return Signatory(name="Davron", store=store, key="davron", authentication="", pin=opens(store))
