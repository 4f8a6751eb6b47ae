"""Everything this library raises on purpose: a small tree with stable codes.

A code never changes once released; the wording may. Callers read `error.code` and the
fields, never the message. No PIN, password, key byte or personal number is ever a field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar, Final, Self

Translate = Callable[[str], str]
"""Gives an English sentence in another language, or as it is."""


class Sentence(str):
    """An English sentence of ours that can be told in other languages.

    `says` has the names of facts in braces. Facts stay as they are, but for sentences.
    """

    __slots__ = ("_facts", "_says")
    _facts: Mapping[str, object]
    _says: str

    def __new__(cls, says: str, **facts: object) -> Self:
        made = super().__new__(cls, says.format_map(facts))
        made._says, made._facts = says, facts
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str], Mapping[str, object]]:  # to be copied
        return (self._says,), self._facts

    def told(self, translate: Translate) -> str:
        """The sentence in the words of `translate`."""
        facts = {
            name: fact.told(translate) if isinstance(fact, Sentence) else fact
            for name, fact in self._facts.items()
        }
        return translate(self._says).format_map(facts)

    @classmethod
    def together(cls, sentences: Iterable[Self]) -> Self:
        """Several as one, with semicolons between them."""
        facts = {f"_{number}": one for number, one in enumerate(sentences)}
        return cls("; ".join(f"{{{name}}}" for name in facts), **facts)


# The facts that are words of ours, and so are translated; all others are shown as they are.
_WORDS: Final = frozenset({"reason"})


class EdsError(Exception):
    """Everything this library raises on purpose.

    DecodeError        der.*, pem.*, certificates.*, ...   bytes that are not what they claim
    AlgorithmError     algorithms.*                        unknown, unusable or misused algorithms
    NameRefused        names.*                             people and organisations misnamed
    KeyStoreError      keys.*                              keys in files and tokens
    ValidationError    verify.*                            validation that cannot be asked for
    SigningError       sign.*                              documents that cannot be signed
    AuditError         audit.*                             the log of every act
    LoginError         login.*                             who is at the door
    EnrolmentError     enroll.*                            applications that do not go on
    HttpError          http.*                              requests that are not answered
    """

    code: ClassVar[str] = "eds.error"
    says: str = ""
    """The message with the names of fields in braces, which is what catalogues translate."""
    thing: ClassVar[str] = ""
    """What an error is about, where several share a message."""

    def __str__(self) -> str:
        return self.told()

    def told(self, translate: Translate = str) -> str:
        """The message, put into words by `translate`: the facts stay as they are."""
        if self.args or not self.says:
            return super().__str__()
        facts = {
            name: _told(fact, translate) if name in _WORDS else _shown(fact)
            for name, fact in vars(self).items()
        }
        return translate(self.says).format_map(
            {**facts, "thing": translate(self.thing) if self.thing else ""}
        )


def _told(words: Any, translate: Translate) -> Any:
    if isinstance(words, Sentence):
        return words.told(translate)
    return translate(words) if isinstance(words, str) else words


def _shown(fact: Any) -> Any:
    return ", ".join(map(str, fact)) if isinstance(fact, tuple) else fact


class NaiveDatetime(EdsError):
    """A datetime without a time zone was handed in; every instant here is aware."""

    code = "eds.naive_datetime"
    says = "{argument} has no time zone; every instant must be aware"

    def __init__(self, *, argument: str) -> None:
        self.argument = argument


class InvalidArgument(EdsError):
    """An argument that no input can excuse: the caller's own value is out of range."""

    code = "eds.invalid_argument"
    says = "{argument}: {reason}"

    def __init__(self, *, argument: str, reason: str) -> None:
        self.argument = argument
        self.reason = reason


# --- bytes that are not what they claim to be -------------------------------------------


class DecodeError(EdsError):
    """Bytes that are not what they claim to be."""

    code = "der.error"


class MalformedDer(DecodeError):
    """Not DER (X.690), at `offset` octets from the start of the input."""

    code = "der.malformed"
    says = "{reason} (at octet {offset})"

    def __init__(self, *, reason: str, offset: int) -> None:
        self.reason = reason
        self.offset = offset


class LimitExceeded(DecodeError):
    """Larger, deeper or longer than the limit the caller set; nothing was read further."""

    code = "der.limit_exceeded"
    says = "{limit} is limited to {allowed}"

    def __init__(self, *, limit: str, allowed: int, found: int | None = None) -> None:
        if found is not None:
            self.says = "{limit} is limited to {allowed}, found {found}"
        self.limit = limit
        self.allowed = allowed
        self.found = found


class MalformedPem(DecodeError):
    """Not a textual encoding of RFC 7468, or none of the wanted label."""

    code = "pem.malformed"
    says = "{reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class UnknownFormat(DecodeError):
    """None of the formats this library reads."""

    code = "formats.unknown"
    says = "{reason}"

    def __init__(self, *, reason: str = "not a format known here") -> None:
        self.reason = reason


class _MalformedObject(DecodeError):
    """A DER value that is not the object it was taken for."""

    thing: ClassVar[str] = "object"
    says = "malformed {thing}: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class MalformedPublicKey(_MalformedObject):
    """Not a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), or a key that cannot exist."""

    code = "certificates.malformed_public_key"
    thing = "public key"


class MalformedCertificate(_MalformedObject):
    """Not a Certificate (RFC 5280 §4.1)."""

    code = "certificates.malformed"
    thing = "certificate"


class MalformedRequest(_MalformedObject):
    """Not a CertificationRequest (RFC 2986 §4.2)."""

    code = "certificates.malformed_request"
    thing = "certification request"


class MalformedCertificateList(_MalformedObject):
    """Not a CertificateList (RFC 5280 §5.1)."""

    code = "certificates.malformed_list"
    thing = "certificate list"


class MalformedOcspResponse(_MalformedObject):
    """Not an OCSPResponse (RFC 6960 §4.2.1)."""

    code = "certificates.malformed_ocsp_response"
    thing = "OCSP response"


class MalformedTimeStampToken(_MalformedObject):
    """Not a TimeStampToken or TimeStampResp (RFC 3161 §2.4.2)."""

    code = "certificates.malformed_time_stamp"
    thing = "time-stamp token"


class MalformedSignedData(_MalformedObject):
    """Not a ContentInfo with SignedData (RFC 5652 §5.1), or a SignerInfo that is none."""

    code = "certificates.malformed_signed_data"
    thing = "SignedData"


class MalformedPdf(_MalformedObject):
    """Not a PDF document that can be read (ISO 32000-2)."""

    code = "verify.malformed_pdf"
    thing = "PDF document"


class PdfEncrypted(DecodeError):
    """The PDF document opens only with a password or a key that was not given."""

    code = "verify.pdf_encrypted"
    says = "the PDF document is encrypted ({handler})"

    def __init__(self, *, handler: str) -> None:
        self.handler = handler


class MalformedContainer(_MalformedObject):
    """Not a container of signed files that can be read in one way only."""

    code = "formats.malformed_container"
    thing = "container"


class MalformedName(_MalformedObject):
    """Not a Name (RFC 5280 §4.1.2.4), or not one that can be read."""

    code = "names.malformed"
    thing = "name"


class MalformedCatalogue(DecodeError):
    """Not a gettext catalogue of the kind that is read here, at that line (from 1)."""

    code = "eds.malformed_catalogue"
    says = "not a catalogue of messages (line {line})"

    def __init__(self, *, line: int) -> None:
        self.line = line


class ProofOfPossessionFailed(EdsError):
    """The request's signature does not verify with the key it carries (RFC 2986 §3)."""

    code = "certificates.proof_of_possession_failed"
    says = "the request is not signed by the key it carries"


# --- algorithms ---------------------------------------------------------------------------


class AlgorithmError(EdsError):
    """An algorithm that is unknown, unavailable here, or used with the wrong key."""

    code = "algorithms.error"


class UnknownAlgorithm(AlgorithmError):
    """No row of the algorithm table has this name or these identifiers."""

    code = "algorithms.unknown"
    says = "no such algorithm here: {identifier}"

    def __init__(self, *, identifier: str) -> None:
        self.identifier = identifier


class AlgorithmUnavailable(AlgorithmError):
    """The row exists, but nothing on this machine can carry it out."""

    code = "algorithms.unavailable"
    says = "{algorithm} cannot be used here: {reason}"

    def __init__(self, *, algorithm: str, reason: str) -> None:
        self.algorithm = algorithm
        self.reason = reason


class AlgorithmKeyMismatch(AlgorithmError):
    """The algorithm and the key are of different kinds (algorithm and key are pinned together)."""

    code = "algorithms.key_mismatch"
    says = "{algorithm} does not go with a {key} key"

    def __init__(self, *, algorithm: str, key: str) -> None:
        self.algorithm = algorithm
        self.key = key


# --- names ----------------------------------------------------------------------------------


class NameRefused(EdsError):
    """A person's or organisation's name that cannot go into a certificate."""

    code = "names.refused"
    says = "{attribute}: {reason}"

    def __init__(self, *, attribute: str, reason: str) -> None:
        self.attribute = attribute
        self.reason = reason


class IdentityNumberRefused(EdsError):
    """A number of a person or organisation that cannot have been assigned; it is no field.

    `type` is what its country calls such a number.
    """

    code = "names.number_refused"
    says = "{type}: {reason}"

    def __init__(self, *, type: str, reason: str) -> None:  # noqa: A002 - the word of the page
        self.type = type
        self.reason = reason


# --- keys -------------------------------------------------------------------------------------


class KeyStoreError(EdsError):
    """A key could not be made, kept, found or used."""

    code = "keys.error"


class KeyNotFound(KeyStoreError):
    """The store holds no such key."""

    code = "keys.not_found"
    says = "no such key: {key}"

    def __init__(self, *, key: str) -> None:
        self.key = key


class KeyAmbiguous(KeyStoreError):
    """Several keys of the store answer to this reference."""

    code = "keys.ambiguous"
    says = "{count} keys answer to {key}; name one of them by its id"

    def __init__(self, *, key: str, count: int) -> None:
        self.key = key
        self.count = count


class KeyExists(KeyStoreError):
    """Something of that name is there already; nothing is overwritten silently."""

    code = "keys.exists"
    says = "exists already: {key}"

    def __init__(self, *, key: str) -> None:
        self.key = key


class PasswordIncorrect(KeyStoreError):
    """The file's password is another one."""

    code = "keys.password_incorrect"
    says = "the password does not open {file}"

    def __init__(self, *, file: str) -> None:
        self.file = file


class PasswordRefused(KeyStoreError):
    """A new password or PIN that is empty, too short or not representable."""

    code = "keys.password_refused"
    says = "{reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class SecretUnavailable(KeyStoreError):
    """A PIN or password was needed and could not be had (prompt ended, nothing to ask)."""

    code = "keys.secret_unavailable"
    says = "{reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class DamagedKeyFile(KeyStoreError):
    """The file is cut, altered or not a key file at all."""

    code = "keys.damaged"
    says = "{file}: {reason}"

    def __init__(self, *, file: str, reason: str) -> None:
        self.file = file
        self.reason = reason


class UnsupportedKeyFile(KeyStoreError):
    """The file is whole, but protected or encoded by an algorithm not read here."""

    code = "keys.unsupported"
    says = "{file}: {algorithm} is not supported"

    def __init__(self, *, file: str, algorithm: str) -> None:
        self.file = file
        self.algorithm = algorithm


class WorkFactorExceeded(KeyStoreError):
    """The file asks for more password-hashing work than the limit; none of it was done."""

    code = "keys.work_factor_exceeded"
    says = "{file}: {parameter} is limited to {allowed}, the file asks for {found}"

    def __init__(self, *, file: str, parameter: str, allowed: int, found: int) -> None:
        self.file = file
        self.parameter = parameter
        self.allowed = allowed
        self.found = found


class KeyFileExposed(KeyStoreError):
    """The key file can be read or replaced by others, or is a symbolic link."""

    code = "keys.exposed"
    says = "{file}: {reason}"

    def __init__(self, *, file: str, reason: str) -> None:
        self.file = file
        self.reason = reason


class StoreUnavailable(KeyStoreError):
    """The store itself failed: no such folder, disk full, no permission."""

    code = "keys.store_unavailable"
    says = "{store}: {reason}"

    def __init__(self, *, store: str, reason: str) -> None:
        self.store = store
        self.reason = reason


class MalformedKeyUri(KeyStoreError):
    """Neither a `pkcs11:` URI of RFC 7512 nor a `file:` URI or path."""

    code = "keys.malformed_uri"
    says = "{reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class InvalidKey(KeyStoreError):
    """A private key whose numbers do not belong together, or that does not fit its public key."""

    code = "keys.invalid"
    says = "{reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class KeyPurposeForbidden(KeyStoreError):
    """The key is kept for another purpose than the one it was opened for."""

    code = "keys.purpose_forbidden"
    says = "{key} is kept for {allowed}, not for {wanted}"

    def __init__(self, *, key: str, allowed: str, wanted: str) -> None:
        self.key = key
        self.allowed = allowed
        self.wanted = wanted


class CertificateMismatch(KeyStoreError):
    """The certificate does not carry the public half of this key."""

    code = "keys.certificate_mismatch"
    says = "the certificate is not for the key {key}"

    def __init__(self, *, key: str) -> None:
        self.key = key


class OperationUnsupported(KeyStoreError):
    """This store or token cannot do what was asked."""

    code = "keys.operation_unsupported"
    says = "{store} cannot {operation}"

    def __init__(self, *, operation: str, store: str) -> None:
        self.operation = operation
        self.store = store


class PinIncorrect(KeyStoreError):
    """The token refused the PIN (PKCS #11 CKR_PIN_INCORRECT). It was tried once."""

    code = "keys.pin_incorrect"
    says = "token {token!r} refused the PIN"

    def __init__(self, *, token: str) -> None:
        self.token = token


class PinLocked(KeyStoreError):
    """The token takes no more tries (CKR_PIN_LOCKED)."""

    code = "keys.pin_locked"
    says = "the PIN of token {token!r} is locked"

    def __init__(self, *, token: str) -> None:
        self.token = token


class PinFinalTry(KeyStoreError):
    """One try is left, and the caller did not say to use it (CKF_USER_PIN_FINAL_TRY)."""

    code = "keys.pin_final_try"
    says = "token {token!r} has one PIN try left; it was not used"

    def __init__(self, *, token: str) -> None:
        self.token = token


class TokenAbsent(KeyStoreError):
    """No token answers to the URI, or it was taken out."""

    code = "keys.token_absent"
    says = "no such token: {token}"

    def __init__(self, *, token: str) -> None:
        self.token = token


class TokenFailed(KeyStoreError):
    """The token or its module answered with an error of its own (`reason` is the CKR name)."""

    code = "keys.token_failed"
    says = "token {token!r}: {reason}"

    def __init__(self, *, token: str, reason: str) -> None:
        self.token = token
        self.reason = reason


class ModuleUnavailable(KeyStoreError):
    """The PKCS #11 module is not named, cannot be loaded, or is not to be trusted."""

    code = "keys.module_unavailable"
    says = "PKCS #11 module {module}: {reason}"

    def __init__(self, *, module: str, reason: str) -> None:
        self.module = module
        self.reason = reason


# --- the register of an authority -------------------------------------------------------------


class RegisterError(EdsError):
    """The register of an authority refused, or could not be reached."""

    code = "register.error"


class RegisterUnavailable(RegisterError):
    """The database cannot be reached, is full, or is not one of ours."""

    code = "register.unavailable"
    says = "{reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class RegisterOutdated(RegisterError):
    """The database is at an older revision than this program, or has no tables at all."""

    code = "register.outdated"
    says = (
        "the database is at revision {found}, this program wants {wanted}: "
        "bring it there with `eds ca upgrade` (eds.ca.migrations.upgrade)"
    )

    def __init__(self, *, found: str | None, wanted: str) -> None:
        if found is None:
            self.says = (
                "the database has no tables of a register, this program wants {wanted}: "
                "bring it there with `eds ca upgrade` (eds.ca.migrations.upgrade)"
            )
        self.found = found
        self.wanted = wanted


class RegisterNewer(RegisterError):
    """The database is at a newer revision than this program, which must not touch it then."""

    code = "register.newer"
    says = "the database is at revision {found}, this program knows {wanted}: run the newer program"

    def __init__(self, *, found: str, wanted: str) -> None:
        self.found = found
        self.wanted = wanted


class IssuerNotFound(RegisterError):
    """The register has no issuer of that name or identifier."""

    code = "register.issuer_not_found"
    says = "no such issuer: {issuer}"

    def __init__(self, *, issuer: str) -> None:
        self.issuer = issuer


class CertificateNotFound(RegisterError):
    """The register has no certificate of that issuer and serial number."""

    code = "register.certificate_not_found"
    says = "no such certificate: {serial_number}"

    def __init__(self, *, serial_number: str) -> None:
        self.serial_number = serial_number


class RequestUsed(RegisterError):
    """One authorisation, one certificate: this request was already carried out or is being so."""

    code = "register.request_used"
    says = "request {request} was used already"

    def __init__(self, *, request: str) -> None:
        self.request = request


class SerialNumberUsed(RegisterError):
    """The serial number is in the register already; it is never used twice."""

    code = "register.serial_number_used"
    says = "serial number {serial_number} was used already"

    def __init__(self, *, serial_number: str) -> None:
        self.serial_number = serial_number


class SubjectTaken(RegisterError):
    """This subject name belongs to another person under this issuer (EN 319 411-1 GEN-6.3.3-10)."""

    code = "register.subject_taken"
    says = "the subject name was given to another person"


class KeyTaken(RegisterError):
    """This public key was certified for another person."""

    code = "register.key_taken"
    says = "key {key} was certified for another person"

    def __init__(self, *, key: str) -> None:
        self.key = key


class KeyBlocked(RegisterError):
    """This public key is on the list of keys that are never certified (again)."""

    code = "register.key_blocked"
    says = "key {key} is blocked: {source}"

    def __init__(self, *, key: str, source: str) -> None:
        self.key = key
        self.source = source


class IntentNotOpen(RegisterError):
    """There is no unfinished intent for this serial number."""

    code = "register.intent_not_open"
    says = "no open intent for serial number {serial_number}"

    def __init__(self, *, serial_number: str) -> None:
        self.serial_number = serial_number


class StatusChangeRefused(RegisterError):
    """The life of a certificate does not allow this act (hold ⇄ valid is the only way back)."""

    code = "register.status_change_refused"
    says = "{act} refused, the certificate is {state}: {reason}"

    def __init__(self, *, state: str, act: str, reason: str) -> None:
        self.state = state
        self.act = act
        self.reason = reason


class StatusChanged(RegisterError):
    """The status changed meanwhile; read it again and decide again."""

    code = "register.status_changed"
    says = "the status of {serial_number} was changed by another meanwhile"

    def __init__(self, *, serial_number: str) -> None:
        self.serial_number = serial_number


class MassActNotFound(RegisterError):
    """The register has no mass act of that name."""

    code = "register.mass_act_not_found"
    says = "no mass act {name!r}"

    def __init__(self, *, name: str) -> None:
        self.name = name


class RevocationRequestNotOpen(RegisterError):
    """There is no open request to revoke or hold of that name."""

    code = "register.revocation_request_not_open"
    says = "no open revocation request {request!r}"

    def __init__(self, *, request: str) -> None:
        self.request = request


class ListOutrun(RegisterError):
    """Another list of this shard was published meanwhile; make a new one."""

    code = "register.list_outrun"
    says = "shard {shard}: another list came before number {number}"

    def __init__(self, *, shard: int, number: int) -> None:
        self.shard = shard
        self.number = number


class ListRefused(RegisterError):
    """A list that must not be published: it would take back what an earlier one said."""

    code = "register.list_refused"
    says = "no list of shard {shard}: {reason}"

    def __init__(self, *, shard: int, reason: str) -> None:
        self.shard = shard
        self.reason = reason


class ReferenceAmbiguous(RegisterError):
    """Several certificates answer to this reference; the issuer must be named."""

    code = "register.ambiguous"
    says = "{count} certificates answer to {reference}; name the issuer"

    def __init__(self, *, reference: str, count: int) -> None:
        self.reference = reference
        self.count = count


# --- validation ---------------------------------------------------------------------------------


class ValidationError(EdsError):
    """Validation could not be asked for; what it finds is a report, not an exception."""

    code = "verify.error"


class SignatureNotPassed(ValidationError):
    """The report of a document is not TOTAL_PASSED; raised by `require_passed` alone."""

    code = "verify.not_passed"
    says = "the document's signatures are {indication}"

    def __init__(self, *, indication: str, sub_indication: str | None) -> None:
        if sub_indication is not None:
            self.says = "the document's signatures are {indication} / {sub_indication}"
        self.indication = indication
        self.sub_indication = sub_indication


class MalformedTrustStore(ValidationError):
    """Not what a trust store is described by; `entry` names the file or table in it."""

    code = "verify.malformed_trust_store"
    says = "malformed trust store: {entry}: {reason}"

    def __init__(self, *, entry: str, reason: str) -> None:
        self.entry = entry
        self.reason = reason


class TrustStoreUnavailable(ValidationError):
    """A file of a trust store could not be read or written; `entry` is its name."""

    code = "verify.trust_store_unavailable"
    says = "trust store: {entry}: {reason}"

    def __init__(self, *, entry: str, reason: str) -> None:
        self.entry = entry
        self.reason = reason


class EnvironmentsMixed(ValidationError):
    """Trust stores of production and of a test were to be joined; `names` are those stores."""

    code = "verify.environments_mixed"
    says = "production and test do not mix: {names}"

    def __init__(self, *, names: tuple[str, ...]) -> None:
        self.names = names


class MalformedPolicy(ValidationError):
    """Not a validation policy; `field` names the place, empty for the whole text."""

    code = "verify.malformed_policy"
    says = "malformed policy: {reason}"

    def __init__(self, *, field: str, reason: str) -> None:
        if field:
            self.says = "malformed policy: {field}: {reason}"
        self.field = field
        self.reason = reason


class EvidenceCacheUnavailable(ValidationError):
    """The folder that keeps fetched evidence cannot be made or written."""

    code = "verify.evidence_cache_unavailable"
    says = "the folder of fetched evidence cannot be used: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class MalformedTrustedList(ValidationError):
    """Not a trusted list of ETSI TS 119 612."""

    code = "verify.malformed_trusted_list"
    says = "malformed trusted list: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class TrustedListUntrusted(ValidationError):
    """A trusted list that is not signed by whom it should be, or is outdated."""

    code = "verify.trusted_list_untrusted"
    says = "the trusted list is not believed: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class AnchorNotFound(ValidationError):
    """The trust store has no certificate of that fingerprint."""

    code = "verify.anchor_not_found"
    says = "no such certificate in the trust store: {reference}"

    def __init__(self, *, reference: str) -> None:
        self.reference = reference


class AnchorNotListed(ValidationError):
    """A certificate was brought for a trust set that does not list its fingerprint."""

    code = "verify.anchor_not_listed"
    says = "{trust_set} does not list the certificate {sha256}"

    def __init__(self, *, trust_set: str, sha256: str) -> None:
        self.trust_set = trust_set
        self.sha256 = sha256


# --- signing ------------------------------------------------------------------------------------


class SigningError(EdsError):
    """A document could not be signed, or a signature not raised."""

    code = "sign.error"


class SignerCertificateRefused(SigningError):
    """The certificate does not allow to sign this document now; `reason` says why."""

    code = "sign.certificate_refused"
    says = "the certificate does not allow this signature: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class ContentMismatch(SigningError):
    """The content given is not the one that is signed already."""

    code = "sign.content_mismatch"
    says = "{reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class DocumentRefused(SigningError):
    """The document is not signed as it is: damaged, protected, or prepared to change; why."""

    code = "sign.document_refused"
    says = "the document is not signed: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class AppearanceRefused(SigningError):
    """A visible signature cannot be drawn so that people can read it; why."""

    code = "sign.appearance_refused"
    says = "the visible signature cannot be drawn: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class ExtraMissing(EdsError):
    """What was asked for needs packages that an extra of this one brings."""

    code = "eds.extra_missing"
    says = "this needs more packages: pip install 'eds-toolkit[{extra}]'"

    def __init__(self, *, extra: str) -> None:
        self.extra = extra


class TimeStampRefused(SigningError):
    """A time-stamping authority did not give a token, or not one that may be used."""

    code = "sign.time_stamp_refused"
    says = "no time-stamp from {authority}: {reason}"

    def __init__(self, *, authority: str, reason: str) -> None:
        self.authority = authority
        self.reason = reason


class LevelNotReached(SigningError):
    """The signature does not pass at the level it was to be raised to; the original is as it was.

    `verdict` is what the validator said of the attempt.
    """

    code = "sign.level_not_reached"
    says = "level {level} was not reached, but {reached}: {verdict}"

    def __init__(self, *, level: str, reached: str, verdict: str) -> None:
        self.level = level
        self.reached = reached
        self.verdict = verdict


class DocumentExists(SigningError):
    """The place of a signed document is taken; nothing is overwritten."""

    code = "sign.document_exists"
    says = "{file} is there already"

    def __init__(self, *, file: str) -> None:
        self.file = file


class DocumentUnwritable(SigningError):
    """A signed document or a manifest cannot be written."""

    code = "sign.document_unwritable"
    says = "{file} cannot be written: {reason}"

    def __init__(self, *, file: str, reason: str) -> None:
        self.file = file
        self.reason = reason


class MalformedManifest(SigningError):
    """Not the manifest of a batch, at that line (from 1)."""

    code = "sign.malformed_manifest"
    says = "not the manifest of a batch (line {line})"

    def __init__(self, *, line: int) -> None:
        self.line = line


# --- the audit log ------------------------------------------------------------------------------


class AuditError(EdsError):
    """The audit log refused, or could not be read or written."""

    code = "audit.error"


class _MalformedAuditThing(AuditError):
    """Bytes that are not what the format of the audit log prescribes."""

    thing: ClassVar[str] = "audit data"
    says = "malformed {thing}: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class MalformedAuditRecord(_MalformedAuditThing):
    """Not the canonical bytes of an audit record."""

    code = "audit.malformed_record"
    thing = "audit record"


class MalformedCheckpoint(_MalformedAuditThing):
    """Not a signed checkpoint of an audit log."""

    code = "audit.malformed_checkpoint"
    thing = "checkpoint"


class MalformedAuditExport(_MalformedAuditThing):
    """Not a file that an audit log was exported to."""

    code = "audit.malformed_export"
    thing = "audit export"


class MalformedAuditProof(_MalformedAuditThing):
    """Not a proof that a record stands in an audit log."""

    code = "audit.malformed_proof"
    thing = "audit proof"


class PersonalDataRefused(AuditError):
    """A record would have held a personal number or a secret; `field` names the place only."""

    code = "audit.personal_data"
    says = "{field} holds what an audit record must not: use a digest or reference"

    def __init__(self, *, field: str) -> None:
        self.field = field


class AuditUnavailable(AuditError):
    """The log cannot be read or written; the act that was to be recorded must not happen."""

    code = "audit.unavailable"
    says = "{reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class AuditChainBroken(AuditError):
    """The stored log contradicts itself at this record; nothing is built upon it."""

    code = "audit.chain_broken"
    says = "the audit log is broken at {writer}:{sequence}; verify it"

    def __init__(self, *, writer: str, sequence: int) -> None:
        self.writer = writer
        self.sequence = sequence


class CheckpointUntrusted(AuditError):
    """The newest checkpoint is not signed by a trusted key; none is signed after it."""

    code = "audit.checkpoint_untrusted"
    says = "checkpoint {number} is not signed by a trusted key"

    def __init__(self, *, number: int) -> None:
        self.number = number


class CheckpointNotFound(AuditError):
    """The log has no such checkpoint; 0 stands for the newest, where there is none at all."""

    code = "audit.checkpoint_not_found"
    says = "no checkpoint {number}"

    def __init__(self, *, number: int) -> None:
        if not number:
            self.says = "no checkpoint"
        self.number = number


class AuditRecordNotFound(AuditError):
    """The log has no such record, or no checkpoint covers it yet."""

    code = "audit.record_not_found"
    says = "no audit record {writer}:{sequence} (under a checkpoint)"

    def __init__(self, *, writer: str, sequence: int) -> None:
        self.writer = writer
        self.sequence = sequence


# --- what an authority refuses to certify -------------------------------------------------------


class RequestRefused(EdsError):
    """The authority does not make this certificate."""

    code = "ca.request_refused"


class KeyTooWeak(RequestRefused):
    """A public key with a published weakness; `weakness` names it, `key` is its SHA-256 in hex."""

    code = "ca.key_too_weak"
    says = "key {key} is too weak: {weakness}"

    def __init__(self, *, weakness: str, key: str) -> None:
        self.weakness = weakness
        self.key = key


class KeyNotPermitted(RequestRefused):
    """A kind or size of key that the profile does not permit."""

    code = "ca.key_not_permitted"
    says = "profile {profile} does not permit a key {found}"

    def __init__(self, *, profile: str, found: str) -> None:
        self.profile = profile
        self.found = found


class KeyReused(RequestRefused):
    """The key of an authority was offered for another certificate; `key` is its SHA-256 in hex."""

    code = "ca.key_reused"
    says = "key {key} is the key of an authority"

    def __init__(self, *, key: str) -> None:
        self.key = key


class ProfileViolated(RequestRefused):
    """What was asked for is not what the profile describes."""

    code = "ca.profile_violated"
    says = "profile {profile}: {field}: {reason}"

    def __init__(self, *, profile: str, field: str, reason: str) -> None:
        self.profile = profile
        self.field = field
        self.reason = reason


class LintFailed(RequestRefused):
    """The bytes about to be signed break rules of a certificate; `rules` names them in order."""

    code = "ca.lint_failed"
    says = "{reason}"

    def __init__(self, *, rules: tuple[str, ...], reason: str) -> None:
        self.rules = rules
        self.reason = reason


class MonitorRefused(RequestRefused):
    """The guard of an authority's key refused the bytes about to be signed."""

    code = "ca.monitor_refused"
    says = "not signed: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class ProfileNotFound(EdsError):
    """No certificate profile of that name."""

    code = "ca.profile_not_found"
    says = "no such profile: {profile}"

    def __init__(self, *, profile: str) -> None:
        self.profile = profile


class MalformedProfile(EdsError):
    """A certificate profile that cannot be read, or that describes what must not exist."""

    code = "ca.malformed_profile"
    says = "profile {profile}: {field}: {reason}"

    def __init__(self, *, profile: str, field: str, reason: str) -> None:
        self.profile = profile
        self.field = field
        self.reason = reason


class MalformedSettings(EdsError):
    """A file of settings, a ceremony or a subject that cannot be read, or says what it must not.

    `field` is where in it; the value is never repeated.
    """

    code = "ca.malformed_settings"
    says = "{file}: {reason}"

    def __init__(self, *, file: str, field: str, reason: str) -> None:
        if field:
            self.says = "{file}: {field}: {reason}"
        self.file = file
        self.field = field
        self.reason = reason


class AuthorityNotFound(EdsError):
    """No authority was made in this folder (`eds ca init`)."""

    code = "ca.authority_not_found"
    says = "no authority in {folder}"

    def __init__(self, *, folder: str) -> None:
        self.folder = folder


class CeremonyRefused(EdsError):
    """What stands already contradicts the description of the ceremony; nothing was overwritten."""

    code = "ca.ceremony_refused"
    says = "ceremony {ceremony}: {reason}"

    def __init__(self, *, ceremony: str, reason: str) -> None:
        self.ceremony = ceremony
        self.reason = reason


class MalformedReport(EdsError):
    """Not the report of a ceremony."""

    code = "ca.malformed_report"
    says = "not the report of a ceremony: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


# --- enrolment --------------------------------------------------------------------------------


class EnrolmentError(EdsError):
    """An application does not go on, or cannot be read."""

    code = "enroll.error"


class TransitionRefused(EnrolmentError):
    """The guards of an act do not all agree. `failures` say why, each with a code of its own.

    Only `shown` is for the applicant: it does not tell which check failed where that would help
    an impostor.
    """

    code = "enroll.refused"
    says = "refused: {failures}"

    def __init__(self, *, failures: tuple[Any, ...]) -> None:
        self.failures = failures

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the failures, in their order."""
        return tuple(str(each) for each in self.failures)

    @property
    def shown(self) -> tuple[str, ...]:
        """What the applicant may be told."""
        return tuple(dict.fromkeys(each.shown for each in self.failures))


class WrongState(EnrolmentError):
    """An application is not where that act begins."""

    code = "enroll.wrong_state"
    says = "application {application} is {state}: there is no {act} from there"

    def __init__(self, *, application: str, state: str, act: str) -> None:
        self.application = application
        self.state = state
        self.act = act


class ApplicationNotFound(EnrolmentError):
    """No such application."""

    code = "enroll.application_not_found"
    says = "no application {application}"

    def __init__(self, *, application: str) -> None:
        self.application = application


class ApplicationChanged(EnrolmentError):
    """Another act came first: look at the application again, nothing was done."""

    code = "enroll.application_changed"
    says = "application {application} was changed meanwhile"

    def __init__(self, *, application: str) -> None:
        self.application = application


class ApplicationOpen(EnrolmentError):
    """This person has another open application; one at a time."""

    code = "enroll.application_open"
    says = "there is an open application of this person already"


class EvidenceUsed(EnrolmentError):
    """A piece of evidence, an assertion, a code or an act was used before: `kind` says which."""

    code = "enroll.evidence_used"
    says = "this {kind} was used before"

    def __init__(self, *, kind: str) -> None:
        self.kind = kind


class MessageReused(EnrolmentError):
    """A message key comes with another content than the first time."""

    code = "enroll.message_reused"
    says = "application {application}: a message key came with another content"

    def __init__(self, *, application: str) -> None:
        self.application = application


class MalformedStatement(EnrolmentError):
    """Not a statement or a record of the desk in its canonical form."""

    code = "enroll.malformed_statement"
    says = "not what the desk reads: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class ProviderUnavailable(EnrolmentError):
    """A register or a service did not answer; nothing was decided."""

    code = "enroll.provider_unavailable"
    says = "{provider}: {reason}"

    def __init__(self, *, provider: str, reason: str) -> None:
        self.provider = provider
        self.reason = reason


class SimulatorRefused(EnrolmentError):
    """A simulator stands where a real provider must."""

    code = "enroll.simulator_refused"
    says = "{provider} is a simulator, which no desk in production may rely on"

    def __init__(self, *, provider: str) -> None:
        self.provider = provider


class DeskNotFound(EnrolmentError):
    """No desk was made in this folder (`eds centre init`)."""

    code = "enroll.desk_not_found"
    says = "no desk in {folder}"

    def __init__(self, *, folder: str) -> None:
        self.folder = folder


class DeskRefused(EnrolmentError):
    """A desk at an address did not do what was asked: `problem` is the code that it told."""

    code = "enroll.desk_refused"
    says = "the desk answered {problem} {detail}"

    def __init__(self, *, problem: str, detail: str) -> None:
        self.problem = problem
        self.detail = detail


class ActNotOffered(EnrolmentError):
    """What is not done over an address: `act` wants the folder of the desk."""

    code = "enroll.not_offered"
    says = "a desk at an address does not offer {act}; it is done with the folder of the desk"

    def __init__(self, *, act: str) -> None:
        self.act = act


# --- evidence of identity ---------------------------------------------------------------------


class MalformedMrz(DecodeError):
    """Not a machine-readable zone (ICAO Doc 9303); `field` says where, never what stands there."""

    code = "enroll.malformed_mrz"
    says = "malformed machine-readable zone, {field}: {reason}"

    def __init__(self, *, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason


class MrzCheckFailed(DecodeError):
    """Check digits of a machine-readable zone are wrong: misread, mistyped or altered."""

    code = "enroll.mrz_check_failed"
    says = "wrong check digits: {fields}"

    def __init__(self, *, fields: tuple[str, ...]) -> None:
        self.fields = fields


class MalformedChipData(_MalformedObject):
    """Not a file of a travel document's chip (ICAO Doc 9303-10)."""

    code = "enroll.malformed_chip_data"
    thing = "chip data"


class MalformedMasterList(_MalformedObject):
    """Not a CSCA master list (ICAO Doc 9303-12)."""

    code = "enroll.malformed_master_list"
    thing = "master list"


class MasterListUntrusted(EnrolmentError):
    """A master list that is not signed by whom it should be."""

    code = "enroll.master_list_untrusted"
    says = "master list: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class MalformedAssertion(_MalformedObject):
    """Not a provider's assertion: neither its outer form nor its members may be read otherwise."""

    code = "enroll.malformed_assertion"
    thing = "assertion"


class AssertionRefused(EnrolmentError):
    """A well-formed assertion that may not be relied on here; `reason` is a word that stays."""

    code = "enroll.assertion_refused"
    says = "assertion refused: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class MalformedEvidence(EnrolmentError):
    """A record or sealed piece of evidence that cannot be what it says; `field` names the place."""

    code = "enroll.malformed_evidence"
    says = "malformed evidence, {field}: {reason}"

    def __init__(self, *, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason


class EvidenceUnreadable(EnrolmentError):
    """Sealed evidence does not open: altered, or of another application, kind or key."""

    code = "enroll.evidence_unreadable"
    says = "sealed evidence does not open with this key, application and kind"


class EvidenceDestroyed(EnrolmentError):
    """The key of this evidence was destroyed; nobody reads it again."""

    code = "enroll.evidence_destroyed"
    says = "the key of this evidence was destroyed"


class EvidenceUnverified(EnrolmentError):
    """A signature of a chip or a list does not hold; `reason` says what does not fit."""

    code = "enroll.evidence_unverified"
    says = "not verified: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


# --- who is at the door ---------------------------------------------------------------------------


class LoginError(EdsError):
    """A login could not be begun or answered for. A refused login is a value, no error."""

    code = "login.error"


class LoginRefused(LoginError):
    """Nobody is at the door (`LoginOutcome.require_person`); `refusal` is the code of the rule."""

    code = "login.refused"
    says = "login refused: {refusal}"

    def __init__(self, *, refusal: str, sub_indication: str | None) -> None:
        self.refusal = refusal
        self.sub_indication = sub_indication


class MalformedLoginToken(DecodeError):
    """Neither a Web eID token nor a signed login statement."""

    code = "login.malformed_token"
    says = "not a login token: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class MalformedLoginChallenge(DecodeError):
    """What a store of challenges held is none of ours."""

    code = "login.malformed_challenge"
    says = "not a login challenge: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class ChallengeStoreUnavailable(LoginError):
    """The store of challenges could not be reached or refused."""

    code = "login.store_unavailable"
    says = "the store of login challenges is unavailable: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class QrFrameRefused(LoginError):
    """A frame of a QR code that is not ours, or was shown too long ago."""

    code = "login.qr_frame_refused"
    says = "QR frame refused: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class LoginRequestRefused(LoginError):
    """A request that did not come from the portal's own page."""

    code = "login.request_refused"
    says = "login request refused: {reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


# --- doors --------------------------------------------------------------------------------------


class HttpError(EdsError):
    """A request over HTTP that is not answered as it was meant."""

    code = "http.error"


class MalformedHttpRequest(HttpError):
    """Not a request that this door can read."""

    code = "http.malformed_request"
    says = "{reason}"

    def __init__(self, *, reason: str) -> None:
        self.reason = reason


class PathNotFound(HttpError):
    """There is no door at this path, or nothing behind it."""

    code = "http.not_found"
    says = "there is nothing at this path"


class AuthenticationRequired(HttpError):
    """Nobody asked who may: `scheme` of HTTP authentication is wanted, or another credential."""

    code = "http.authentication_required"

    def __init__(self, *, scheme: str) -> None:
        super().__init__(f"{scheme} authentication is wanted")
        self.scheme = scheme


class ClientCertificateRequired(HttpError):
    """Whoever asks here shows a certificate for authentication in the TLS handshake."""

    code = "http.client_certificate_required"

    def __init__(self) -> None:
        super().__init__("a TLS client certificate for authentication is wanted")


class ProxyUntrusted(HttpError):
    """A header that only a trusted proxy may set came from elsewhere, or came twice."""

    code = "http.proxy_untrusted"

    def __init__(self, *, header: str) -> None:
        super().__init__(f"{header} is taken from a trusted proxy alone")
        self.header = header


class MethodNotAllowed(HttpError):
    """There is a door at this path, for other methods."""

    code = "http.method_not_allowed"
    says = "here it is {allowed}"

    def __init__(self, *, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed


class MediaTypeUnsupported(HttpError):
    """The content is of a type that is not taken here."""

    code = "http.media_type_unsupported"
    says = "the content type is to be {accepted}"

    def __init__(self, *, accepted: tuple[str, ...]) -> None:
        self.accepted = accepted


class RequestTooLarge(HttpError):
    """A body of more octets than the door takes; the rest was not read."""

    code = "http.request_too_large"
    says = "a request is limited to {allowed} octets here"

    def __init__(self, *, allowed: int) -> None:
        self.allowed = allowed


class RequestTimedOut(HttpError):
    """A request that took too long to come, or an answer that took too long to be taken."""

    code = "http.request_timed_out"
    says = "not within {seconds} seconds"

    def __init__(self, *, seconds: float) -> None:
        self.seconds = seconds


class ClientGone(HttpError):
    """Whoever asked went away before the request was whole."""

    code = "http.client_gone"
    says = "the client went away"


class RateExceeded(HttpError):
    """Too many requests from one address; `retry_after` is in seconds."""

    code = "http.rate_exceeded"
    says = "too many requests; again in {retry_after} seconds"

    def __init__(self, *, retry_after: int) -> None:
        self.retry_after = retry_after


class Overloaded(HttpError):
    """More is being done already than may be at once."""

    code = "http.overloaded"
    says = "too much is being done already"


class WorkTimedOut(HttpError):
    """What was asked for took longer than it may."""

    code = "http.work_timed_out"
    says = "not done within {seconds} seconds"

    def __init__(self, *, seconds: float) -> None:
        self.seconds = seconds
