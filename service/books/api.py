"""`GET /api/v1/books/export`: the journal of some days."""

from __future__ import annotations

from datetime import date

from aiohttp import web

from adapters.postgres.accounting import MAX_DOCUMENTS
from service.books.forms import FORMS
from service.books.service import FIRST, BooksRefused, BooksService
from service.http import problems
from service.http.base import Api
from service.http.described import NAME, Answered, described, one_of
from service.http.problems import PLAIN
from service.http.requests import bad_query, channels_of, unprocessable, whole_of

READ = "books:read"
STEPS = 4
"""Of what is entered while a request waits: the rest is entered in the background."""

BUSY_SECONDS = 10
DAY = {"type": "string", "format": "date"}


class BooksApi:
    """A key reads the documents of its own channels."""

    def __init__(self, service: BooksService, api: Api) -> None:
        self.service = service
        self._api = api

    def routes(self) -> list[web.RouteDef]:
        """The path of the export."""
        return [web.get("/api/v1/books/export", self.export)]

    @described(
        READ,
        str,
        media="text/csv",
        query={"from": DAY, "to": DAY, "format": one_of(FORMS), "channel": NAME, "cursor": NAME},
        must=("from", "to"),
        also=(Answered(shape=str, media=FORMS["quickbooks"].media),),
        refuses=(422,),
    )
    async def export(self, request: web.Request) -> web.Response:
        """Return a page of the journal of these days, both included, by day: balanced documents,
        as CSV, an entry a line, or as requests of QuickBooks Online, a document a line. The header
        Link names the next page, if there is one; the first page of CSV begins with the names of
        the columns."""
        principal = await self._api.principal(request, READ)
        query = request.query
        first, last = _day("from", query.get("from", "")), _day("to", query.get("to", ""))
        form = FORMS.get(query.get("format", "csv"))
        if form is None:
            raise bad_query(f"format is one of: {', '.join(FORMS)}.")
        seen = channels_of(query.get("channel", ""), principal)
        after = _after(query.get("cursor", ""))
        try:
            self.service.checked(first, last)
        except BooksRefused as error:
            raise unprocessable("books-refused", str(error)) from error
        if not await self.service.catch_up(self._api.clock.now(), STEPS):
            raise problems.busy("Orders of the past are being entered.", BUSY_SECONDS)
        page = await self.service.page(seen, first, last, after)
        text = form.write(page, self.service.settings.accounts)
        headers = dict(PLAIN)
        if len(page) == MAX_DOCUMENTS:
            at = f"{page[-1].day.isoformat()} {page[-1].id}"
            headers["Link"] = f'<{request.rel_url.update_query(cursor=at)}>; rel="next"'
        body = text if after[1] else form.header + text
        return web.Response(text=body, content_type=form.media, charset="utf-8", headers=headers)


def _day(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise bad_query(f"{name} is a day, such as 2026-11-30.") from None


def _after(cursor: str) -> tuple[date, int]:
    if not cursor:
        return FIRST, 0
    day, _, number = cursor.partition(" ")
    return _day("cursor", day), whole_of("cursor", number, 2**62)
