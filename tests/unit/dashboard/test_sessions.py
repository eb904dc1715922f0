"""Signing in and out."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.unit.dashboard.conftest import Site

HERE = {"sec-fetch-site": "same-origin"}


def test_the_token_becomes_a_cookie_that_no_script_reads(site: Site) -> None:
    """Nor any other site sends; it holds something else than the token."""
    answer = site.as_stranger("POST", "/session", HERE, form={"token": site.token.text})
    assert answer.status == 303
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie.key == f"queuectl-{site.port}"
    assert cookie["httponly"] and cookie["samesite"].lower() == "strict" and cookie["path"] == "/"
    assert site.token.text not in answer.headers["set-cookie"]
    assert site.as_stranger("GET", "/jobs", {"cookie": f"{cookie.key}={cookie.value}"}).status == 200


def test_a_wrong_token_gives_no_cookie(site: Site) -> None:
    """To a person it is said on the page, to a script as a problem."""
    for token in ("", "nonsense", site.token.cookie):
        answer = site.as_stranger("POST", "/session", {**HERE, "accept": "text/html"}, form={"token": token})
        assert answer.status == 401 and "set-cookie" not in answer.headers and "not the token" in answer.text
    answer = site.as_stranger("POST", "/session", HERE, form={"token": "nonsense"})
    assert answer.headers["content-type"] == "application/problem+json"


def test_another_site_cannot_sign_a_browser_in(site: Site) -> None:
    """Not even with the right token."""
    foreign = {"sec-fetch-site": "cross-site"}
    assert site.as_stranger("POST", "/session", foreign, form={"token": site.token.text}).status == 403


def test_signing_out_takes_the_cookie_away(site: Site) -> None:
    """From this browser."""
    answer = site.as_stranger("POST", "/session/end", {**HERE, "cookie": site.cookie}, form={})
    assert answer.status == 303 and "Max-Age=0" in answer.headers["set-cookie"]
