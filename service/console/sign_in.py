"""Signing in and out: by password, or by a link that is good once."""

from __future__ import annotations

import logging

from aiohttp import web

from adapters.postgres.audit import Audit
from adapters.postgres.users import SESSION_DAYS
from service.console.frame import Frame, place_of, redirect
from service.console.passwords import Passwords, Tries
from service.http.peers import Peers
from service.http.problems import Problem

PAGE, LINK = "console/templates/sign_in.html", "console/templates/link.html"

_log = logging.getLogger(__name__)


class SignIn:
    """`/sign-in`, `/sign-in/{token}` and `/sign-out`. Every sign-in is audited."""

    def __init__(
        self, frame: Frame, passwords: Passwords, tries: Tries, peers: Peers, audit: Audit
    ) -> None:
        self._frame = frame
        self._passwords = passwords
        self._tries = tries
        self._peers = peers
        self._audit = audit

    def routes(self) -> list[web.RouteDef]:
        """The paths of signing in."""
        frame = self._frame
        return [
            frame.open("GET", "/sign-in", self.ask),
            frame.open("POST", "/sign-in", self.sign_in),
            frame.open("GET", "/sign-in/{token}", self.ask_link),
            frame.open("POST", "/sign-in/{token}", self.by_link),
            frame.open("POST", "/sign-out", self.sign_out),
        ]

    async def ask(self, request: web.Request) -> web.Response:
        """Show the form."""
        if await self._frame.signed_in(request) is not None:
            return redirect("/")
        return self._form(request, place_of(request.query.get("to", "/")))

    async def sign_in(self, request: web.Request) -> web.Response:
        """Compare name and password, and begin a session."""
        self._require_safe(request)
        form = await self._frame.form(request)
        name, password = form.get("name", "").strip()[:64], form.get("password", "")
        to = place_of(form.get("to", "/"))
        counted = (f"name:{name}", self._address(request))
        wait = self._tries.wait_seconds(*counted)
        if wait:
            words = f"Too many wrong passwords; wait {wait} seconds."
            answer = self._form(request, to, name=name, fault=words, status=429)
            answer.headers["Retry-After"] = str(wait)
            return answer
        # Counted before it is compared, so that many at once gain nothing.
        self._tries.failed(*counted)
        user = await self._frame.users.find(name)
        stored = user.password if user is not None else ""
        if user is None or not await self._passwords.fits(stored, password):
            _log.warning("A wrong name or password was given at the console's sign-in.")
            words = "Name and password don't belong together."
            return self._form(request, to, name=name, fault=words, status=401)
        self._tries.worked(*counted)
        if self._passwords.is_outdated(stored):
            newer = await self._passwords.hashed(password)
            await self._frame.users.rehash(name, stored, newer)
        return await self._begin(user.name, "password", to)

    async def ask_link(self, request: web.Request) -> web.Response:
        """Show a button: what only looks at links, such as a mail's preview, uses none up."""
        values: dict[str, object] = {"token": request.match_info["token"]}
        return self._frame.page(request, None, LINK, values)

    async def by_link(self, request: web.Request) -> web.Response:
        """Begin a session by a link."""
        self._require_safe(request)
        now = self._frame.clock.now()
        name = await self._frame.users.use_link(request.match_info["token"], now=now)
        if name is None:
            raise Problem(
                404,
                "link",
                "Link used or expired",
                "A link signs in once, within some minutes. Ask for another with"
                " `orderwright users link NAME`.",
            )
        return await self._begin(name, "link", "/")

    async def sign_out(self, request: web.Request) -> web.Response:
        """End the session."""
        frame = self._frame
        await frame.users.end(request.cookies.get(frame.cookie, ""))
        answer = redirect("/sign-in")
        answer.del_cookie(
            frame.cookie, path="/", secure=frame.is_secure, httponly=True, samesite="Lax"
        )
        return answer

    async def _begin(self, name: str, how: str, to: str) -> web.Response:
        frame, now = self._frame, self._frame.clock.now()
        token = await frame.users.begin(name, now=now)
        if token is None:
            raise Problem(403, "disabled", "Not any more", "This user was disabled; ask an admin.")
        await self._audit.record(
            at=now,
            person=f"{name} (console)",
            action="user.signed_in",
            target=f"user:{name}",
            reason=f"by {how}",
        )
        answer = redirect(to)
        answer.set_cookie(
            frame.cookie,
            token,
            path="/",
            max_age=SESSION_DAYS * 86_400,
            secure=frame.is_secure,
            httponly=True,
            samesite="Lax",
        )
        return answer

    def _form(
        self, request: web.Request, to: str, *, name: str = "", fault: str = "", status: int = 200
    ) -> web.Response:
        values: dict[str, object] = {
            "to": to,
            "name": name,
            "fault": fault,
            "safe": self._frame.may_sign_in(request),
        }
        return self._frame.page(request, None, PAGE, values, status=status)

    def _require_safe(self, request: web.Request) -> None:
        if not self._frame.may_sign_in(request):
            raise Problem(
                403,
                "plain-http",
                "Not over plain HTTP",
                "The console takes passwords over HTTPS, or on the machine itself. Put a proxy with"
                " TLS in front, and set listen.public_url to its https address.",
            )

    def _address(self, request: web.Request) -> str:
        address = self._peers.of(request)
        return f"address:{address}" if address else ""
