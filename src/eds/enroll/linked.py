"""Requests that name their application under their own signature, as EST brings them (RFC 7030).

Whoever is cleared is given a credential. It goes into the challengePassword of the PKCS #10, so
the new key itself says for which application it wants a certificate (RFC 7030 §3.5; TLS 1.3 has
no tls-unique to put there). A request so linked needs no PossessionStatement; everything else is
asked for as ever, and the subject comes from the decision.
"""

from __future__ import annotations

import base64
import hmac
from datetime import datetime
from typing import Final

from ..ca.authority import Authority
from ..certificates import Certificate
from ..errors import TransitionRefused, WrongState
from ..requests import CertificationRequest
from .application import Application
from .certified import living
from .desk import Desk, Envelope, answered, is_token
from .failures import Code, Failure
from .issuing import Issuing, Proof, bind_proven, issue
from .states import State

# Once the key is bound, only the request that bound it has an answer.
_BOUND: Final = frozenset({State.KEY_BOUND})
_DECIDED: Final = frozenset({State.CONFIRMED, State.ISSUING, State.ISSUED, State.ACTIVE})


def credential_of(desk: Desk, application: Application) -> str:
    """The credential of a cleared application: 43 characters, of this clearance alone.

    Raises WrongState before the application is cleared.
    """
    if not application.nonce:
        raise WrongState(
            application=application.application, state=application.state.value, act="link"
        )
    made = desk.pseudonyms.code(application.application, "link", application.nonce, "")
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def hand_out_credential(desk: Desk, application: str, envelope: Envelope) -> str:
    """The credential, for the applicant alone. Raises TransitionRefused, WrongState."""
    found = desk.store.load(application)
    if not is_token(found, envelope.token):
        raise TransitionRefused(failures=(Failure(code=Code.APPLICANT_NOT_AUTHENTIC),))
    return credential_of(desk, found)


def is_credential(desk: Desk, application: Application, credential: str | None) -> bool:
    """Whether that is the credential of this application, in constant time."""
    if credential is None or not application.nonce:
        return False
    return hmac.compare_digest(credential_of(desk, application).encode(), credential.encode())


def enrol(
    desk: Desk,
    issuing: Issuing,
    authority: Authority,
    application: str,
    *,
    request: CertificationRequest,
    secret: str = "",
    at: datetime,
) -> Certificate | None:
    """Bind the key of a linked request; once its fields are confirmed, the certificate.

    None while that is awaited: the same request is to come again. It always has the same answer.
    `secret` is the activation secret of those who came in person. Raises TransitionRefused,
    WrongState, and what the authority refuses.
    """
    before = desk.store.load(application)
    linked = is_credential(desk, before, request.challenge_password)
    if not linked:
        raise TransitionRefused(failures=(Failure(code=Code.POSSESSION_FOREIGN),))
    if before.state in _BOUND | _DECIDED:
        if request.fingerprint != before.request:
            raise TransitionRefused(failures=(Failure(code=Code.POSSESSION_FOREIGN),))
        if before.state in _BOUND:
            return None
        return issue(desk, issuing, authority, application, at=at)
    said = desk.pseudonyms.code(application, "message", b"", secret)
    # Another try of the secret is another message; the same once more counts once.
    message = f"link@{request.fingerprint.hex()[:40]}{said.hex()[:16]}"
    envelope = Envelope(message=message, at=at)
    known, digest = answered(desk, application, envelope, [request.encoded, said])
    if known is not None and known.state not in _BOUND | _DECIDED:  # what it began has ended since
        raise WrongState(application=application, state=known.state.value, act="bind_key")
    if known is None:
        bind_proven(
            desk, issuing, before, request, Proof(token_ok=linked, for_this=linked),
            secret=secret, message=message, digest=digest, at=at,
        )  # fmt: skip
    return None


def renewal_of(
    desk: Desk, issuing: Issuing, certificate: Certificate, *, at: datetime
) -> Application:
    """The open renewal of a living certificate of this desk, for whoever holds its key.

    Raises TransitionRefused where the certificate is not living or no renewal of it is open.
    """
    issued = living(issuing.register, certificate.fingerprint, at=at)
    name = None if issued is None else desk.store.open_of(issued.person)
    found = None if name is None else desk.store.find(name)
    if found is None or found.renews != certificate.fingerprint:
        raise TransitionRefused(failures=(Failure(code=Code.KEY_NOT_LIVING),))
    return found
