"""What a citizen does at the desk, from the first word to the accepted certificate.

Each row calls one function of `eds.enroll`; what the desk does by itself (asking the register,
clearing) follows at once. Personal numbers stand in bodies alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ..ca.lifecycle import Act as StatusAct
from ..ca.lifecycle import State as Standing
from ..certificates import Certificate
from ..enroll import centre, issuing, linked, remote, renewal, status
from ..enroll.application import Application
from ..enroll.desk import answered
from ..enroll.encoding import decode
from ..enroll.evidence.chips import ChipRead
from ..enroll.kinds import EvidenceKind
from ..enroll.offered import chip_of_person, existing_eds, register_photo
from ..enroll.providers import CheckedEvidence
from ..enroll.reception import step_alone
from ..enroll.statements import SignedAct, StatusStatement
from ..enroll.states import Flow, State
from ..enroll.status import Wish
from ..errors import (
    CertificateNotFound,
    EvidenceUsed,
    MalformedHttpRequest,
    StatusChangeRefused,
    WrongState,
)
from ..extensions import RevocationReason
from . import deskviews as views
from .bodies import Body, Choice, Day, Digest, Octets, Text
from .deskservice import Call, DeskService
from .operations import LARGE, Caller, Operation

_ROOT: Final = "/desk/v1"
_ONE: Final = f"{_ROOT}/applications/{{application}}"
PERSONAL_NUMBER: Final = Text(longest=32, shortest=4, pattern="[0-9A-Za-z-]{4,32}")
COUNTRY: Final = Text(longest=2, shortest=2, pattern="[A-Z]{2}", example="UZ")
DOCUMENT: Final = Body(
    title="Document",
    required={"country": COUNTRY, "number": Text(longest=32, pattern="[0-9A-Z<-]{1,32}")},
)
SIGNED: Final = Body(
    title="SignedAct",
    required={"statement": Octets(most=4096), "signature": Octets(most=32 * 1024)},
)
STATION: Final = Text(longest=64, pattern="[a-z0-9][a-z0-9.-]{0,63}", example="astana-1")
_PROFILE: Final = Text(longest=64, pattern="[a-z0-9-]{1,64}", example="natural-person-signature")
_ALGORITHM: Final = Text(longest=48, pattern="[a-z0-9-]{1,48}", example="ecdsa-p256-sha256")
_SIGNATURE: Final = Octets(most=8 * 1024)
_CODE: Final = Text(longest=6, shortest=6, pattern="[0-9]{6}")
_GROUP: Final = Octets(most=256 * 1024)
CHIP: Final = Body(
    title="Chip",
    required={
        "security_object": Octets(most=64 * 1024),
        "data_groups": Body(
            title="DataGroups",
            required={"1": _GROUP},
            optional={str(number): _GROUP for number in (2, 11, 12, 14, 15)},
        ),
    },
    optional={"response": Octets(most=1024), "issued_on": Day()},
)
# Why a holder revokes (RFC 5280 §5.3.1).
_REASON: Final = Choice(
    values=("unspecified", "key-compromise", "affiliation-changed", "superseded",
            "cessation-of-operation")
)  # fmt: skip
_CHIPS: Final = {"passport_chip", "identity_card_chip"}


def chip_read(chip: Any) -> ChipRead:
    """The chip of a body."""
    groups = {int(number): octets for number, octets in chip["data_groups"].items()}
    return ChipRead(
        security_object=chip["security_object"],
        data_groups=groups,
        response=chip.get("response"),
    )


def _shown(service: DeskService, call: Call, found: Application) -> Any:
    return views.application_view(found, service.desk.policy, service.status_of(found, at=call.at))


# --- the acts -------------------------------------------------------------------------------------


def _terms(service: DeskService, call: Call) -> Any:
    del call
    return {
        "text": views.base64_of(service.terms),
        "digest": service.desk.policy.terms.hex(),
    }


def _open(service: DeskService, call: Call) -> Any:
    said = call.values
    wanted = "document" if said["flow"] == Flow.CENTRE.value else "personal_number"
    if {"document", "personal_number"} & said.keys() != {wanted}:
        raise MalformedHttpRequest(reason=f"{wanted} is what this flow is opened under")
    document = said.get("document", {"country": "", "number": ""})
    mandate = said.get("mandate")
    opened = remote.open_application(
        service.desk,
        call.envelope,
        flow=Flow(said["flow"]),
        profile=said["profile"],
        personal_number=said.get("personal_number", ""),
        document=(document["country"], document["number"]),
        organisation=said.get("organisation", ""),
        mandate=None if mandate is None else SignedAct(**mandate),
        device=said.get("device", ""),
    )
    return _shown(service, call, opened)


def _renew(service: DeskService, call: Call) -> Any:
    certificate = Certificate(call.values["certificate"])
    opened = renewal.open_renewal(
        service.desk, service.issuing, call.envelope, certificate=certificate
    )
    return _shown(service, call, opened)


def _look(service: DeskService, call: Call) -> Any:
    return _shown(service, call, service.desk.store.load(call.application))


def _go_on(service: DeskService, call: Call) -> Any:
    """What the desk does by itself; where it waits for people, nothing."""
    found = service.desk.store.load(call.application)
    return _shown(service, call, step_alone(service.desk, found, at=call.at, risk=service.risk))


def _submit(service: DeskService, call: Call) -> Any:
    said = call.values
    remote.submit(
        service.desk, call.application, call.envelope,
        consent=said["consent"].encode(), terms=said["terms"],
    )  # fmt: skip
    return _go_on(service, call)


def _appoint(service: DeskService, call: Call) -> Any:
    found = service.desk.store.load(call.application)
    station = call.values.get("station") or min(service.desk.policy.stations)
    if (found.state, found.station) != (State.APPOINTED, station):
        found = centre.appoint(service.desk, call.application, station=station, at=call.at)
    return _shown(service, call, found)


def _send_code(service: DeskService, call: Call) -> Any:
    found = service.desk.store.load(call.application)
    send = renewal.send_factor if found.flow is Flow.RENEWAL else remote.send_code
    return _shown(service, call, send(service.desk, call.application, call.envelope))


def _confirm_contact(service: DeskService, call: Call) -> Any:
    found = remote.confirm_contact(
        service.desk, call.application, call.envelope, code=call.values["code"]
    )
    return _shown(service, call, found)


def _offer(service: DeskService, call: Call) -> Any:
    # Read again, a piece would answer another challenge: what was said names the message.
    known, _ = answered(service.desk, call.application, call.envelope, call.values)
    if known is not None:
        return _shown(service, call, known)
    before = service.desk.store.load(call.application)
    if before.state is not State.CONTACT_CONFIRMED:
        raise WrongState(
            application=call.application, state=before.state.value, act="validate_evidence"
        )
    found = remote.offer_evidence(
        service.desk, call.application, pieces=(_piece(service, before, call),),
        message=call.envelope.message, at=call.at, content=call.values,
    )  # fmt: skip
    return _shown(service, call, found)


def _piece(service: DeskService, before: Application, call: Call) -> CheckedEvidence:
    said = call.values
    if said["kind"] == "register_photo":
        return register_photo(service.desk, before)
    if said["kind"] == "existing_eds":
        return existing_eds(
            service.desk, service.issuing, before, said.get("signature", b""), at=call.at
        )
    if "chip" not in said:
        raise MalformedHttpRequest(reason="chip is missing")
    return chip_of_person(
        service.desk, before, chip_read(said["chip"]), kind=EvidenceKind(said["kind"]),
        cscas=service.cscas, issued_on=said["chip"].get("issued_on"), at=call.at,
    )  # fmt: skip


def _face(service: DeskService, call: Call) -> Any:
    remote.face_check(
        service.desk, call.application, token=call.values["token"],
        message=call.envelope.message, at=call.at,
    )  # fmt: skip
    return _go_on(service, call)


def _living_key(service: DeskService, call: Call) -> Any:
    said = call.values
    renewal.prove_living_key(
        service.desk, service.issuing, call.application, call.envelope,
        signature=said["signature"], algorithm=said["algorithm"], code=said["code"],
    )  # fmt: skip
    return _go_on(service, call)


def _credential(service: DeskService, call: Call) -> Any:
    return {
        "user": call.application,
        "password": linked.hand_out_credential(service.desk, call.application, call.envelope),
    }


def _bind(service: DeskService, call: Call) -> Any:
    said = call.values
    found = issuing.bind_key(
        service.desk, service.issuing, call.application, call.envelope,
        request=said["request"], possession=said["possession"], algorithm=said["algorithm"],
        secret=said.get("secret", ""),
    )  # fmt: skip
    return _shown(service, call, found)


def _fields(service: DeskService, call: Call) -> Any:
    shown = issuing.fields_to_confirm(service.desk, service.issuing, call.application)
    return views.fields_view(shown)


def _confirm(service: DeskService, call: Call) -> Any:
    found = issuing.confirm(
        service.desk, call.application, call.envelope,
        confirmation=call.values["confirmation"], algorithm=call.values["algorithm"],
    )  # fmt: skip
    return _shown(service, call, found)


_ISSUABLE: Final = frozenset({State.CONFIRMED, State.ISSUING, State.ISSUED, State.ACTIVE})


def _issue(service: DeskService, call: Call) -> Any:
    before = service.desk.store.load(call.application)
    if before.state not in _ISSUABLE:
        raise WrongState(application=call.application, state=before.state.value, act="issue")
    with service.turn_of(call.application):
        made = issuing.issue(
            service.desk, service.issuing, service.authority, call.application, at=call.at
        )
    found = service.desk.store.load(call.application)
    known = service.status_of(found, at=call.at)
    return views.certificate_view(made, found, service.desk.policy, known, issuers=service.chain)


def _activate(service: DeskService, call: Call) -> Any:
    said = call.values
    found = issuing.activate(
        service.desk, service.issuing, call.application, call.envelope,
        acceptance=said["acceptance"], algorithm=said["algorithm"], passphrase=said["passphrase"],
    )  # fmt: skip
    return _shown(service, call, found)


def _repudiate(service: DeskService, call: Call) -> Any:
    found = issuing.repudiate(service.desk, service.issuing, call.application, call.envelope)
    return _shown(service, call, found)


def _cancel(service: DeskService, call: Call) -> Any:
    return _shown(service, call, remote.cancel(service.desk, call.application, call.envelope))


def _status_by_key(service: DeskService, call: Call) -> Any:
    said = call.values
    try:
        done = status.by_key(
            service.desk, service.issuing, statement=said["statement"],
            signature=said["signature"], algorithm=said["algorithm"], at=call.at,
            reason=_reason(said),
        )  # fmt: skip
    except (EvidenceUsed, StatusChangeRefused):
        wish = decode(StatusStatement, said["statement"])
        act = StatusAct.REVOKE if wish.act == "revoke" else StatusAct.HOLD
        done = already(service, wish.certificate, act)
    return views.status_view(done)


def _status_by_passphrase(service: DeskService, call: Call) -> Any:
    said = call.values
    act = StatusAct(said["act"])
    reason = _reason(said) if act is StatusAct.REVOKE else None
    wish = Wish(certificate=said["certificate"], act=act, reason=reason)
    try:
        done = status.by_passphrase(
            service.desk, service.issuing, wish, passphrase=said["passphrase"], at=call.at
        )
    except StatusChangeRefused:
        done = already(service, wish.certificate, wish.act)
    return views.status_view(done)


def _reason(said: Any) -> RevocationReason:
    return RevocationReason[said.get("reason", "unspecified").replace("-", "_").upper()]


_FULFILLED: Final = {
    StatusAct.HOLD: (Standing.ON_HOLD, Standing.REVOKED),
    StatusAct.REVOKE: (Standing.REVOKED,),
    StatusAct.RELEASE: (Standing.VALID,),
}


def already(service: DeskService, certificate: bytes, act: StatusAct) -> Any:
    """The status, where what was wanted is so: an answer that got lost is given again.

    Called in an except clause: raises again what is being handled.
    """
    found = service.issuing.register.find_by(fingerprint=certificate, limit=1)
    if not found:
        raise CertificateNotFound(serial_number="")
    if found[0].status.state in _FULFILLED[act]:
        return found[0].status
    raise  # noqa: PLE0704 - what is being handled


# --- the rows -------------------------------------------------------------------------------------


def operations() -> Iterator[Operation]:
    """The acts of citizens."""
    one, me = views.APPLICATION, Caller.APPLICANT
    yield Operation(
        name="showTerms", method="GET", path=f"{_ROOT}/terms", caller=Caller.ANYBODY, act=_terms,
        answer=views.TERMS, summary="The terms in force, and the SHA-256 that consent names",
    )  # fmt: skip
    yield Operation(
        name="openApplication", method="POST", path=f"{_ROOT}/applications", status=201,
        summary="Open an application, under a personal number or at the centre under a document",
        caller=Caller.NEWCOMER, act=_open, answer=one,
        body=Body(
            title="OpenApplication",
            required={"flow": Choice(values=("remote", "centre")), "profile": _PROFILE},
            optional={
                "personal_number": PERSONAL_NUMBER,
                "document": DOCUMENT,
                "organisation": Text(longest=32, pattern="[0-9A-Za-z-]{4,32}"),
                "mandate": SIGNED,
                "device": Text(longest=200),
            },
        ),
    )  # fmt: skip
    yield Operation(
        name="openRenewal", method="POST", path=f"{_ROOT}/renewals", status=201,
        summary="Open the renewal of a living certificate of this desk",
        caller=Caller.NEWCOMER, act=_renew, answer=one,
        body=Body(title="OpenRenewal", required={"certificate": Octets(most=16 * 1024)}),
    )  # fmt: skip
    yield Operation(
        name="showApplication", method="GET", path=_ONE, caller=me, act=_look, answer=one,
        summary="Where the application stands",
    )  # fmt: skip
    yield _post("submit", "Consent to the terms in force (their SHA-256)", _submit, one,
                consent=Text(longest=20_000), terms=Digest())  # fmt: skip
    yield Operation(
        name="postAppointment", method="POST", path=f"{_ONE}/appointment", caller=me, act=_appoint,
        answer=one, summary="Choose the station to come to; the first one, if none is named",
        body=Body(title="Appointment", optional={"station": STATION}),
    )  # fmt: skip
    yield _post("continuation", "Have the desk go on where it was interrupted", _go_on, one)
    yield _post("code", "Have a code sent to the number of the state's base", _send_code, one)
    yield _post("contact", "The code that arrived", _confirm_contact, one, code=_CODE)
    yield Operation(
        name="evidence", method="POST", path=f"{_ONE}/evidence", caller=me, act=_offer, answer=one,
        summary="The register's picture, a chip, or CMS over the statement with another EDS",
        limit=LARGE,
        body=Body(
            title="Evidence",
            required={"kind": Choice(values=("register_photo", "existing_eds", *sorted(_CHIPS)))},
            optional={"chip": CHIP, "signature": Octets(most=64 * 1024)},
        ),
    )  # fmt: skip
    yield _post("face", "The signed assertion of a face-match provider", _face, one,
                token=Octets(most=32 * 1024))  # fmt: skip
    yield _post("living-key", "The old key's signature over the renewal statement, and the code",
                _living_key, one, signature=_SIGNATURE, algorithm=_ALGORITHM,
                code=_CODE)  # fmt: skip
    yield _post(
        "est-credential",
        "The credential of this application for EST",
        _credential,
        views.an_object("EstCredential", user=views.TEXT, password=views.TEXT),
    )
    yield Operation(
        name="bindKey", method="POST", path=f"{_ONE}/key", caller=me, act=_bind, answer=one,
        summary="Bind a key: PKCS #10, and its signature over the possession statement",
        body=Body(
            title="Key",
            required={
                "request": Octets(most=32 * 1024),
                "possession": _SIGNATURE,
                "algorithm": _ALGORITHM,
            },
            optional={"secret": Text(longest=64)},
        ),
    )  # fmt: skip
    yield Operation(
        name="showFields", method="GET", path=f"{_ONE}/fields", caller=me, act=_fields,
        answer=views.FIELDS, summary="The fields of the certificate to be confirmed",
    )  # fmt: skip
    yield _post("confirmation", "The key's signature over the confirmation statement", _confirm,
                one, confirmation=_SIGNATURE, algorithm=_ALGORITHM)  # fmt: skip
    yield _post("certificate", "Have the certificate issued, on hold", _issue, views.CERTIFICATE)
    yield _post("activation", "Accept the certificate, and choose a passphrase that revokes it",
                _activate, one, acceptance=_SIGNATURE, algorithm=_ALGORITHM,
                passphrase=Text(longest=200, shortest=12))  # fmt: skip
    yield _post("repudiation", "Refuse the certificate: it is revoked", _repudiate, one)
    yield _post("cancellation", "End the application", _cancel, one)
    yield Operation(
        name="statusByKey", method="POST", path=f"{_ROOT}/certificates/status",
        summary="Hold or revoke a certificate by a statement that its key signed",
        caller=Caller.ANYBODY, act=_status_by_key, answer=views.STATUS,
        body=Body(
            title="StatusByKey",
            required={
                "statement": Octets(most=4096), "signature": _SIGNATURE, "algorithm": _ALGORITHM,
            },
            optional={"reason": _REASON},
        ),
    )  # fmt: skip
    yield Operation(
        name="statusByPassphrase", method="POST", path=f"{_ROOT}/certificates/passphrase",
        summary="Hold or revoke a certificate by its passphrase",
        caller=Caller.ANYBODY, act=_status_by_passphrase, answer=views.STATUS,
        body=Body(
            title="StatusByPassphrase",
            required={
                "certificate": Digest(), "passphrase": Text(longest=200, shortest=12),
                "act": Choice(values=("hold", "revoke")),
            },
            optional={"reason": _REASON},
        ),
    )  # fmt: skip


def _post(name: str, summary: str, act: Any, answer: Any, **members: Any) -> Operation:
    words = "".join(word.capitalize() for word in name.split("-"))
    return Operation(
        name=f"post{words}", method="POST", path=f"{_ONE}/{name}", summary=summary,
        caller=Caller.APPLICANT, act=act, answer=answer,
        body=Body(title=words, required=members) if members else None,
    )  # fmt: skip
