"""Which store and which key a command is about, and a key as facts."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from eds_cli.output import Facts, Shown

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from eds.algorithms import SignatureAlgorithm
    from eds.errors import EdsError
    from eds.keys import KeyPurpose, KeyRef, KeyStore, PinSource

F = TypeVar("F", bound=Callable[..., Any])

# Friendly names → name in the table of algorithms, bits of an RSA modulus.
ALIASES: Final = {
    "p256": ("ecdsa-p256-sha256", 0),
    "p384": ("ecdsa-p384-sha384", 0),
    "p521": ("ecdsa-p521-sha512", 0),
    "rsa-2048": ("rsa-pkcs1-sha256", 2048),
    "rsa-3072": ("rsa-pkcs1-sha256", 3072),
    "rsa-4096": ("rsa-pkcs1-sha256", 4096),
}
SHORT_NAMES: Final = (*ALIASES, "ed25519", "ml-dsa-44", "ml-dsa-65", "ml-dsa-87")

PURPOSES: Final = ("signature", "authentication", "both", "certification")


def default_store() -> str:
    """`EDS_STORE`, or the folder `eds/keys` among the user's data (XDG base directories)."""
    setting = os.environ.get("EDS_STORE")
    if setting:
        return setting
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return str(Path(data) / "eds" / "keys")


def store_option(command: F) -> F:
    """`--store`, the same in every command."""
    return click.option(
        "--store",
        metavar="URI",
        default=default_store,
        show_default="$EDS_STORE, or your own folder of keys",
        help="Folder of keys, one key file, or pkcs11: URI of a token (RFC 7512).",
    )(command)


def open_store(uri: str, *, make: bool = False) -> KeyStore:
    """The store of that URI or path; `make`: the folders above the default one too."""
    from eds.keys import open_keystore

    if make and uri == default_store() and ":" not in uri:
        Path(uri).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open_keystore(uri)


def survey(uri: str) -> tuple[Sequence[KeyRef], Sequence[EdsError]]:
    """All keys of a store that can be listed, and what is wrong with the others.

    Your own folder of keys is empty until the first is made.
    """
    from eds.keys.files import FileKeyStore

    if uri == default_store() and ":" not in uri and not Path(uri).exists():
        return (), ()
    store = open_store(uri)
    return store.survey() if isinstance(store, FileKeyStore) else (store.keys(), ())


def find_key(store: str, key: str) -> tuple[KeyStore, KeyRef]:
    """The key of that label, hexadecimal identifier or URI, and the store it is in."""
    from eds.errors import KeyAmbiguous, KeyNotFound

    if not key.startswith(("pkcs11:", "file:")):
        found = open_store(store)
        return found, found.find(key)
    found = open_store(key)
    keys = found.keys()
    if len(keys) > 1:
        raise KeyAmbiguous(key=key, count=len(keys))
    if not keys:
        raise KeyNotFound(key=key)
    return found, keys[0]


def known_key(store: KeyStore, key: KeyRef, pin: PinSource) -> KeyRef:
    """The key with all that is known of it: a foreign file tells nothing before its password."""
    from eds.errors import KeyAmbiguous
    from eds.keys.keyfile import SingleFileKeyStore

    if key.public_key is not None or not isinstance(store, SingleFileKeyStore):
        return key
    keys = store.unlocked(pin=pin)
    if len(keys) > 1:
        raise KeyAmbiguous(key=key.label, count=len(keys))
    return keys[0]


# --- arguments ------------------------------------------------------------------------------------


def complete_key(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> Sequence[CompletionItem]:
    """Labels of the store, for the shell. No PIN is asked for; what fails completes nothing."""
    del parameter
    from click.shell_completion import CompletionItem

    from eds.errors import EdsError

    try:
        keys, _ = survey(context.params.get("store") or default_store())
    except EdsError:
        return []
    return [
        CompletionItem(key.label, help=key_kind(key))
        for key in keys
        if key.label.startswith(incomplete) and key.label.isprintable()
    ]


key_argument: Final = click.argument("key", shell_complete=complete_key)


class Algorithm(click.ParamType["tuple[SignatureAlgorithm, int]"]):
    """A name in the table of algorithms, or a friendly one for it."""

    name = "algorithm"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002
        return "NAME"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[SignatureAlgorithm, int]:
        from eds.algorithms import SIGNATURE_ALGORITHMS

        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        name, bits = ALIASES.get(value.lower(), (value.lower(), 0))
        for row in SIGNATURE_ALGORITHMS:
            if row.name == name:
                return row, bits
        self.fail(
            f"{value!r} is no algorithm. Short names are {', '.join(SHORT_NAMES)};\n"
            "the others stand in the table of algorithms, such as ecdsa-p384-sha512.",
            param,
            ctx,
        )

    def shell_complete(
        self,
        ctx: click.Context,  # noqa: ARG002
        param: click.Parameter,  # noqa: ARG002
        incomplete: str,
    ) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        from eds.algorithms import SIGNATURE_ALGORITHMS

        names = dict.fromkeys([*ALIASES, *(row.name for row in SIGNATURE_ALGORITHMS)])
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


def purpose_of(word: str) -> KeyPurpose:
    """The purpose that a word of `--purpose` means."""
    from eds.keys import KeyPurpose

    if word == "both":
        return KeyPurpose.SIGNATURE | KeyPurpose.AUTHENTICATION
    return KeyPurpose[word.upper()]


# --- facts ----------------------------------------------------------------------------------------


def purpose_words(key: KeyRef) -> Shown:
    """What a key is for."""
    from eds.keys import UNLIMITED

    words = [(flag.name or "").lower() for flag in key.purpose]
    return Shown(words, "any" if key.purpose == UNLIMITED else key.purpose.words)


def key_kind(key: KeyRef) -> str:
    """EC P-256, RSA 3072 …, as far as it is known before the PIN."""
    if key.public_key is not None:
        return key.public_key.description
    return "unknown until opened" if key.algorithm is None else key.algorithm.key_type.value


def key_facts(key: KeyRef) -> Facts:
    """A key, as far as it is known."""
    from eds_cli import describe

    certificate = key.certificate
    public = key.public_key
    return {
        "label": key.label,
        "identifier": key.identifier.hex(),
        "uri": key.uri,
        "purpose": purpose_words(key),
        "kind": key_kind(key),
        "algorithm": None if key.algorithm is None else key.algorithm.name,
        "public_key_sha256": None if public is None else public.fingerprint.hex(),
        "certificate": None if certificate is None else describe.brief_certificate(certificate),
        "issuers": [
            describe.brief_certificate(one) for one in key.certificates if one != certificate
        ],
    }
