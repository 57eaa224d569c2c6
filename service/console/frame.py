"""The frame of every page: who is signed in, templates, headers, forms, and refusals as pages."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qsl, quote, urlsplit

from aiohttp import web

from actors.runtime.ports import Clock
from adapters.postgres.users import Users
from service.console.people import Person, person_of
from service.console.rendering import Renderer
from service.http import problems
from service.http.bodies import Bodies
from service.http.problems import Problem

COOKIE, SECURE_COOKIE = "orderwright-session", "__Host-orderwright-session"
"""On this machine, and over HTTPS: a browser sends the latter to no other host and path."""

MAX_FIELDS = 620
"""Fields of a form: the largest asks for each of an order's 600 lines."""

SAFE = ("GET", "HEAD")

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # `no-referrer` would make a form's Origin `null`.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
"""Of every page: nothing runs, loads or is sent anywhere that is not ours, and no page is kept."""

Handler = Callable[[web.Request, Person], Awaitable[web.StreamResponse]]
Open = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Frame:
    """What pages are made with. `public_url`: where people reach the service, "" where that is not
    set; then the console is for browsers on this machine."""

    def __init__(
        self,
        users: Users,
        bodies: Bodies,
        clock: Clock,
        renderer: Renderer,
        *,
        public_url: str = "",
    ) -> None:
        self.users = users
        self.clock = clock
        self._bodies = bodies
        self._renderer = renderer
        self._public = urlsplit(public_url)

    @property
    def is_secure(self) -> bool:
        """Whether people reach the console over HTTPS."""
        return self._public.scheme == "https"

    @property
    def cookie(self) -> str:
        """The name of the session's cookie."""
        return SECURE_COOKIE if self.is_secure else COOKIE

    def get(self, path: str, scope: str, handler: Handler) -> web.RouteDef:
        """Return the route of a page for people whose role has the scope."""
        return web.get(path, self._guarded(scope, handler))

    def post(self, path: str, scope: str, handler: Handler) -> web.RouteDef:
        """Return the route of a form of such a page."""
        return web.post(path, self._guarded(scope, handler))

    def open(self, method: str, path: str, handler: Open) -> web.RouteDef:
        """Return a route for people who have not signed in."""

        async def answer(request: web.Request) -> web.StreamResponse:
            return await self._answered(request, None, handler(request))

        return web.route(method, path, answer)

    def page(
        self,
        request: web.Request,
        person: Person | None,
        template: str,
        values: Mapping[str, object],
        *,
        status: int = 200,
    ) -> web.Response:
        """Return a page, or the part of one that a template stands for."""
        text = self._renderer.render(
            template,
            {
                **values,
                "person": person,
                "path": request.path,
                "now": self.clock.now(),
            },
        )
        return web.Response(status=status, text=text, content_type="text/html", headers=HEADERS)

    async def signed_in(self, request: web.Request) -> Person | None:
        """Return who is signed in, None for no one."""
        token = request.cookies.get(self.cookie, "")
        if not token or not self.may_sign_in(request):
            return None
        user = await self.users.session(token, now=self.clock.now())
        return person_of(user) if user is not None else None

    def may_sign_in(self, request: web.Request) -> bool:
        """Whether a password and a session are safe on the way: over HTTPS, or on this machine."""
        return self.is_secure or _hostname(request.host) in ("localhost", "127.0.0.1", "::1")

    async def form(self, request: web.Request) -> dict[str, str]:
        """Return the fields of a form; of several of one name the last. Raises Problem for a body
        that is too large, too slow or no form."""
        if request.content_type != "application/x-www-form-urlencoded":
            raise Problem(415, "form-needed", "Not a form", "Send the page's own form.")
        with self._bodies.lease() as lease:
            raw = await lease.read(request)
        try:
            fields = parse_qsl(
                raw.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS
            )
        except (UnicodeDecodeError, ValueError) as error:
            raise problems.bad_request("form", "Form not understood", "Try again.") from error
        return {name: value.replace("\0", "�") for name, value in fields}

    def _guarded(self, scope: str, handler: Handler) -> Open:
        async def answer(request: web.Request) -> web.StreamResponse:
            return await self._answered(request, scope, self._for_person(request, scope, handler))

        return answer

    async def _for_person(
        self, request: web.Request, scope: str, handler: Handler
    ) -> web.StreamResponse:
        person = await self.signed_in(request)
        if person is None:
            return self._to_sign_in(request)
        if not person.may(scope):
            raise Problem(
                403,
                "role",
                "Not for your role",
                f"Your role, {person.role}, may not do this. An admin can give you another.",
            )
        return await handler(request, person)

    async def _answered(
        self, request: web.Request, scope: str | None, work: Awaitable[web.StreamResponse]
    ) -> web.StreamResponse:
        try:
            if request.method not in SAFE:
                self._require_origin(request)
            return await work
        except web.HTTPException as error:
            if error.status >= 400:
                return await self._refusal(request, scope, problems.of(error))
            error.headers.update({"Cache-Control": "no-store"})
            raise
        except Exception as error:  # noqa: BLE001 - of() words each error and logs unexpected ones
            return await self._refusal(request, scope, problems.of(error))
        finally:
            close = getattr(work, "close", None)
            if close is not None:
                close()  # of a coroutine that was refused before it began

    async def _refusal(
        self, request: web.Request, scope: str | None, problem: Problem
    ) -> web.Response:
        person = None
        if scope is not None and problem.status != 503:
            person = await self.signed_in(request)
        values = {"problem": problem}
        answer = self.page(
            request, person, "console/templates/problem.html", values, status=problem.status
        )
        answer.headers.update(problem.headers)
        if problem.close:
            answer.force_close()
        return answer

    def _to_sign_in(self, request: web.Request) -> web.Response:
        if request.headers.get("HX-Request"):
            # A part of a page that refreshes itself: the whole page goes to the sign-in.
            return web.Response(status=200, headers={**HEADERS, "HX-Refresh": "true"})
        back = request.rel_url.raw_path_qs if request.method in SAFE else "/"
        target = "/sign-in" if back == "/" else f"/sign-in?to={quote(back, safe='')}"
        return web.Response(status=303, headers={**HEADERS, "Location": target})

    def _require_origin(self, request: web.Request) -> None:
        """Raise Problem 403 for a form that another site sends: browsers say whose it is."""
        origin = urlsplit(request.headers.get("Origin", ""))
        host = self._public.netloc if self.is_secure else request.host
        scheme = "https" if self.is_secure else "http"
        if (origin.scheme, origin.netloc) != (scheme, host):
            raise Problem(
                403,
                "origin",
                "Not from this page",
                "The form did not come from the console itself. Open the page again and send it"
                " from there.",
            )


def redirect(to: str) -> web.Response:
    """Return an answer that leads to another page of ours, after a form was carried out."""
    return web.Response(status=303, headers={**HEADERS, "Location": to})


def once() -> str:
    """Return a value for a form, by which what it asks is done once, however often it is sent."""
    return secrets.token_urlsafe(16)


def asked_once(person: Person, form: Mapping[str, str]) -> str:
    """Return the name of what a form asks: the same one however often its button is pressed, and
    another person's is another. Raises Problem for a form without its page's value: all of those
    would be taken for one."""
    if not form.get("once"):
        raise problems.bad_request(
            "form", "Form not understood", "Open the page again, and send its own form."
        )
    named = f"{person.id}\0{form['once']}".encode("utf-8", "replace")
    return hashlib.sha256(named).hexdigest()


def place_of(text: str) -> str:
    """Return where to go after signing in: a path of ours, "/" for anything else."""
    parts = urlsplit(text)
    ours = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.netloc
    return text if ours and text.isprintable() and "\\" not in text and len(text) < 2048 else "/"


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
