"""A portal of FastAPI with a certificate at its door; its environment says ORIGIN and PORTAL."""

import os
import secrets
from html import escape
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.middleware.sessions import SessionMiddleware

from eds import Certificate, CertificateList, TrustAnchor, TrustStore
from eds.http.login import PhoneLogin, PortalLogin
from eds.http.login_starlette import login_routes
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


async def enter(request: Request, person: Person) -> Response:
    """Whether this person may enter, and the session from here on: the portal's own business."""
    if person.subject.country != "KZ":
        return JSONResponse({"code": "login.refused"}, status_code=403)
    request.session.clear()
    request.session["name"] = person.identity.common_name
    return JSONResponse({"location": "/"})


app = FastAPI(routes=login_routes(login, enter=enter), openapi_url=None)
app.add_middleware(SessionMiddleware, secret_key=secrets.token_urlsafe(32),
    session_cookie="__Host-portal", https_only=True, same_site="lax",
)  # fmt: skip


@app.get("/")
async def home(request: Request) -> Response:
    name = request.session.get("name")
    return HTMLResponse(f"<h1>{escape(name)}</h1>") if name else RedirectResponse("/login")
