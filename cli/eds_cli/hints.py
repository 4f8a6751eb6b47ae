"""What to do after an error, by its code: one sentence that follows the line of the error."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

HINTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "keys.not_found": "`eds key list` shows the labels of your keys; --store names a place.",
        "keys.ambiguous": "`eds key list` shows the identifiers of the keys.",
        "keys.exists": "Choose another label, or look at what is there with `eds key show`.",
        "keys.password_incorrect": "Try again. Nobody can restore a forgotten password.",
        "keys.password_refused": "Choose a longer password.",
        "keys.secret_unavailable": "Run it in a terminal, or give the secret with --password-fd.",
        "keys.damaged": "Take the file from a copy; `eds inspect` shows what is left of it.",
        "keys.exposed": "Let nobody but you read it: chmod 600 for a file, 700 for a folder.",
        "keys.certificate_mismatch": "Add the certificate that was issued for this key with "
        "`eds key add-certificate`.",
        "keys.purpose_forbidden": "Use a key that was made for this purpose.",
        "keys.pin_incorrect": "Try again with care: some wrong PINs lock the token.",
        "keys.pin_locked": "Unlock the token with its PUK, or take it to whoever issued it.",
        "keys.pin_final_try": "Be sure of the PIN; then --use-final-try uses the last try.",
        "keys.token_absent": "Put the token in; `eds token list` shows those that are there.",
        "keys.module_unavailable": "Install the module of your token, or name it with --module.",
        "keys.store_unavailable": "Look whether the folder exists and may be written.",
        "verify.trust_store_unavailable": "Say whose certificates count with `eds trust add`.",
        "verify.anchor_not_found": "`eds trust list` shows the certificates that count.",
        "verify.environments_mixed": "Keep the anchors of production and of test in two folders.",
        "verify.not_passed": "`eds verify FILE` shows what was checked.",
        "verify.pdf_encrypted": "Remove the password of the document first.",
        "sign.certificate_refused": "Renew the certificate, or sign with another key.",
        "sign.content_mismatch": "Name the very file that was signed with --content.",
        "sign.document_exists": "Nothing was overwritten: choose another place with --out.",
        "sign.document_refused": "Look at the document; --accept-risk CODE takes a risk knowingly.",
        "sign.appearance_refused": "Choose a larger box, or shorter words.",
        "sign.time_stamp_refused": "Try again later, or name another authority with --tsa.",
        "sign.level_not_reached": "Give the lists or OCSP responses that are missing: --evidence.",
        "algorithms.unavailable": "`eds doctor` shows what is installed here.",
        "eds.extra_missing": "Install it, or ask whoever looks after this computer.",
        "register.outdated": "`eds ca upgrade` brings the database up to date.",
        "register.unavailable": "Look whether the database runs, and at its address.",
        "register.status_change_refused": "`eds ca show` shows where the certificate stands.",
        "ca.authority_not_found": "Name the folder with --authority, or make one: `eds ca init`.",
        "enroll.application_not_found": "`eds enroll start` begins an application.",
        "enroll.simulator_refused": "Name real providers in desk.toml, or make a demonstration.",
        "audit.chain_broken": "`eds audit verify` shows where; do nothing else before.",
        "names.number_refused": "Compare the number with the document, digit by digit.",
        "enroll.application_open": "`eds enroll status` shows it; give it up before a new one.",
        "enroll.application_changed": "Look at the application again, and decide again.",
        "enroll.wrong_state": "`eds enroll status`, or `eds centre show`, says what comes next.",
        "enroll.provider_unavailable": "Try again later; nothing was decided.",
        "enroll.desk_not_found": "Name the folder with --desk, or make one: `eds centre init`.",
        "login.request_refused": "Go back to the page of the portal, and begin again.",
        "cli.file_not_found": "Look at the name and the folder of the file.",
        "cli.file_exists": "Nothing was overwritten: choose another place.",
        "cli.stopped": "The file costs too much to read; do not trust it.",
        "cli.internal": "This is a mistake of ours. Please report the line above.",
    }
)
