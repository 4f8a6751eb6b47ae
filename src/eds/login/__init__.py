"""Login with a certificate: challenge, signed token, person. Permission is the portal's own."""

from .answers import AnswerStore, MemoryAnswerStore
from .challenges import ActionText, ChallengeStore, LoginChallenge, session_digest
from .flow import EvidenceSource, begin, finish
from .memory import MemoryChallengeStore
from .methods import METHOD_FACTS, PHISHING_RESISTANT, KeyRole, Method, MethodFacts
from .outcome import LoginOutcome, Refusal
from .person import Assurance, AssuranceLevel, Person, Residency, Role, Subject
from .rules import LoginRules, PersonRules

__all__ = [
    "METHOD_FACTS",
    "PHISHING_RESISTANT",
    "ActionText",
    "AnswerStore",
    "Assurance",
    "AssuranceLevel",
    "ChallengeStore",
    "EvidenceSource",
    "KeyRole",
    "LoginChallenge",
    "LoginOutcome",
    "LoginRules",
    "MemoryAnswerStore",
    "MemoryChallengeStore",
    "Method",
    "MethodFacts",
    "Person",
    "PersonRules",
    "Refusal",
    "Residency",
    "Role",
    "Subject",
    "begin",
    "finish",
    "session_digest",
]
