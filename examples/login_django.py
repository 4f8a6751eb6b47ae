"""A portal of Django with a certificate at its door; its environment says ORIGIN and PORTAL."""

import os
import secrets
from html import escape
from pathlib import Path

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path

from eds import Certificate, CertificateList, TrustAnchor, TrustStore
from eds.http.login import PhoneLogin, PortalLogin
from eds.http.login_django import login_urls
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


def enter(request: HttpRequest, person: Person) -> HttpResponse:
    """Whether this person may enter, and the session from here on: the portal's own business."""
    if person.subject.country != "KZ":
        return JsonResponse({"code": "login.refused"}, status=403)
    request.session.flush()
    request.session["name"] = person.identity.common_name
    return JsonResponse({"location": "/"})


def home(request: HttpRequest) -> HttpResponse:
    name = request.session.get("name")
    return HttpResponse(f"<h1>{escape(name)}</h1>") if name else HttpResponseRedirect("/login")


settings.configure(
    ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY=secrets.token_urlsafe(),
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware"],
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    SESSION_COOKIE_NAME="__Host-portal", SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Lax",
)  # fmt: skip
urlpatterns = [*login_urls(login, enter=enter), path("", home)]
app = get_wsgi_application()
