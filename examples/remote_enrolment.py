"""A citizen gets a certificate from home, and signs with it. The key never leaves them."""

import tempfile
from pathlib import Path

from practice import P256, Practice, now, pin
from practice_desk import TERMS, open_desk, reception_of

from eds import KeyPurpose, open_keystore, validate
from eds.enroll import applicant
from eds.enroll.applicant import Session, Wanted, new_passphrase, new_token
from eds.enroll.reception import digest_of
from eds.enroll.simulators import simulated_people
from eds.enroll.states import Flow
from eds.sign.cms import CmsSigner, sign_attached

with tempfile.TemporaryDirectory() as place:
    practice = Practice(Path(place))
    (citizen,) = simulated_people("me", 1, at=now(), personal_number=lambda born, _: f"{born:%Y}01")
    desk = open_desk(practice, citizen)
    state = desk.demonstration  # a state that does not exist: its registers, telephones, faces
    reception, token = reception_of(desk), new_token()

    wanted = Wanted(flow=Flow.REMOTE, message=token.hex()[:32], profile="natural-person-signature",
                    personal_number=citizen.personal_number)  # fmt: skip
    opened = reception.open(wanted, token=token, terms=digest_of(TERMS))
    me = Session(application=opened.application, token=token)
    reception.send_code(me)
    reception.confirm_code(me, state.messages()[-1]["words"]["code"])
    looked_at = reception.offer_photo(me)
    proven = reception.offer_face(me, state.face(looked_at, score=950, at=now()))
    print("proven:", proven.state.value)

    store = open_keystore(str(Path(place) / "mine"))
    key = store.generate(label="mine", algorithm=P256, purpose=KeyPurpose.SIGNATURE, pin=pin)
    with store.open(key, purpose=KeyPurpose.SIGNATURE, pin=pin) as signer:
        applicant.bind_key(reception, me, signer, secret="")
        fields = reception.fields(me)  # to be read before they are confirmed
        print("issued:", applicant.confirm(reception, me, signer, fields).state.value)
        passphrase = new_passphrase()  # revokes it from anywhere, where the key is lost
        _, chain = applicant.activate(reception, me, signer, passphrase=passphrase)
        signed = sign_attached(b"I agree", by=CmsSigner(signer, certificates=chain, at=now()))
    report = validate(signed, trust=practice.trust, at=now(), evidence=practice.lists())
    print("signed:", report.verdict)
