"""A person at the console, over HTTP alone: what a browser sends, without one."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import urlencode, urlsplit

from tests.integration.whole import Answer, Whole

PASSWORD = "a few words that fit"


class Visitor:
    """Keeps a session's cookie, and sends forms with the page's own Origin."""

    def __init__(self, whole: Whole) -> None:
        self.whole = whole
        self.cookie = ""
        self.origin = whole.world.url

    async def get(self, path: str, **headers: str) -> Answer:
        """Ask for a page; redirects are not followed."""
        return await self._ask("GET", path, None, **headers)

    async def post(self, path: str, **fields: str) -> Answer:
        """Send a form."""
        return await self._ask("POST", path, urlencode(fields).encode())

    async def page(self, path: str) -> str:
        """Ask for a page that must be there."""
        answer = await self.get(path)
        assert answer.status == 200, (path, answer.status, answer.body[:2_000])
        return answer.body.decode()

    async def sign_in(self, name: str, password: str = PASSWORD) -> Answer:
        """Sign in by password."""
        return await self.post("/sign-in", name=name, password=password, to="/")

    async def by_link(self, name: str) -> None:
        """Sign in by a link that the command line prints."""
        link = self.whole.cli("users", "link", name).strip()
        answer = await self.post(urlsplit(link).path)
        assert answer.status == 303, answer.body

    async def _ask(self, method: str, path: str, body: bytes | None, **headers: str) -> Answer:
        if self.cookie:
            headers["Cookie"] = self.cookie
        if body is not None:
            headers["Content_Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = self.origin
        answer = await self.whole.ask(method, path, body=body, **headers)
        if told := answer.headers.get("set-cookie", ""):
            self.cookie = told.split(";", 1)[0]
        return answer


def hidden_of(page: str) -> dict[str, str]:
    """The hidden fields of a page."""
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: unescape(value) for name, value in found}


def a_user(whole: Whole, name: str, role: str, *words: str) -> None:
    """Add a user with PASSWORD, once."""
    if f'"{name}"' in whole.cli("users", "list", "--json"):
        return
    file = whole.world.home / "password"
    file.write_text(f"{PASSWORD}\n")
    whole.cli("users", "add", name, "--role", role, "--password-file", str(file), *words)
