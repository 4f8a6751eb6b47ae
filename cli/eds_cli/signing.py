"""What the commands that sign share: the key, the time-stamps, what is shown before."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from eds_cli.instants import now
from eds_cli.output import Facts
from eds_cli.speech import say
from eds_cli.stores import find_key, known_key, store_option
from eds_cli.trusting import load_trust, trust_folders, trust_option

if TYPE_CHECKING:
    from eds.certificates import Certificate
    from eds.keys import KeyPurpose, KeyRef, KeyStore
    from eds.sign.cms import CmsSigner
    from eds.sign.levels import Raising
    from eds.sign.stamping import TimeStamper
    from eds.verify.evidence import Evidence
    from eds.verify.trust import TrustStore
    from eds_cli.pins import Secrets

F = TypeVar("F", bound=Callable[..., Any])

LEVELS: Final = ("B", "T", "LT", "LTA")


def means_options(command: F) -> F:
    """Time-stamps, trust, evidence; the command is called with `means: Means`."""

    @functools.wraps(command)
    def wrapped(
        *args: Any,
        tsa: tuple[str, ...],
        tsa_policy: str | None,
        tsa_network: tuple[str, ...],
        folders: tuple[str, ...],
        evidence_files: tuple[str, ...],
        allowed: tuple[str, ...],
        **kwargs: Any,
    ) -> Any:
        means = Means(
            tsa=tsa,
            tsa_policy=tsa_policy,
            networks=tsa_network,
            folders=folders,
            evidence_files=evidence_files,
            allowed=allowed,
            at=now(),
        )
        return command(*args, means=means, **kwargs)

    decorated: Any = click.option(
        "--fetch-from",
        "allowed",
        metavar="URL",
        multiple=True,
        help="Status may be fetched from addresses that begin so; from none, if not given.",
    )(wrapped)
    decorated = click.option(
        "--evidence",
        "evidence_files",
        metavar="FILE",
        multiple=True,
        help="A certificate, revocation list or OCSP response at hand; or a folder of them.",
    )(decorated)
    decorated = trust_option(decorated)
    decorated = click.option(
        "--tsa-network",
        metavar="NETWORK",
        multiple=True,
        help="A private network that may be reached, such as 10.0.0.0/8.",
    )(decorated)
    decorated = click.option(
        "--tsa-policy", metavar="OID", help="The policy wanted of the time-stamping authority."
    )(decorated)
    return click.option(  # type: ignore[no-any-return]
        "--tsa",
        metavar="URL",
        multiple=True,
        envvar="EDS_TSA",
        help="A time-stamping authority (or $EDS_TSA); several are asked in turn.",
    )(decorated)


def key_options(command: F) -> F:
    """`--key`, `--store` and `--certificate`."""
    decorated: Any = click.option(
        "--certificate",
        "certificate_files",
        metavar="FILE",
        multiple=True,
        help="The signer's certificate and its issuers, where the store has none.",
    )(command)
    decorated = store_option(decorated)
    return click.option(  # type: ignore[no-any-return]
        "--key",
        metavar="KEY",
        help="Label, identifier or URI; the only key of the store, if not given.",
    )(decorated)


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a command may raise and check signatures with; nothing of it is opened yet."""

    tsa: tuple[str, ...]
    tsa_policy: str | None
    networks: tuple[str, ...]
    folders: tuple[str, ...]
    evidence_files: tuple[str, ...]
    allowed: tuple[str, ...]
    at: datetime

    @functools.cached_property
    def trust(self) -> TrustStore:
        """The anchors; an empty set where nobody named any."""
        from eds.verify.trust import Environment, TrustStore
        from eds.verify.trustfolder import MANIFEST

        if not self.folders and not any(
            (folder / MANIFEST).exists() for folder in trust_folders(())
        ):
            return TrustStore((), name="none", environment=Environment.PRODUCTION)
        return load_trust(self.folders)

    @functools.cached_property
    def evidence(self) -> Evidence:
        """What was given on the command line."""
        from eds_cli.evidence import read_evidence

        return read_evidence(self.evidence_files)

    def collector(self) -> Any:
        """Fetches what is missing from where it is allowed; nothing where nothing is."""
        from eds.sign.levels import OFFLINE
        from eds.verify.fetch import collect
        from eds.verify.fetch_rules import FetchRules
        from eds.verify.policy import BASIC

        if not self.allowed:
            return OFFLINE
        rules = FetchRules(allowed=self.allowed, networks=self._networks())
        trust = self.trust

        class Online:
            def collect(self, path: Any, *, at: datetime) -> Evidence:
                return collect(path, trust=trust, at=at, policy=BASIC, rules=rules).evidence

        return Online()

    def stamper(self) -> TimeStamper | None:
        """The time-stamping authorities, in turn."""
        from eds.sign.timestamp import HttpTimeStamper, TimeStampService, judged_by
        from eds.verify.policy import BASIC

        if not self.tsa:
            return None
        return HttpTimeStamper(
            services=tuple(TimeStampService(url=url, policy=self.tsa_policy) for url in self.tsa),
            judge=judged_by(trust=self.trust, policy=BASIC, at=self.at, evidence=self.evidence),
            networks=self._networks(),
        )

    def raising(self) -> Raising:
        """Everything to raise a signature. A usage error without an authority."""
        from eds.sign.levels import Raising
        from eds.verify.policy import BASIC

        stamper = self.stamper()
        if stamper is None:
            raise click.UsageError(say("levels above B need --tsa, a time-stamping authority"))
        return Raising(
            trust=self.trust,
            policy=BASIC,
            at=self.at,
            stamper=stamper,
            evidence=self.evidence,
            collector=self.collector(),
        )

    def _networks(self) -> tuple[Any, ...]:
        try:
            return tuple(map(ip_network, self.networks))
        except ValueError as error:
            raise click.UsageError(f"--tsa-network: {error}") from None


@dataclass(frozen=True, kw_only=True)
class ChosenKey:
    """A key that will sign, and what to show of it before its PIN is asked for."""

    store: KeyStore
    key: KeyRef
    certificates: tuple[Certificate, ...]
    facts: Facts
    at: datetime
    purpose: KeyPurpose

    @contextmanager
    def opened(self, secrets: Secrets) -> Iterator[CmsSigner]:
        """The key, ready for its purpose. The PIN is asked for once."""
        from eds.sign.cms import CmsSigner

        certificates, purpose = self.certificates, self.purpose
        with self.store.open(self.key, purpose=purpose, pin=secrets.pin) as signer:
            yield CmsSigner(signer, certificates=certificates, at=self.at, purpose=purpose)


def choose_key(
    key: str | None,
    store: str,
    certificate_files: tuple[str, ...],
    secrets: Secrets,
    means: Means,
    purpose: KeyPurpose | None = None,
) -> ChosenKey:
    """The key of that name, or the only one, with its certificates, asked about already.

    `purpose`: signature, if not given.
    """
    from eds.certificates import Certificate
    from eds.errors import CertificateMismatch
    from eds.keys import KeyPurpose

    purpose = purpose or KeyPurpose.SIGNATURE

    keystore, found = find_key(store, key or only_key(store))
    found = known_key(keystore, found, secrets.pin)
    given = tuple(
        one for file in certificate_files for one in Certificate.certificates(_bytes(file))
    )
    certificates = _ordered(found.public_key, given or found.certificates)
    if not certificates:
        raise CertificateMismatch(key=found.label)
    return ChosenKey(
        store=keystore,
        key=found,
        certificates=certificates,
        facts={
            "key": found.label,
            **_signer_facts(certificates[0]),
            "standing": _standing(certificates, means, purpose),
        },
        at=means.at,
        purpose=purpose,
    )


def only_key(store: str) -> str:
    """The label of the one key there is. A usage error where there are more."""
    from eds_cli.stores import survey

    keys, _ = survey(store)
    if len(keys) != 1:
        raise click.UsageError(
            say("keys in the store: {count}; say which with --key", count=len(keys))
        )
    return keys[0].label


def _ordered(public_key: Any, certificates: tuple[Certificate, ...]) -> tuple[Certificate, ...]:
    """The signer's own first."""
    own = [one for one in certificates if one.public_key == public_key]
    return (*own[:1], *(one for one in certificates if one not in own)) if own else ()


def _standing(certificates: tuple[Certificate, ...], means: Means, purpose: KeyPurpose) -> str:
    """Asks about the certificate before the PIN is used; revoked and held ones end here."""
    from eds.keys import KeyPurpose
    from eds.sign.admission import Standing, admit
    from eds.verify.trust import Purpose

    documents = purpose is KeyPurpose.SIGNATURE

    admission = admit(
        certificates[0],
        trust=means.trust,
        at=means.at,
        certificates=certificates[1:],
        evidence=means.evidence,
        collector=means.collector(),
        purpose=Purpose.SIGNATURE if documents else Purpose.AUTHENTICATION,
    )
    return {
        Standing.GOOD: say("good: not revoked"),
        Standing.STATUS_UNKNOWN: say("not known: nothing at hand says whether it is revoked"),
        Standing.UNPROVEN: say("not known: its authority is not among the trusted ones here"),
    }[admission.standing]


def _signer_facts(certificate: Certificate) -> Facts:
    from eds.verify.wording import subject_of

    name, organisation = subject_of(certificate)
    return {
        "signer": name,
        "organisation": organisation,
        "certificate_sha256": certificate.fingerprint.hex(),
        "valid_until": certificate.not_after.isoformat(),
    }


def document_facts(file: Path) -> Facts:
    """What people compare before they sign: the name, the size, the digest."""
    found, size = hashlib.sha256(), 0
    with file.open("rb") as opened:
        while piece := opened.read(1 << 20):
            found.update(piece)
            size += len(piece)
    return {"document": str(file), "size": size, "sha256": found.hexdigest()}


def _bytes(file: str) -> bytes:
    return Path(file).read_bytes()
