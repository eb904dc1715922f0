"""Signing in: the token becomes a cookie that no script can read."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from queuectl_dashboard.forms import form_of
from queuectl_dashboard.problems import problem
from queuectl_dashboard.rendering import sign_in_page
from queuectl_dashboard.tokens import Token


async def sign_in(request: Request) -> Response:
    """Take the token from a form, or from our module, and answer with the cookie."""
    form = await form_of(request)
    token: Token = request.app.state.token
    given = form.get("token")
    if not isinstance(given, str) or not token.is_given_by(given.strip()):
        return sign_in_page(wrong=True) if "text/html" in request.headers.get("accept", "") else problem(401, WRONG)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        request.app.state.cookie, token.cookie, httponly=True, samesite="strict", path="/", max_age=30 * 86400
    )
    return answer


async def sign_out(request: Request) -> Response:
    """Take the cookie away."""
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(request.app.state.cookie, path="/", httponly=True, samesite="strict")
    return answer


WRONG = "the token is wrong"
