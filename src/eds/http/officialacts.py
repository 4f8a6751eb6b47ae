"""What officials do at the desk: every act is CMS over its statement, and comes in the body.

There is no session. Looking wants a signed statement too (`eds.enroll.reading`), which holds for
minutes; roles are asked for at every request. An official is told all reasons of a refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any, Final

from ..ca.lifecycle import Act as StatusAct
from ..enroll import centre, offices, reading, status
from ..enroll.application import Application
from ..enroll.encoding import decode, digest, encode
from ..enroll.evidence.inperson import ChipAbsence, Inspection, SeenDocument
from ..enroll.officials import Official, Role
from ..enroll.people import DocumentIdentity
from ..enroll.readers import chip_challenge
from ..enroll.statements import ActStatement, SignedAct
from ..enroll.states import State
from ..enroll.visits import Visit, pieces_of, visit_challenge
from ..errors import (
    EvidenceUsed,
    MalformedHttpRequest,
    MessageReused,
    StatusChangeRefused,
)
from . import deskviews as views
from .applicantacts import (
    CHIP,
    COUNTRY,
    DOCUMENT,
    PERSONAL_NUMBER,
    SIGNED,
    STATION,
    already,
    chip_read,
)
from .bodies import Body, Choice, Day, Instant, Kind, Octets, Several, Text
from .deskservice import Call, DeskService
from .operations import APPLICATION, LARGE, SMALL, Caller, Operation

_ROOT: Final = "/desk/v1/office"
_ONE: Final = f"{_ROOT}/applications/{{application}}"
_PSEUDONYM: Final = Text(longest=80, pattern="[0-9A-Za-z.-]{1,15}:[0-9a-f]{64}")
_NAME: Final = Text(longest=128)
_SCAN: Final = Octets(most=1024 * 1024)
_VISIT: Final = Body(
    title="Visit",
    required={
        "document": Choice(values=tuple(each.value for each in SeenDocument)),
        "country": COUNTRY,
        "number": Text(longest=20, pattern="[A-Z0-9]{1,20}"),
        "place": _NAME,
        "inspections": Several(
            of=Choice(values=tuple(each.value for each in Inspection)), most=len(Inspection)
        ),
        "capture": _SCAN,
    },
    optional={
        "identity": Body(
            title="Identity",
            required={"surname": _NAME, "born": Day(), "nationality": COUNTRY, "expires": Day()},
            optional={"given_name": _NAME, "permission_until": Instant()},
        ),
        "personal_number": PERSONAL_NUMBER,
        "chip": CHIP,
        "chip_absence": Choice(values=tuple(each.value for each in ChipAbsence)),
        "translation": _SCAN,
        "power_of_attorney": _SCAN,
        "contact": _NAME,
        "remark": Text(longest=256),
    },
)
_OFFICIAL: Final = Body(
    title="Official",
    required={
        "person": _PSEUDONYM,
        "roles": Several(of=Choice(values=tuple(role.value for role in Role)), most=4, least=1),
    },
    optional={
        "stations": Several(of=STATION, most=100),
        "conflicts": Several(of=_PSEUDONYM, most=100),
    },
)
_LAST_DAY: Final = date(9998, 12, 31)


def _act(call: Call, name: str = "act") -> SignedAct:
    said = call.values[name]
    return SignedAct(statement=said["statement"], signature=said["signature"])


def _case(service: DeskService, call: Call, found: Application) -> Any:
    return views.case_view(found, service.desk.policy, service.status_of(found, at=call.at))


# --- looking --------------------------------------------------------------------------------------


def _queue(service: DeskService, call: Call) -> Any:
    said = call.values
    who = reading.reader(service.desk, _act(call), at=call.at)
    after = said.get("after")
    page = reading.waiting(
        service.desk,
        who,
        states=map(State, said["states"]) if "states" in said else reading.WAITING,
        after=None if after is None else (after["deadline"], after["application"]),
    )
    return {
        "applications": [_case(service, call, each) for each in page.applications],
        "after": None
        if page.after is None
        else {"deadline": views.instant(page.after[0]), "application": page.after[1]},
    }


def _show(service: DeskService, call: Call) -> Any:
    who = reading.reader(service.desk, _act(call), at=call.at)
    found, person = reading.show(service.desk, call.application, who, at=call.at)
    operator = found.operator or who.person
    record = replace(found, operator=operator).record_octets()
    return {
        "case": _case(service, call, found),
        "person": views.person_view(person),
        "identity": views.identity_view(reading.identity_of(service.desk, call.application)),
        "record": views.base64_of(record),
        "chip_challenge": chip_challenge(visit_challenge(found)).hex(),
    }


def _papers(service: DeskService, call: Call) -> Any:
    who = reading.reader(service.desk, _act(call), at=call.at)
    found, _ = reading.show(service.desk, call.application, who, at=call.at)
    kept = reading.papers(service.desk, found)
    return {"papers": {kind: views.base64_of(octets) for kind, octets in kept.items()}}


def _pseudonym(service: DeskService, call: Call) -> Any:
    officers = frozenset({Role.SECURITY_OFFICER})
    who = reading.reader(service.desk, _act(call), at=call.at, roles=officers)
    said, names = call.values, service.desk.pseudonyms
    if ("document" in said) is ("personal_number" in said):
        raise MalformedHttpRequest(reason="a personal number or a document is wanted")
    if "document" in said:
        document = said["document"]
        kind, found = "document", names.document(document["country"], document["number"])
    else:
        kind, found = "person", names.person(said["personal_number"])
    told = reading.tell_pseudonym(service.desk, who, kind, found, at=call.at)
    return {"pseudonym": told}


# --- deciding -------------------------------------------------------------------------------------

_Decision = Callable[..., Application]
_DECISIONS: Final[tuple[tuple[str, str, _Decision], ...]] = (
    ("check-in", "The applicant is here", centre.check_in),
    ("record", "Sign the record, by its SHA-256", centre.record),
    ("approve", "The second official approves the same record", centre.approve),
    ("return", "The second official wants more", centre.send_back),
    ("reject", "The second official refuses", centre.decline),
    ("turn-away", "The operator ends it at the counter", centre.turn_away),
)


def _deciding(decide: _Decision) -> Callable[[DeskService, Call], Any]:
    def act(service: DeskService, call: Call) -> Any:
        found = decide(service.desk, call.application, call.envelope, _act(call))
        return _case(service, call, found)

    return act


def _examine(service: DeskService, call: Call) -> Any:
    """The visit is written down as of the operator's signature, so that it reads alike again."""
    act, desk = _act(call), service.desk
    who = desk.office.acting(act, at=call.at)
    known = desk.store.message(call.application, call.envelope.message)
    if known is not None:
        kept = desk.store.file(call.application, f"act/examine/{known.version - 1}")
        if kept != encode(act):
            raise MessageReused(application=call.application)
        return _case(service, call, desk.store.load(call.application))
    before = desk.store.load(call.application)
    visit = _visit(call.values["visit"])
    pieces = pieces_of(
        visit,
        before,
        operator=who.certificate,
        station=before.station,
        pseudonyms=desk.pseudonyms,
        cscas=service.cscas,
        at=who.statement.at,
    )
    found = centre.examine(
        desk, call.application, call.envelope, act,
        pieces=pieces, identity=visit.identity, contact=visit.contact,
        reason_without_chip=visit.chip_absence.value if visit.chip_absence else "",
    )  # fmt: skip
    return _case(service, call, found)


def _visit(said: Any) -> Visit:
    if ("chip" in said) is ("chip_absence" in said):
        raise MalformedHttpRequest(reason="visit: chip, or chip_absence: why there is none")
    identity = None
    if "identity" in said:
        given = said["identity"]
        identity = DocumentIdentity(
            country=said["country"],
            number=said["number"],
            **{**given, "expires": min(given["expires"], _LAST_DAY)},
        )
    absence = said.get("chip_absence")
    return Visit(
        document=SeenDocument(said["document"]),
        country=said["country"],
        number=said["number"],
        place=said["place"],
        inspections=frozenset(map(Inspection, said["inspections"])),
        capture=said["capture"],
        identity=identity,
        personal_number=said.get("personal_number", ""),
        chip=chip_read(said["chip"]) if "chip" in said else None,
        chip_absence=None if absence is None else ChipAbsence(absence),
        translation=said.get("translation", b""),
        power_of_attorney=said.get("power_of_attorney", b""),
        contact=said.get("contact", ""),
        remark=said.get("remark", ""),
    )


def _new_secret(service: DeskService, call: Call) -> Any:
    made = centre.new_secret(service.desk, call.application, call.envelope, _act(call))
    return {
        "case": _case(service, call, made.application),
        "printed_half": made.printed_half,
    }


def _clear(service: DeskService, call: Call) -> Any:
    """Use the decision. What is printed goes to whoever asked first; after that `new_secret`."""
    found = service.desk.store.load(call.application)
    reading.require_use(service.desk, _act(call), found, at=call.at)
    half = ""
    if found.state is State.CHECKER_APPROVED:
        cleared = centre.clear(service.desk, call.application, at=call.at)
        found, half = cleared.application, cleared.printed_half
    return {"case": _case(service, call, found), "printed_half": half}


# --- officials and certificates -------------------------------------------------------------------


def _appoint(service: DeskService, call: Call) -> Any:
    said = call.values["official"]
    official = Official(
        person=said["person"],
        roles=frozenset(map(Role, said["roles"])),
        stations=frozenset(said.get("stations", ())),
        conflicts=frozenset(said.get("conflicts", ())),
    )
    try:
        offices.appoint_official(
            service.desk, official, _act(call, "first"), _act(call, "second"), at=call.at
        )
    except EvidenceUsed:
        # An answer that got lost; later acts upon the same person are not undone by it.
        if service.desk.store.official(official.person) != official:
            raise
    return {"person": official.person, "digest": digest(official).hex()}


def _remove(service: DeskService, call: Call) -> Any:
    person = call.values["person"]
    try:
        offices.remove_official(service.desk, person, _act(call), at=call.at)
    except EvidenceUsed:
        if service.desk.store.official(person) is not None:
            raise
    return {"person": person, "digest": digest(Official(person=person, roles=frozenset())).hex()}


def _unlock(service: DeskService, call: Call) -> Any:
    document = call.values["document"]
    offices.unlock_document(
        service.desk, document, _act(call, "first"), _act(call, "second"), at=call.at
    )
    return {"document": document}


_STATUS: Final = {
    "hold": StatusAct.HOLD,
    "revocation": StatusAct.REVOKE,
    "release": StatusAct.RELEASE,
}


def _changing(kind: str) -> Callable[[DeskService, Call], Any]:
    def act(service: DeskService, call: Call) -> Any:
        first, second = _act(call, "first"), _act(call, "second")
        try:
            done = status.by_officials(
                service.desk, service.issuing, kind, first, second, at=call.at
            )
        except (EvidenceUsed, StatusChangeRefused):
            target = decode(ActStatement, first.statement).target
            certificate = bytes.fromhex(target.removeprefix("certificate/"))
            done = already(service, certificate, _STATUS[kind])
        return views.status_view(done)

    return act


# --- the rows -------------------------------------------------------------------------------------


def operations() -> Iterator[Operation]:
    """The acts of officials."""
    cursor: dict[str, Kind] = {
        "deadline": Instant(),
        "application": Text(longest=32, pattern=APPLICATION),
    }
    yield _row(
        "queue", "queue", "What waits for people, the most urgent first", _queue,
        views.an_object(
            "Queue",
            applications=views.a_list(views.CASE),
            after={"anyOf": [
                {"type": "null"},
                views.an_object("Cursor", deadline=views.INSTANT, application=views.TEXT),
            ]},
        ),
        caller=Caller.SIGNER, required={"act": SIGNED},
        optional={
            "states": Several(
                of=Choice(values=tuple(sorted(each.value for each in reading.WAITING))), most=8
            ),
            "after": Body(title="Cursor", required=cursor),
        },
    )  # fmt: skip
    yield _row(
        "showCase", "applications/{application}/view", "One case, its person, the record to sign",
        _show,
        views.an_object("CaseWithPerson", case=views.CASE, person=views.PERSON,
                        identity=views.IDENTITY, record=views.OCTETS, chip_challenge=views.TEXT),
        caller=Caller.SIGNER, required={"act": SIGNED},
    )  # fmt: skip
    yield _row(
        "showPapers", "applications/{application}/papers",
        "What was seen and taken of the applicant, to be looked at before a decision", _papers,
        views.an_object("Papers",
                        papers={"type": "object", "additionalProperties": views.OCTETS}),
        caller=Caller.SIGNER, required={"act": SIGNED},
    )  # fmt: skip
    for name, summary, decide in _DECISIONS:
        yield _row(_camel(name), f"applications/{{application}}/{name}", summary,
                   _deciding(decide), views.CASE, required={"act": SIGNED})  # fmt: skip
    yield _row(
        "examine", "applications/{application}/examination",
        "What the operator saw and read", _examine, views.CASE, limit=LARGE,
        required={"act": SIGNED, "visit": _VISIT},
    )  # fmt: skip
    halves = views.an_object("Cleared", case=views.CASE, printed_half=views.TEXT)
    yield _row("newSecret", "applications/{application}/secret",
               "A new activation secret in place of one that was lost", _new_secret, halves,
               required={"act": SIGNED})  # fmt: skip
    yield _row("clear", "applications/{application}/clearance",
               "Use the decision; one half of the secret is printed", _clear, halves,
               caller=Caller.SIGNER, required={"act": SIGNED})  # fmt: skip
    both = {"first": SIGNED, "second": SIGNED}
    person = views.an_object("InOffice", person=views.TEXT, digest=views.DIGEST)
    yield _row("appointOfficial", "officials", "Two security officers give a person roles",
               _appoint, person, required={"official": _OFFICIAL, **both},
               caller=Caller.SIGNER)  # fmt: skip
    yield _row("removeOfficial", "officials/removal", "One security officer takes them away",
               _remove, person, required={"person": _PSEUDONYM, "act": SIGNED},
               caller=Caller.SIGNER)  # fmt: skip
    yield _row("unlockDocument", "documents/unlocking", "Two security officers unlock a document",
               _unlock, views.an_object("Unlocked", document=views.TEXT),
               required={"document": _PSEUDONYM, **both}, caller=Caller.SIGNER)  # fmt: skip
    yield _row("pseudonym", "pseudonyms", "How a person or a document is called in acts",
               _pseudonym, views.an_object("Pseudonym", pseudonym=views.TEXT),
               required={"act": SIGNED},
               optional={"personal_number": PERSONAL_NUMBER, "document": DOCUMENT},
               caller=Caller.SIGNER)  # fmt: skip
    for kind in _STATUS:
        yield _row(f"{kind}ByOfficials", f"certificates/{kind}",
                   f"A {kind} that an operator proposes and a checker approves", _changing(kind),
                   views.STATUS, required=both, caller=Caller.SIGNER)  # fmt: skip


def _row(
    name: str,
    path: str,
    summary: str,
    act: Callable[[DeskService, Call], Any],
    answer: Any,
    *,
    required: Any,
    optional: Any = None,
    caller: Caller = Caller.OFFICIAL,
    limit: int = SMALL,
) -> Operation:
    title = name[0].upper() + name[1:]
    return Operation(
        name=name, method="POST", path=f"{_ROOT}/{path}", summary=summary, caller=caller, act=act,
        answer=answer, limit=limit,
        body=Body(title=title, required=required, optional=optional or {}),
    )  # fmt: skip


def _camel(name: str) -> str:
    head, *rest = name.split("-")
    return head + "".join(word.capitalize() for word in rest)
