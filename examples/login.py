"""A portal asks who is at the door, and a card answers: offline, with one card it knows itself."""

import base64
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding

from eds import Certificate, TrustAnchor, TrustStore
from eds.login import LoginChallenge, LoginRules, MemoryChallengeStore, begin, finish

NOW, DAY, SHA256 = datetime.now(UTC), timedelta(days=1), hashes.SHA256()
SUBJECT = "C=EE,CN=MARI MAASIKAS,2.5.4.4=MAASIKAS,2.5.4.42=MARI,2.5.4.5=PNOEE-40001010001"

key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name.from_rfc4514_string(SUBJECT)
usage = x509.KeyUsage(*[True] + 8 * [False])  # digitalSignature alone
card = Certificate(
    x509.CertificateBuilder(name, name, key.public_key(), 1, NOW - DAY, NOW + DAY)
    .add_extension(usage, critical=True)
    .sign(key, SHA256)
    .public_bytes(Encoding.DER)
)


def web_eid(challenge: LoginChallenge, *, seen: str) -> str:
    """What a browser extension and a card do: they sign the origin that they see."""
    octets = sha256(seen.encode()).digest() + sha256(challenge.nonce.encode()).digest()
    r, s = decode_dss_signature(key.sign(octets, ec.ECDSA(SHA256)))
    token = {"format": "web-eid:1.0", "algorithm": "ES256"}
    token["signature"] = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
    token["unverifiedCertificate"] = base64.b64encode(card.encoded).decode()
    return json.dumps(token)


rules = LoginRules(origin="https://portal.example.org", audience="Example portal")
store = MemoryChallengeStore()
trust = TrustStore([TrustAnchor(certificate=card)])  # in earnest: the issuers of cards
session = "the random value in the cookie before login"

for origin in (rules.origin, "https://p0rtal.example.org"):
    challenge = begin(session, rules=rules, store=store, at=NOW)
    token = web_eid(challenge, seen=origin)
    outcome = finish(session, token, rules=rules, store=store, trust=trust, at=NOW)
    if outcome.person is not None:
        print("at the door:", outcome.person.identity.common_name)
        # Whether this person may enter, and the session from here on, are the portal's business.
    elif outcome.refusal is not None:
        print("refused:", outcome.refusal.code)
