"""`eds trust`: whose certificates count."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from eds_cli.authority import Consent, plan_options
from eds_cli.instants import Instant, now
from eds_cli.lazy import HELP_NAMES
from eds_cli.output import Facts, done, json_option, show, show_json, show_table
from eds_cli.speech import say
from eds_cli.trusting import load_trust, trust_folders, trust_option

if TYPE_CHECKING:
    from datetime import datetime

    from eds.certificates import Certificate
    from eds.verify.trust import TrustAnchor, TrustStore

PURPOSES: Final = (
    "signature",
    "authentication",
    "time-stamping",
    "ocsp-signing",
    "list-signing",
    "any",
)


@click.group(context_settings=HELP_NAMES)
def trust() -> None:
    """Say whose certificates count, and look at what was said.

    Anchors stand in a folder with a manifest, trust.toml; production and test never share one.
    """


@trust.command("add")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--trust",
    "folder",
    metavar="FOLDER",
    help="The folder; else $EDS_TRUST, else one of the user's own. Made where it is missing.",
)
@click.option("--name", metavar="NAME", help="The name of a new store.")
@click.option(
    "--environment",
    type=click.Choice(["production", "test"]),
    help="What a new store is for; production, if not given.",
)
@click.option(
    "--purpose",
    "purposes",
    type=click.Choice(PURPOSES),
    metavar="PURPOSE",
    multiple=True,
    help=f"What paths to it may be proven for: {', '.join(PURPOSES)}; all, if not given.",
)
@click.option("--intermediate", is_flag=True, help="Known, but proven like any other: no anchor.")
@click.option(
    "--trusted-list",
    is_flag=True,
    help="FILE is a trusted list of ETSI TS 119 612, signed by --signer.",
)
@click.option("--signer", "signers", metavar="CERT", multiple=True, help="Who signs the list.")
@click.option(
    "--known",
    metavar="SET",
    help="Take only what the set lists by SHA-256, each in its place: kz-production, kz-test.",
)
@click.option("--source", metavar="TEXT", default="", help="Where it comes from; shown to people.")
@click.option("--at", type=Instant(), help="When the list must be fresh; now, if not given.")
@plan_options
def add(
    files: tuple[str, ...],
    folder: str | None,
    name: str | None,
    environment: str | None,
    purposes: tuple[str, ...],
    intermediate: bool,
    trusted_list: bool,
    signers: tuple[str, ...],
    known: str | None,
    source: str,
    at: datetime | None,
    consent: Consent,
) -> int:
    """Believe the certificates in FILE (DER, PEM or CMS) from now on.

    Compare the SHA-256 with what their authority publishes elsewhere before you say yes.
    """
    from eds.certificates import Certificate
    from eds.errors import EnvironmentsMixed, MalformedCertificate
    from eds.verify.knowntrust import known_store
    from eds.verify.trust import Environment, Purpose, TrustAnchor, TrustStore
    from eds.verify.trustedlist import read_trusted_list
    from eds.verify.trustfolder import MANIFEST, load_trust_store, save_trust_store

    if known is not None and (trusted_list or intermediate or purposes or environment):
        raise click.UsageError("--known says itself what the certificates are for")
    if trusted_list is not bool(signers):
        raise click.UsageError("--trusted-list and --signer belong together")
    place = trust_folders((folder,) if folder else ())[0]
    exists = (place / MANIFEST).exists()
    if exists and (name or environment):
        raise click.UsageError("--name and --environment are for a new store; this one exists")
    old = (
        load_trust_store(place)
        if exists
        else TrustStore(
            (),
            name=name or known or "user",
            environment=Environment(environment or _environment_of(known)),
        )
    )
    anchors: list[TrustAnchor] = []
    certificates: list[Certificate] = []
    for file in files:
        data = Path(file).read_bytes()
        if known is not None:
            listed = known_store(known, Certificate.certificates(data))
            if listed.environment is not old.environment:
                raise EnvironmentsMixed(names=(old.name, known))
            anchors += listed.anchors
            certificates += listed.certificates
        elif trusted_list:
            named = [Certificate.load(Path(one).read_bytes()) for one in signers]
            anchors += read_trusted_list(data, signers=named, at=at or now()).anchors
        elif intermediate:
            certificates += Certificate.certificates(data)
        else:
            chosen = frozenset(map(Purpose, purposes)) or None
            for one in Certificate.certificates(data):
                anchor = TrustAnchor(certificate=one, source=source)
                anchors.append(anchor if chosen is None else _limited(anchor, chosen))
    new = TrustStore(
        (*old.anchors, *anchors),
        certificates=(*old.certificates, *certificates),
        name=old.name,
        environment=old.environment,
    )
    if not anchors and not certificates:
        raise MalformedCertificate(reason="none in the files")
    plan: Facts = {
        "folder": str(place),
        "store": f"{new.name} ({new.environment.value})",
        "anchors": [_anchor_facts(one) for one in anchors],
        "intermediates": [_certificate_facts(one) for one in certificates],
    }
    if not consent.given(plan, title=say("believe these certificates")):
        return consent.status
    save_trust_store(new, place)
    consent.done(_store_facts(new))
    if not consent.as_json:
        done(
            say(
                "{folder}: {anchors} anchors, {intermediates} intermediates",
                folder=place,
                anchors=len(new.anchors),
                intermediates=len(new.certificates),
            )
        )
    return 0


def _environment_of(known: str | None) -> str:
    """The environment of a set that is known; production without one."""
    from eds.country import trust_sets

    if known is None:
        return "production"
    if known not in trust_sets():
        raise click.UsageError(f"--known is one of {', '.join(sorted(trust_sets()))}")
    return trust_sets()[known].environment


def _limited(anchor: TrustAnchor, purposes: Any) -> TrustAnchor:
    from dataclasses import replace

    return replace(anchor, purposes=purposes)


@trust.command("list")
@trust_option
@json_option
def list_command(folders: tuple[str, ...], as_json: bool) -> int:
    """List what is believed."""
    store = load_trust(folders)
    if as_json:
        show_json(_store_facts(store))
        return 0
    click.echo(f"{store.name} ({store.environment.value}), {store.digest.hex()[:16]}")
    rows = [
        ("anchor", _subject(one.certificate), _purposes(one), one.certificate.fingerprint.hex())
        for one in store.anchors
    ]
    rows += [("known", _subject(one), "", one.fingerprint.hex()) for one in store.certificates]
    show_table(("kind", "subject", "purposes", "sha-256"), rows)
    return 0


@trust.command("show")
@click.argument("reference", metavar="SHA256")
@trust_option
@json_option
def show_command(reference: str, folders: tuple[str, ...], as_json: bool) -> int:
    """Show one certificate of the store: SHA256 is its fingerprint, or how it begins."""
    from eds.errors import AnchorNotFound
    from eds_cli import describe

    store = load_trust(folders)
    wanted = reference.lower().replace(":", "")
    for anchor in store.anchors:
        if wanted and anchor.certificate.fingerprint.hex().startswith(wanted):
            certificate = describe.certificate(anchor.certificate, at=now())
            show({**_anchor_facts(anchor), "certificate": certificate}, as_json=as_json)
            return 0
    for known in store.certificates:
        if wanted and known.fingerprint.hex().startswith(wanted):
            show({"certificate": describe.certificate(known, at=now())}, as_json=as_json)
            return 0
    raise AnchorNotFound(reference=reference)


def _store_facts(store: TrustStore) -> Facts:
    return {
        "name": store.name,
        "environment": store.environment.value,
        "digest": store.digest.hex(),
        "anchors": [_anchor_facts(one) for one in store.anchors],
        "certificates": [_certificate_facts(one) for one in store.certificates],
    }


def _anchor_facts(anchor: TrustAnchor) -> Facts:
    return {
        **_certificate_facts(anchor.certificate),
        "purposes": sorted(one.value for one in anchor.purposes),
        "since": None if anchor.since is None else anchor.since.isoformat(),
        "until": None if anchor.until is None else anchor.until.isoformat(),
        "source": anchor.source,
    }


def _certificate_facts(certificate: Certificate) -> Facts:
    return {
        "subject": _subject(certificate),
        "sha256": certificate.fingerprint.hex(),
        "not_after": certificate.not_after.isoformat(),
    }


def _subject(certificate: Certificate) -> str:
    from eds.verify.wording import subject_of

    return subject_of(certificate)[0]


def _purposes(anchor: TrustAnchor) -> str:
    from eds.verify.trust import EVERY_PURPOSE

    if anchor.purposes == EVERY_PURPOSE:
        return "every"
    return ", ".join(sorted(one.value for one in anchor.purposes))
