"""The doors of a login as URL patterns of Django. Extra `django`.

The session is the portal's, and so are the flags of its cookie:

    SESSION_COOKIE_NAME, SESSION_COOKIE_SAMESITE = "__Host-session", "Lax"
    SESSION_COOKIE_SECURE = SESSION_COOKIE_HTTPONLY = True
    urlpatterns = [*login_urls(login, enter=enter), …]
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import ExtraMissing
from ..login import Person
from .login import LONGEST_BODY, Asked, PortalLogin, answer

try:
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern, path
    from django.views.decorators.csrf import csrf_exempt
except ImportError as missing:
    raise ExtraMissing(extra="django") from missing

Enter = Callable[[HttpRequest, Person], HttpResponse]
"""Given the request and who is there, the portal decides, makes its session, and answers in JSON:
`{"location": …}` for the page to go on to, or a problem."""


def login_urls(login: PortalLogin, *, enter: Enter) -> list[URLPattern]:
    """Patterns under `login.path`, for the root of the URLs. They want `SessionMiddleware`.

    Django's own token against forged requests is not asked for: each door of browsers demands that
    the request came from the portal's own origin, and phones have no cookies.
    """

    def doors(request: HttpRequest, door: str = "") -> HttpResponse:
        asked = Asked(
            method=request.method or "",
            door=door,
            headers={name.lower(): value for name, value in request.headers.items()},
            body=request.read(LONGEST_BODY + 1),
            language=request.GET.get("lang", ""),
        )
        found = answer(login, asked, request.session)
        if isinstance(found, Person):
            return enter(request, found)
        response = HttpResponse(found.body, status=found.status)
        del response["content-type"]
        for name, value in found.headers:
            response[name.decode()] = value.decode()
        return response

    view = csrf_exempt(doors)
    root = login.path.strip("/")
    return [path(root, view), path(f"{root}/<path:door>", view)]
