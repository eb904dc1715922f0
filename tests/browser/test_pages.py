"""Each page in a browser: it shows what is there, to everybody, in light and dark, on a desk and on a phone."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Dialog, FloatRect, Page, expect

if TYPE_CHECKING:
    from tests.browser.conftest import Dashboard, Opener, Showcase

IMAGES = Path(__file__).parents[2] / "docs" / "images"

PAGES = {
    "overview": "/",
    "jobs": "/jobs",
    "job": "/job?id={dead}",
    "running": "/job?id={running}",
    "waiting": "/job?id={later}",
    "queues": "/queues",
    "workers": "/workers",
    "dead-letters": "/dlq",
    "events": "/events",
    "configuration": "/config",
    "plugins": "/plugins",
    "keys": "/keys",
    "nothing": "/jobs?text=no+such+job",
    "missing": "/nosuch",
}

PICTURES = ("overview", "jobs", "job", "queues", "workers", "dead-letters", "events", "configuration", "plugins")

HIGHEST = {"jobs": 620, "workers": 360, "queues": 430, "dead-letters": 400, "plugins": 520, "job": 720}
"""Where a picture ends, so that it is no larger than what it shows."""

LOOKS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light"},
    "dark": {"color_scheme": "dark"},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}, "has_touch": True},
}


def draw(page: Page, name: str, look: str) -> None:
    """Draw a page for the documentation, where that is asked for."""
    if os.environ.get("QUEUECTL_TEST_DRAW") and (name in PICTURES):
        suffix = {"light": "", "dark": "-dark", "phone": "-phone"}[look]
        if look == "light" or name in {"overview", "job"}:
            size = page.viewport_size or {"width": 1280, "height": 860}
            height = min(size["height"], HIGHEST.get(name, 860))
            shown = FloatRect(x=0, y=0, width=size["width"], height=height)
            path = IMAGES / f"dashboard-{name}{suffix}.png"
            page.screenshot(path=path, animations="disabled", clip=shown)


def judge(page: Page, name: str) -> None:
    """Fail for whatever axe finds wrong with a page."""
    found = Axe().run(page)
    assert found.violations_count == 0, f"{name}: {found.generate_report()}"


@pytest.mark.parametrize("look", LOOKS)
def test_what_is_seldom_seen_is_for_everybody_too(
    showcase: Showcase, read_only: Dashboard, opened: Opener, look: str
) -> None:
    """The question before many jobs are touched, signing in, an empty store, a server that is read-only or gone."""
    page = opened(showcase.dashboard, "/dlq", **LOOKS[look])
    judge(page, "what is shown once something was chosen")
    page.get_by_role("button", name="Discard").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Delete")
    judge(page, "the question")
    stranger = opened(showcase.dashboard, "/#token=wrong", signed_in=False, **LOOKS[look])
    expect(stranger.get_by_role("alert")).to_be_visible()
    judge(stranger, "signing in")
    page = opened(read_only, **LOOKS[look])
    for path in ("/jobs", "/dlq", "/queues", "/workers", "/events", "/"):
        page.goto(read_only.path(path))
        expect(page.locator("#live")).to_have_attribute("data-state", "live")
        judge(page, f"{path} of an empty store")
    read_only.stop()
    expect(page.locator("#live")).to_have_attribute("data-state", "lost")
    judge(page, "what has lost its server")


@pytest.mark.parametrize("look", LOOKS)
def test_every_page_is_for_everybody(showcase: Showcase, opened: Opener, look: str) -> None:
    """Given each page, then axe finds no violation, and nothing is wider than the screen."""
    page = opened(showcase.dashboard, **LOOKS[look])
    for name, path in PAGES.items():
        page.goto(showcase.dashboard.path(path.format(**showcase.ids)))
        expect(page.locator("#live")).to_have_attribute("data-state", "live")
        draw(page, name, look)
        for details in page.locator("details").all():
            details.evaluate("each => each.open = true")
        judge(page, name)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{name} is {wide} pixels wider than the screen"


def test_dark_is_dark(showcase: Showcase, opened: Opener) -> None:
    """As the system has it; and the button goes through all three, which the next page remembers."""
    brightness = "Number(getComputedStyle(document.documentElement).backgroundColor.match(/\\d+/)[0])"
    page = opened(showcase.dashboard, color_scheme="dark")
    assert page.evaluate(brightness) < 50
    page.locator("#theme").click()
    assert page.evaluate(brightness) > 200
    page.goto(showcase.dashboard.path("/queues"))
    assert page.evaluate(brightness) > 200
    page.keyboard.press("t")
    assert page.evaluate(brightness) < 50
    page.keyboard.press("t")
    expect(page.locator("#theme")).to_have_attribute("aria-label", "Theme: as the system has it")


def test_everything_can_be_read_without_javascript(showcase: Showcase, opened: Opener) -> None:
    """Signing in too: the token is pasted."""
    page = opened(showcase.dashboard, "/", signed_in=False, java_script_enabled=False)
    page.get_by_label("Token").fill(showcase.dashboard.address.partition("#token=")[2])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Throughput")).to_be_visible()
    page.get_by_role("link", name="Dead letters").click()
    page.get_by_role("button", name="Retry", exact=True).first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Retry 23 jobs?")
    page.get_by_role("link", name="Back").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dead letters")


def test_hostile_text_does_nothing(showcase: Showcase, opened: Opener) -> None:
    """Given a job with scripts, escapes and bidirectional text, then its page shows them and runs none."""
    page = opened(showcase.dashboard, "/jobs")
    dialogs: list[str] = []

    def note(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", note)
    id = showcase.ids["hostile"]
    for path in ("/jobs", f"/job?{urlencode({'id': id})}", "/queues", "/", f"/jobs?{urlencode({'text': id[:-1]})}"):
        page.goto(showcase.dashboard.path(path))
        expect(page.locator("#live")).to_have_attribute("data-state", "live")
        assert page.locator("main img, main script, main b:has-text('bold')").count() == 0
        assert page.title() != "owned"
    page.goto(showcase.dashboard.path(f"/job?{urlencode({'id': id})}"))
    expect(page.get_by_role("heading", level=1)).to_have_text(id)
    expect(page.get_by_role("region", name="Command")).to_contain_text("\\u202eexe.cod\\u202c")
    page.locator("summary", has_text="Environment").click()
    expect(page.locator("#environment")).to_contain_text("***")
    expect(page.locator("#environment")).not_to_contain_text("hunter2")
    assert dialogs == []


def test_a_line_of_a_megabyte_breaks_nothing(showcase: Showcase, opened: Opener) -> None:
    """It is cut in the list, and on its page it is folded in a box of its own."""
    page = opened(showcase.dashboard, "/job?id=huge", viewport={"width": 390, "height": 844})
    box = page.get_by_role("region", name="Command").bounding_box()
    assert box is not None and box["width"] < 390 and box["height"] < 400


def test_a_phone_shows_all_of_a_list(showcase: Showcase, opened: Opener) -> None:
    """Each job on three lines, each queue with its button, nothing beyond the edge."""
    page = opened(showcase.dashboard, "/jobs", **LOOKS["phone"])
    heights = page.locator(".jobs tbody tr").evaluate_all("rows => rows.map(row => row.offsetHeight)")
    assert len(heights) == 50 and sorted(heights)[25] < 110 and max(heights) < 160
    for path, what in (("/queues", "Resume"), ("/workers", "Stop"), ("/jobs", "Cancel")):
        page.goto(showcase.dashboard.path(path))
        box = page.get_by_role("button", name=what, exact=True).first.bounding_box()
        assert box is not None and box["x"] + box["width"] <= 390


def test_the_chart_has_its_numbers_as_a_table(showcase: Showcase, opened: Opener) -> None:
    """And says in words what it shows."""
    page = opened(showcase.dashboard)
    expect(page.get_by_role("img", name="Runs that ended in the last 1h")).to_be_visible()
    page.get_by_text("As a table").click()
    assert page.locator("#throughput-numbers tbody tr").count() > 30
    page.get_by_role("link", name="24h").click()
    expect(page.get_by_role("img", name="Runs that ended in the last 24h")).to_be_visible()
