"""A portal of Flask with a certificate at its door; its environment says ORIGIN and PORTAL."""

import os
import secrets
from html import escape
from pathlib import Path

from flask import Flask, jsonify, redirect, session
from flask.typing import ResponseReturnValue

from eds import Certificate, CertificateList, TrustAnchor, TrustStore
from eds.http.login import PhoneLogin, PortalLogin
from eds.http.login_flask import login_blueprint
from eds.login import LoginRules, MemoryAnswerStore, MemoryChallengeStore, Method, Person
from eds.verify.evidence import Evidence

FOLDER = Path(os.environ["PORTAL"])  # issuers.pem, and lists that another process keeps fresh
issuers = Certificate.certificates((FOLDER / "issuers.pem").read_bytes())


def status(_: object) -> Evidence:
    """Asked once a path is proven; `eds.verify.fetch.collect` would fetch what is missing."""
    return Evidence(lists=tuple(CertificateList(p.read_bytes()) for p in FOLDER.glob("*.crl")))


login = PortalLogin(
    rules=LoginRules(origin=os.environ["ORIGIN"], audience="Portal", methods=frozenset(Method)),
    store=MemoryChallengeStore(),  # several processes: SqlChallengeStore, RedisChallengeStore
    trust=TrustStore([TrustAnchor(certificate=one) for one in issuers]),
    evidence=status,
    phone=PhoneLogin(answers=MemoryAnswerStore(), secret=secrets.token_bytes(32)),
)


def enter(person: Person) -> ResponseReturnValue:
    """Whether this person may enter, and the session from here on: the portal's own business."""
    if person.subject.country != "KZ":
        return jsonify(code="login.refused"), 403
    session.clear()
    session["name"] = person.identity.common_name
    return jsonify(location="/")


app = Flask(__name__)
app.secret_key = secrets.token_bytes(32)
app.config |= {"SESSION_COOKIE_NAME": "__Host-portal", "SESSION_COOKIE_SECURE": True}
app.config |= {"SESSION_COOKIE_HTTPONLY": True, "SESSION_COOKIE_SAMESITE": "Lax"}
app.register_blueprint(login_blueprint(login, enter=enter))


@app.get("/")
def home() -> ResponseReturnValue:
    return f"<h1>{escape(session['name'])}</h1>" if "name" in session else redirect("/login")
