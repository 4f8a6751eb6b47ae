"""A desk at an address, as `eds enroll` meets it: the same as one in a folder."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import repeat
from pathlib import Path

import pytest

from eds.enroll import applicant
from eds.enroll.applicant import Access, Session, Step, Wanted, new_passphrase, new_token
from eds.enroll.certified import CertificateState
from eds.enroll.failures import NOT_ACCEPTED
from eds.enroll.folder import DeskFolder
from eds.enroll.reception import digest_of
from eds.enroll.simulators import SimulatedOrganisation
from eds.enroll.states import Flow, State
from eds.errors import DeskRefused, InvalidArgument, ProviderUnavailable, TransitionRefused
from eds.extensions import RevocationReason
from eds.http.deskclient import HttpDesk
from eds.http.metrics import Worker
from eds.http.opening import Surroundings, new_board, open_doors
from eds.http.settings import read_http_settings
from tests.ca.authority_house import pin
from tests.enroll.desk_house import NUMBERS, OPERATOR, RESIDENT, TERMS, DeskHouse
from tests.enroll.house import Holder
from tests.http.desk_house import serving
from tests.http.tlsproxy import server_certificate, server_context


@pytest.fixture(scope="module")
def _built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return DeskHouse(tmp_path_factory.mktemp("desk")).build().path


@pytest.fixture
def house(_built: Path, tmp_path: Path) -> DeskHouse:
    shutil.copytree(_built, tmp_path / "house")
    return DeskHouse(tmp_path / "house")


@contextmanager
def served(house: DeskHouse, **settings: object) -> Iterator[int]:
    board = new_board(workers=1)
    around = Surroundings(
        base=house.path, pin=pin, hand=Worker(board), board=board, clock=house.now
    )
    file = read_http_settings(b'version = 1\n[desk]\nfolder = "desk"\n', file="serve.toml")
    with (
        open_doors(file, around) as application,
        serving(application, **settings) as port,  # type: ignore[arg-type]
    ):
        yield port


def applied(desk: Access, message: str = "a" * 32) -> tuple[Session, applicant.Standing]:
    token = new_token()
    wanted = Wanted(
        flow=Flow.REMOTE, message=message, profile="natural-person-signature",
        personal_number=RESIDENT,
    )  # fmt: skip
    standing = desk.open(wanted, token=token, terms=digest_of(desk.terms()))
    return Session(application=standing.application, token=token), standing


def ready_for_a_key(desk: Access, folder: DeskFolder, house: DeskHouse) -> Session:
    session, standing = applied(desk)
    assert (standing.state, standing.step) == (State.RESOLVED, Step.CODE)
    desk.send_code(session)
    sent = [each for each in folder.demonstration.messages() if each["kind"] == "contact-code"]
    desk.confirm_code(session, sent[-1]["words"]["code"])
    standing = desk.offer_photo(session)
    face = folder.demonstration.face(standing, score=950, at=house.at)
    assert desk.offer_face(session, face).step is Step.KEY
    return session


def certified(desk: Access, session: Session, key: Holder) -> tuple[str, bytes]:
    applicant.bind_key(desk, session, key.signer, secret="")
    shown = desk.fields(session)
    assert shown.subject["common_name"] == "АХМЕТОВ АСАН"
    assert applicant.confirm(desk, session, key.signer, shown).state is State.ISSUED
    passphrase = new_passphrase()
    standing, found = applicant.activate(desk, session, key.signer, passphrase=passphrase)
    assert standing.step is Step.DONE
    assert [each.subject for each in found[1:]] == [each.issuer for each in found[:-1]]
    return passphrase, found[0].fingerprint


def test_an_applicant_gets_a_certificate_from_a_desk_at_an_address(
    house: DeskHouse, tmp_path: Path
) -> None:
    certificate, key = server_certificate(tmp_path)
    context = server_context(certificate, key, certificate)
    with served(house, context=context) as port:
        address = f"https://127.0.0.1:{port}"
        with pytest.raises(ProviderUnavailable):  # nobody vouches for this one
            HttpDesk(address).terms()
        desk: Access = HttpDesk(address, context=trusting(certificate))
        assert desk.terms() == TERMS
        holder = Holder()
        session = ready_for_a_key(desk, house.desk, house)
        passphrase, fingerprint = certified(desk, session, holder)
        held = desk.end_by_passphrase(
            fingerprint, "hold", passphrase=passphrase, reason="unspecified"
        )
        assert desk.standing(session).step is Step.RELEASE
        before = house.now()
        ended = applicant.end_by_key(
            desk, fingerprint, "revoke", holder.signer, reason="key-compromise", at=house.now()
        )
        status = desk.standing(session).status
    assert (held, ended) == ("held", "revoked")
    assert status is not None
    assert (status.state, status.reason) == (
        CertificateState.REVOKED, RevocationReason.KEY_COMPROMISE,
    )  # fmt: skip
    assert before < status.since < house.now()
    # The same at the folder, and after the certificate's end as well.
    for at in (house.now(), status.not_after + timedelta(days=1)):
        assert house.desk.reception(now=repeat(at).__next__, issue=None).standing(
            session
        ).status == (status)


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def test_what_is_refused_at_an_address_is_refused_alike(house: DeskHouse) -> None:
    with served(house) as port:
        desk = HttpDesk(f"http://127.0.0.1:{port}")
        session, _ = applied(desk)
        thief = replace(session, token=new_token())
        with pytest.raises(TransitionRefused) as refused:
            desk.standing(thief)
        assert refused.value.shown == ("not_accepted",)
        with pytest.raises(TransitionRefused) as refused:
            desk.confirm_code(session, "000000")
        assert refused.value.shown == ("not_accepted",)
        with pytest.raises(TransitionRefused) as refused:
            desk.fields(session)
        assert refused.value.codes == ("certificate_differs",)
        with pytest.raises(DeskRefused) as problem:
            desk.bind_key(session, request=b"0", possession=b"0", algorithm="x", secret="")
        assert problem.value.problem.startswith(("enroll.", "certificates."))
        assert desk.give_up(session).step is Step.ENDED


def test_somebody_of_an_organisation_applies_at_an_address(house: DeskHouse) -> None:
    folder, firm, profile = house.desk, "990140000017", "legal-entity-employee"
    folder.demonstration.add_organisation(
        SimulatedOrganisation(number=firm, name="ТОО «Пример»", head=NUMBERS[OPERATOR])
    )
    with house.by(folder, OPERATOR) as head:
        mandate = applicant.make_mandate(
            head.sign, organisation=firm, person=RESIDENT, profile=profile, at=house.now()
        )
    wanted = Wanted(
        flow=Flow.REMOTE, message="a" * 32, profile=profile, personal_number=RESIDENT,
        organisation=firm,
    )  # fmt: skip
    with served(house) as port:
        desk = HttpDesk(f"http://127.0.0.1:{port}")
        found = [
            desk.open(each, token=new_token(), terms=digest_of(TERMS))
            for each in (wanted, replace(wanted, message="b" * 32, mandate=mandate))
        ]
    assert [one.state for one in found] == [State.REJECTED, State.RESOLVED]
    assert [one.reason for one in found] == ["mandate_missing", ""]


def test_an_answer_that_got_lost_is_asked_for_again(house: DeskHouse) -> None:
    """Whatever is asked first over a connection is done, and its answer thrown away."""
    with served(house) as port, losing(port) as front:
        desk = HttpDesk(f"http://127.0.0.1:{front}")
        session = ready_for_a_key(desk, house.desk, house)
        certified(desk, session, Holder())
    case = house.desk.store.load(session.application)
    assert (case.state, case.sends, case.code_misses) == (State.ACTIVE, 1, 0)


@contextmanager
def losing(backend: int) -> Iterator[int]:
    """Every other connection is cut once the request was answered, before anybody hears of it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            for number in range(10_000):
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client, socket.create_connection(("127.0.0.1", backend)) as server:
                    request = whole(client)
                    server.sendall(request)
                    answer = whole(server)
                    if number % 2:
                        client.sendall(answer)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def whole(connection: socket.socket) -> bytes:
    """One message with its body."""
    octets = b""
    while b"\r\n\r\n" not in octets:
        octets += connection.recv(65536)
    head, _, body = octets.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next(
        (int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def lying_at(answer: bytes) -> Iterator[str]:
    """The address of a desk that answers with these octets, whatever it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def lie() -> None:
            for _ in range(2):
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(65536)
                    try:
                        client.sendall(answer)
                    except OSError:
                        continue

        thread = threading.Thread(target=lie)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@contextmanager
def lying(answer: bytes) -> Iterator[HttpDesk]:
    """The same, as an applicant meets it."""
    with lying_at(answer) as address:
        yield HttpDesk(address)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"text":"!"}',
        b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"text":1,"text":2',
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (5 * 1024 * 1024),
    ],
)
def test_what_is_no_answer_of_a_desk_is_said_to_be_none(answer: bytes) -> None:
    with lying(answer) as desk, pytest.raises(ProviderUnavailable):
        desk.terms()


def told(status: bytes, body: dict[str, object]) -> bytes:
    octets = json.dumps(body).encode()
    return b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(octets), octets)


STANDING: dict[str, object] = {
    "application": "0" * 32, "flow": "remote", "state": "draft", "profile": "p", "evidence": [],
    "deadline": None, "challenge": "", "nonce": "", "renews": "", "certificate": "",
    "in_person": False, "station": "", "tries_left": None, "reason": "",
}  # fmt: skip
STATUS = {
    "serial": "01", "state": "revoked", "since": "2026-12-16T09:00:00Z",
    "not_after": "2027-12-16T09:00:00Z", "reason": "superseded",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"application": "../../another"},  # it becomes a part of paths
        {"deadline": "2026-12-16T09:00:00"},  # of which zone?
        {"tries_left": "many"},
        {"evidence": 7},
        {"certificate_status": "valid"},
        {"certificate_status": {"state": "good"}},
        {"certificate_status": STATUS | {"reason": "because"}},
        {"certificate_status": STATUS | {"since": "2026-12-16T09:00:00"}},
    ],
)
def test_a_standing_that_none_has_is_not_believed(change: dict[str, object]) -> None:
    session = Session(application="0" * 32, token=new_token())
    with lying(told(b"200 OK", STANDING)) as desk:
        assert desk.standing(session).state is State.DRAFT
    with lying(told(b"200 OK", STANDING | {"certificate_status": STATUS})) as desk:
        assert desk.standing(session).status is not None
    with lying(told(b"200 OK", STANDING | change)) as desk, pytest.raises(ProviderUnavailable):
        desk.standing(session)


def test_reasons_that_are_none_are_not_told() -> None:
    session = Session(application="0" * 32, token=new_token())
    answer = told(b"403 Forbidden", {"code": "enroll.refused", "reasons": 7})
    with lying(answer) as desk, pytest.raises(TransitionRefused) as refused:
        desk.standing(session)
    assert refused.value.codes == (NOT_ACCEPTED,)


@pytest.mark.parametrize(
    "address",
    ["http://desk.example.kz", "ftp://127.0.0.1", "https://", "https://user@desk.example.kz",
     "https://desk.example.kz:99999", "desk"],
)  # fmt: skip
def test_only_tls_or_this_machine_is_spoken_to(address: str) -> None:
    with pytest.raises(InvalidArgument):
        HttpDesk(address)
