"""What to do about what a doctor found, by the code of the finding."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "doctor.exposed": "Close it: chmod 600 for a file, 700 for a folder, and the right owner.",
        "doctor.missing": "Find out who removed it; take it from the last copy.",
        "doctor.check_failed": "Put right what is named, then run the doctor again.",
        # the machine
        "doctor.package_missing": "Install it again, with all that it asks for.",
        "doctor.package_version": "Install the version that is asked for.",
        "doctor.extra_incomplete": "Install the whole extra, or remove the rest of it.",
        "doctor.data_missing": "Install the toolkit again: its own files are gone.",
        "doctor.token_module": "Install the module of the token, or correct EDS_PKCS11_MODULE.",
        "doctor.disk_full": "Make room before the database cannot write any more.",
        "doctor.backup_absent": "Make a copy now, and see to it that one is made every day.",
        "doctor.backup_old": "Find out why no newer copy was made.",
        "doctor.backup_empty": "Make the copy again, and try whether it can be restored.",
        # keys and trust
        "doctor.key_unreadable": "Take the key from a copy; without one, revoke its certificate.",
        "doctor.certificate_foreign": "Put the right certificate beside the key.",
        "doctor.certificate_early": "Set the clock, or wait.",
        "doctor.certificate_expired": "Ask for a new certificate with a new key.",
        "doctor.certificate_ends": "Renew it while the old key still proves who you are.",
        "doctor.trust_unreadable": "Put the folder together again with `eds trust add`.",
        "doctor.trust_empty": "Add the anchors that count with `eds trust add`.",
        "doctor.anchor_ended": "Add the anchor that succeeds it, with a source that you checked.",
        "doctor.anchor_ends": "Get the anchor that succeeds it, and check where it comes from.",
        "doctor.environments_mixed": "Name the folder of production or that of tests, not both.",
        "doctor.test_anchor": "Remove it: whoever has the test keys signs as anybody.",
        "doctor.trust_of_tests": "Give the desk the anchors of production.",
        # the authority
        "doctor.database_revision": "Run `eds ca upgrade`, or the newer program.",
        "doctor.database_unreachable": "Look whether the database runs; else restore a copy.",
        "doctor.clock_behind": "Set the clock before anything is issued.",
        "doctor.no_issuer": "Hold the ceremony: `eds ca ceremony`.",
        "doctor.issuer_expired": "Nothing it issued is valid any more: hold the next ceremony.",
        "doctor.issuer_ends": "Plan the ceremony of its successor.",
        "doctor.issuer_unfit": "Name an issuer below the root.",
        "doctor.key_out_of_reach": "Put the token in, or the key file back.",
        "doctor.key_exchanged": "Stop issuing, and find out who exchanged the key.",
        "doctor.key_purpose": "Keep the key for this purpose alone.",
        "doctor.list_absent": "Publish it: `eds ca crl`.",
        "doctor.list_stale": "Publish the next one now: `eds ca crl`. "
        "Until then nobody can validate.",
        "doctor.list_due": "Publish the next one: `eds ca crl`.",
        "doctor.responder_absent": "Make one: `eds ca ocsp rotate`.",
        "doctor.responder_ends": "Make the next one: `eds ca ocsp rotate`.",
        "doctor.unfinished": "Look at `eds ca recover`.",
        "doctor.revocation_overdue": "Revoke or refuse now; the term of 24 hours is over.",
        "doctor.revocation_due": "Revoke or refuse within the 24 hours: `eds ca revocations list`.",
        "doctor.mass_unfinished": "Go on with it: `eds ca mass resume`.",
        "doctor.checkpoint_due": "Sign the state of the log: `eds ca checkpoint`.",
        # the desk
        "doctor.simulator": "Name real providers: what a simulator decides counts for nobody.",
        "doctor.demonstration": "Make a desk for production before anybody real applies.",
        "doctor.limit_weak": "Set the limit as it is meant for production.",
        "doctor.profile_missing": "Give the authority the profile, or take it out of the desk.",
        "doctor.pair_common": "Let others decide beside them, and look at their cases.",
        "doctor.officials_missing": "Appoint officials: two people have to decide each case.",
        "doctor.applications_overdue": "Let the desk run: it ends what is over.",
        "doctor.effects_open": "Let the desk run: certificates wait to be released or revoked.",
    }
)
OF_THE_LOG: Final = "Change nothing, keep the database as it is, and find out who altered the log."


def advice(code: str) -> str | None:
    """What to do, as an English message; None where nothing is known."""
    return OF_THE_LOG if code.startswith("audit.") else ADVICE.get(code)
