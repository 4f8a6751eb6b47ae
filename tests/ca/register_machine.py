"""Any history of an authority, held against a model of a few lines.

After every history the register, the lists and the responder must say the same of every serial
number, as `cryptography` reads them, and that is what the model says.
"""

from __future__ import annotations

import itertools
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.x509 import ocsp
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from sqlalchemy import Engine

from eds.ca import received
from eds.ca.authority import Authority, PreparedCertificate
from eds.ca.deadlines import RevocationRequest
from eds.ca.keycheck import check_key
from eds.ca.lifecycle import REVOCATION_REASONS, Act, Change
from eds.ca.lists import ListPublisher
from eds.ca.mass import MassActs
from eds.ca.register import Register
from eds.ca.responder import Responder, ServedIssuer
from eds.ca.selection import MassAct, Selection
from eds.certificatelists import CertificateList
from eds.errors import IntentNotOpen, ListRefused, StatusChangeRefused
from eds.extensions import RevocationReason
from tests.ca.crash import new_request, open_register, policy
from tests.ca.hierarchy import NOON, authority
from tests.ca.status_desk import delegate, facts, ocsp_request, signer_of

HOUR = timedelta(hours=1)
SHARDS = 2
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NEVER_ISSUED = ("certificateHold", EPOCH)
REASONS = sorted(REVOCATION_REASONS, key=lambda reason: reason.value)
NAMES = {
    RevocationReason.UNSPECIFIED: "unspecified",
    RevocationReason.KEY_COMPROMISE: "keyCompromise",
    RevocationReason.CA_COMPROMISE: "cACompromise",
    RevocationReason.AFFILIATION_CHANGED: "affiliationChanged",
    RevocationReason.SUPERSEDED: "superseded",
    RevocationReason.CESSATION_OF_OPERATION: "cessationOfOperation",
    RevocationReason.PRIVILEGE_WITHDRAWN: "privilegeWithdrawn",
}
ISSUERS = itertools.count(1)
DELEGATE = delegate(days=1000)


@dataclass(frozen=True)
class Stands:
    """The model: where a certificate stands, since when and why."""

    word: str
    since: datetime
    reason: str | None = None

    def after(self, act: Act, reason: RevocationReason | None, at: datetime) -> Stands | None:
        """The next, or None where there is none."""
        why = None if reason is None else NAMES[reason]
        if self.word == "revoked":
            worse = why == "keyCompromise" and self.reason != "keyCompromise"
            return replace(self, reason=why) if worse else None
        match act, self.word:
            case Act.REVOKE, _:
                return Stands("revoked", at, why)
            case Act.HOLD, "valid":
                return Stands("on_hold", at, "certificateHold")
            case Act.RELEASE, "on_hold":
                return Stands("valid", at)
        return None

    @property
    def said(self) -> tuple[str, datetime] | None:
        """What lists and answers say of it; nothing of what is valid."""
        if self.word == "valid":
            return None
        return self.reason or "unspecified", self.since.replace(microsecond=0)


class RegisterMachine(RuleBasedStateMachine):
    """Histories on the database of `engine`; each of them has an issuer of its own."""

    engine: Engine

    @initialize()
    def begin(self) -> None:
        self.issuer = f"{os.getpid():032x}{next(ISSUERS):032x}"
        self.at = NOON
        self.model: dict[bytes, list[Stands]] = {}
        self.people: dict[bytes, str] = {}
        self.open: dict[bytes, PreparedCertificate] = {}
        self.lost: dict[bytes, tuple[PreparedCertificate, Stands]] = {}
        self.wishes: dict[str, tuple[bytes, Act]] = {}
        self.restart()
        self.register.add_issuer(
            self.issuer, label=self.issuer, certificate=authority("issuing-ca").certificate,
            key_uri="file:ca", settings="{}", actor="ceremony", at=NOON,
        )  # fmt: skip
        self._issue(4)

    @rule()
    def restart(self) -> None:
        self.register: Register = open_register(self.engine, 1)
        signer = signer_of(authority("issuing-ca").key)
        made: dict[str, Any] = {
            "issuer": self.issuer, "facts": facts(SHARDS), "signer": signer,
            "register": self.register,
        }  # fmt: skip
        self.authority = Authority(**made, policy=policy, check_key=check_key)
        self.publisher = ListPublisher(made.pop("register"), **made)
        self.acts = MassActs(self.register, policy=policy)

    @rule(seconds=st.integers(1, 10**6))
    def wait(self, seconds: int) -> None:
        self.at += timedelta(seconds=seconds)

    # -- issuing

    @rule(count=st.integers(1, 3))
    def issue(self, count: int) -> None:
        self._issue(count)

    def _issue(self, count: int) -> None:
        prepared = [self._prepare() for _ in range(count)]
        self.authority.issue_many(prepared, at=self.at)
        for each in prepared:
            self._is_issued(each)

    @rule()
    def die_before_the_end(self) -> None:
        prepared = self._prepare()
        self.register.reserve([prepared.intent])
        self.open[prepared.intent.serial] = prepared

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def finish_late(self, data: st.DataObject) -> None:
        serial = self._one_of(data, self.open)
        prepared = self.open.pop(serial)
        self._complete(prepared)
        self._is_issued(prepared)

    @rule()
    def recover(self) -> None:
        found = self.authority.recover(
            before=self.at + timedelta(microseconds=1), actor="op", at=self.at
        )
        assert {intent.serial for intent in found} == set(self.open)
        for serial, prepared in self.open.items():
            self.lost[serial] = prepared, Stands("revoked", self.at, "cessationOfOperation")
        self.open.clear()

    @precondition(lambda self: self.lost)
    @rule(data=st.data())
    def finish_too_late(self, data: st.DataObject) -> None:
        serial = self._one_of(data, self.lost)
        try:
            self._complete(self.lost[serial][0])
        except IntentNotOpen:
            return
        raise AssertionError("an intent was given up and completed")

    # -- afterwards

    @precondition(lambda self: self.model)
    @rule(data=st.data(), act=st.sampled_from(Act), reason=st.sampled_from(REASONS))
    def change(self, data: st.DataObject, act: Act, reason: RevocationReason) -> None:
        serial = self._one_of(data, self.model)
        why = reason if act is Act.REVOKE else None
        after = self.model[serial][-1].after(act, why, self.at)
        wanted = Change(act=act, at=self.at, reason=why)
        try:
            status = self.authority.change(serial, wanted, actor="officer", at=self.at)
        except StatusChangeRefused:
            assert after is None
        else:
            assert after is not None
            assert status.version == len(self.model[serial])
            self._follow(serial, after)

    @precondition(lambda self: self.model)
    @rule(data=st.data(), act=st.sampled_from([Act.HOLD, Act.REVOKE]))
    def wish(self, data: st.DataObject, act: Act) -> None:
        serial = self._one_of(data, self.model)
        name = f"wish-{secrets.token_hex(8)}"
        received.receive(
            self.register,
            RevocationRequest(
                request=name, issuer=self.issuer, serial=serial, act=act, requester="holder",
                received_at=self.at,
                reason=RevocationReason.SUPERSEDED if act is Act.REVOKE else None,
            ),
            actor="desk",
        )  # fmt: skip
        self.wishes[name] = serial, act
        self._follow(serial, None)

    @precondition(lambda self: self.model)
    @rule(
        data=st.data(),
        act=st.sampled_from([Act.HOLD, Act.REVOKE]),
        reason=st.sampled_from(REASONS),
        size=st.integers(1, 4),
    )
    def mass(self, data: st.DataObject, act: Act, reason: RevocationReason, size: int) -> None:
        numbers = data.draw(st.sets(st.integers(0, len(self.model) - 1)))
        chosen = {list(self.model)[number] for number in numbers}
        why = reason if act is Act.REVOKE else None
        plan = self.acts.plan(
            MassAct(
                name=f"mass-{secrets.token_hex(8)}",
                selection=Selection(
                    issuer=self.issuer, persons=frozenset(self.people[each] for each in chosen)
                ),
                act=act, actor="officer", reason=why,
            ),
            at=self.at + timedelta(microseconds=1),
        )  # fmt: skip
        self.acts.start(plan, at=plan.at)
        for serial in chosen or set(self.model):
            after = self.model[serial][-1].after(act, why, plan.at)
            if after is not None:
                self._follow(serial, after)
        done = self.acts.run(plan.act.name, at=plan.at, size=size)
        assert done.changed == plan.changes
        self.at = plan.at

    @rule(shard=st.integers(0, SHARDS - 1))
    def publish(self, shard: int) -> None:
        self.publisher.publish(shard, next_update=self.at + HOUR, actor="crl", at=self.at)

    @rule(shard=st.integers(0, SHARDS - 1))
    def publish_delta(self, shard: int) -> None:
        try:
            self.publisher.publish_delta(shard, next_update=self.at + HOUR, actor="crl", at=self.at)
        except ListRefused:
            assert self.register.published_list(self.issuer, shard) is None

    # -- what must be true

    @invariant()
    def the_open_requests_are_those_of_the_model(self) -> None:
        if hasattr(self, "wishes"):
            found = received.open_requests(self.register)
            mine = {each.request for each in found if each.issuer == self.issuer}
            assert mine == set(self.wishes)

    def teardown(self) -> None:
        if not hasattr(self, "model"):
            return
        said = {serial: history[-1].said for serial, history in self.model.items()}
        said |= {serial: stands.said for serial, (_, stands) in self.lost.items()}
        assert dict(self._listed()) == {serial: what for serial, what in said.items() if what}
        never = [b"\x01" + secrets.token_bytes(18) for _ in range(5)]
        unknown = dict.fromkeys([*never, *self.open], NEVER_ISSUED)
        assert dict(self._answered([*said, *unknown])) == said | unknown
        for serial, history in self.model.items():
            kept = self.register.history(self.issuer, serial)
            assert [(each.state.value, each.since) for each in kept] == [
                (stands.word, stands.since) for stands in history
            ]
            assert [each.version for each in kept] == list(range(len(history)))

    # -- inside

    @staticmethod
    def _one_of(data: st.DataObject, table: Mapping[bytes, object]) -> bytes:
        # By its place: serial numbers are never the same in the next run.
        return list(table)[data.draw(st.integers(0, len(table) - 1))]

    def _prepare(self) -> PreparedCertificate:
        return self.authority.prepare(new_request(secrets.token_hex(8)), at=self.at)

    def _complete(self, prepared: PreparedCertificate) -> None:
        certificate = authority("issuing-ca").sign(prepared.tbs)
        self.register.complete([(prepared.intent, certificate.encoded)], at=self.at)

    def _is_issued(self, prepared: PreparedCertificate) -> None:
        self.model[prepared.intent.serial] = [Stands("valid", self.at)]
        self.people[prepared.intent.serial] = prepared.request.person

    def _follow(self, serial: bytes, after: Stands | None) -> None:
        """Put `after` into the model, and end the wishes that it fulfils."""
        if after is not None:
            self.model[serial].append(after)
        stands = self.model[serial][-1].word
        ends = {"valid": (), "on_hold": (Act.HOLD,), "revoked": (Act.HOLD, Act.REVOKE)}[stands]
        self.wishes = {
            name: (of, act)
            for name, (of, act) in self.wishes.items()
            if of != serial or act not in ends
        }

    def _listed(self) -> Iterator[tuple[bytes, tuple[str, datetime]]]:
        for shard in range(SHARDS):
            made: CertificateList = self.publisher.publish(
                shard, next_update=self.at + HOUR, actor="crl", at=self.at
            )
            for entry in x509.load_der_x509_crl(made.encoded):
                try:
                    reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
                    why = str(reason.value)
                except x509.ExtensionNotFound:
                    why = "unspecified"
                assert entry.serial_number % SHARDS == shard
                yield entry.serial_number.to_bytes(19, "big"), (why, entry.revocation_date_utc)

    def _answered(
        self, serials: list[bytes]
    ) -> Iterator[tuple[bytes, tuple[str, datetime] | None]]:
        served = ServedIssuer(self.issuer, authority("issuing-ca").certificate, [DELEGATE])
        responder = Responder([served], status_of=self.register.status_of, validity=HOUR)
        for start in range(0, len(serials), 100):
            asked = serials[start : start + 100]
            answer = ocsp.load_der_ocsp_response(
                responder.respond(ocsp_request(*asked), at=NOON).encoded
            )
            for serial, one in zip(asked, answer.responses, strict=True):
                if one.certificate_status is ocsp.OCSPCertStatus.GOOD:
                    yield serial, None
                    continue
                reason, since = one.revocation_reason, one.revocation_time_utc
                assert since is not None
                yield serial, ("unspecified" if reason is None else str(reason.value), since)
