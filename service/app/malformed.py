"""Answers what the server can't read as HTTP like every other refusal."""

from __future__ import annotations

from aiohttp import web, web_response, web_server
from aiohttp.web_protocol import RequestHandler

from service.http import problems
from service.http.problems import Problem


class Handler(RequestHandler):
    """aiohttp's own answer is plain text that repeats what was sent, and a traceback in the log for
    every stranger who sends it; it does not pass the application's middlewares."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer 400 with problem details, and anything else as aiohttp does."""
        if status != 400 or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        told = (
            "This is not HTTP as the server reads it: a line or header is malformed or longer than"
            " it takes, or there are too many headers."
        )
        problem = Problem(400, "malformed", "Request malformed", told, close=True)
        return problems.answer(problem, "")


def install() -> None:
    """Have the servers of this process answer so, and name no version of what serves."""
    assert vars(web_server)["RequestHandler"] in (RequestHandler, Handler)
    vars(web_server)["RequestHandler"] = Handler
    vars(web_response)["SERVER_SOFTWARE"] = "orderwright"
