"""A guest of the country comes to a service centre: one official records, another decides."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from practice import Practice, now
from practice_desk import STATION, TERMS, official, open_desk, reception_of

from eds.enroll.applicant import Wanted, new_token
from eds.enroll.casework import appoint, found, propose_official
from eds.enroll.evidence.inperson import ChipAbsence, Inspection, SeenDocument
from eds.enroll.officials import Official, Role
from eds.enroll.people import Residency
from eds.enroll.reception import digest_of
from eds.enroll.simulators import simulated_people
from eds.enroll.states import Flow
from eds.enroll.visits import Visit
from eds.errors import TransitionRefused

SEEN = {Inspection.ORIGINAL_SEEN, Inspection.PHOTO_RESEMBLES, Inspection.TRANSLATION_NOTARISED}

with tempfile.TemporaryDirectory() as place, ExitStack() as keys:
    practice = Practice(Path(place))
    (guest,) = simulated_people("guest", 1, at=now(), personal_number=lambda born, _: f"{born:%Y}1",
                                residency=Residency.NON_RESIDENT, nationality="TUR")  # fmt: skip
    desk = open_desk(practice, guest)
    first, second, operator, checker = (
        keys.enter_context(official(practice, desk, number)) for number in range(4)
    )
    for number, made in enumerate(practice.lists().lists):  # nobody of them is revoked
        (desk.path / "evidence" / f"{number}.crl").write_bytes(made.encoded)
    found(desk.desk, "desk", (first, second), at=now())
    for by, role in ((operator, Role.OPERATOR), (checker, Role.CHECKER)):
        new = Official(person=by.person, roles=frozenset({role}), stations=frozenset({STATION}))
        appoint(desk.desk, propose_official(new, first, at=now()), second, at=now())

    reception, work, token = reception_of(desk), desk.casework(now=now), new_token()
    wanted = Wanted(flow=Flow.CENTRE, message=token.hex()[:32], profile="non-resident-signature",
                    document=guest.document, station=STATION)  # fmt: skip
    name = reception.open(wanted, token=token, terms=digest_of(TERMS)).application
    work.check_in(name, operator)
    visit = Visit(
        document=SeenDocument.PASSPORT, country=guest.document[0], number=guest.document[1],
        place="room 1", inspections=frozenset(SEEN), capture=b"a picture taken now",
        translation=b"a notarised paper", chip_absence=ChipAbsence.NO_CHIP,
        identity=guest.identity, contact="guest@example.org",
    )  # fmt: skip
    work.record(name, operator, visit)
    try:
        work.approve(name, operator)
    except TransitionRefused as refused:
        print("alone: ", *refused.codes)
    half = work.approve(name, checker).printed_half  # on paper; the other half was sent
    print("by two:", desk.store.load(name).state.value, f"with a secret of {2 * len(half)} letters")
    # From here on it goes as from home (remote_enrolment.py), with both halves beside the key.
