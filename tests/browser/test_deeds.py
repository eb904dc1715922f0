"""Everything that can be done is done with the mouse, and with the keys alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from playwright.sync_api import Page, expect

from queuectl import Action, State

if TYPE_CHECKING:
    from tests.browser.conftest import Dashboard, Opener


def fail_some(dashboard: Dashboard, count: int = 3) -> None:
    """Have a real worker run jobs that fail for good."""
    with dashboard.queue() as queue:
        queue.enqueue_many([{"id": f"bad-{number}", "command": "exit 7", "max_retries": 0} for number in range(count)])
    assert dashboard.work("--drain").wait(180) == 0


def states(dashboard: Dashboard) -> dict[State, int]:
    """Return how many jobs are in each state, leaving out zeros."""
    with dashboard.queue() as queue:
        return {state: count for state, count in queue.totals().items() if count}


def is_live(page: Page) -> None:
    """Wait until a page follows the server."""
    expect(page.locator("#live")).to_have_attribute("data-state", "live")


def said(page: Page, text: str) -> None:
    """Wait until the page says what was done."""
    expect(page.locator("#said")).to_contain_text(text)


def test_the_token_in_the_address_signs_in_and_is_gone(dashboard: Dashboard, opened: Opener) -> None:
    """From the address, so that it is in no history; a wrong one is told."""
    page = opened(dashboard)
    assert "token" not in page.url
    assert dashboard.address.partition("=")[2] not in page.evaluate("document.cookie")
    stranger = opened(dashboard, "/#token=wrong", signed_in=False)
    expect(stranger.get_by_role("alert")).to_contain_text("not the one of this server")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to queuectl")
    for _ in range(2):  # on the page that asks for it, and on one that knows it already
        page.evaluate("address => location.assign(address)", dashboard.address)  # the page stays: only the hash differs
        expect(page.locator("#tiles")).to_be_visible()
        expect(page).to_have_url(dashboard.path("/"))


def test_a_link_from_elsewhere_leads_in(dashboard: Dashboard, opened: Opener) -> None:
    """Given somebody who is signed in, when an alert of another site leads to a page, then it is there: no sign-in."""
    page = opened(dashboard)
    link = f'<a href="{dashboard.path("/queues")}">look</a>'
    page.route("http://chat.example/", lambda route: route.fulfill(body=link, content_type="text/html"))
    page.goto("http://chat.example/")
    page.get_by_text("look").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Queues")
    stranger = opened(dashboard, "/queues", signed_in=False)
    expect(stranger.get_by_role("heading", level=1)).to_have_text("Sign in to queuectl")
    stranger.wait_for_load_state("networkidle")
    expect(stranger.get_by_role("heading", level=1)).to_have_text("Sign in to queuectl")


def test_two_keys_mend_what_is_wrong(dashboard: Dashboard, opened: Opener) -> None:
    """Given dead jobs, when 1 and Enter are pressed on the overview, then they are to be run again."""
    fail_some(dashboard)
    page = opened(dashboard)
    expect(page.locator("#attention")).to_contain_text("3 jobs gave up exit 7")
    page.keyboard.press("1")
    expect(page.get_by_role("heading", level=1)).to_have_text("Retry 3 jobs?")
    expect(page.get_by_role("button", name="Retry 3 jobs")).to_be_focused()
    page.keyboard.press("Enter")
    said(page, "Retried 3 jobs")
    assert states(dashboard) == {State.PENDING: 3}


def test_everything_is_reached_with_the_keys(dashboard: Dashboard, opened: Opener) -> None:
    """Without a mouse: go, move, choose, cancel, confirm, search, look at the keys, go back."""
    with dashboard.queue() as queue:
        for number in range(3):
            queue.enqueue("true", id=f"job-{number}")
    page = opened(dashboard)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("g")
    page.keyboard.press("j")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.keyboard.press("j")
    expect(page.locator("tr.here")).to_contain_text("job-1")
    page.keyboard.press("x")
    page.keyboard.press("c")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 1 job?")
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", level=1)).to_have_text("Jobs")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("c")
    expect(page.get_by_role("button", name="Cancel 1 job")).to_be_focused()
    page.keyboard.press("Enter")
    said(page, "Cancelled 1 job")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.locator("#job-id")).to_have_text("job-2")
    page.keyboard.press("R")
    said(page, "Retried job-2")
    page.keyboard.press("/")
    page.keyboard.type("job-0")
    page.keyboard.press("Enter")
    expect(page.locator("#job-id")).to_have_text("job-0")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", level=1)).to_have_text("Keys")
    page.keyboard.press("g")
    page.keyboard.press("o")
    expect(page.locator("#tiles")).to_be_visible()
    assert states(dashboard) == {State.PENDING: 3}


def test_all_that_is_shown_is_chosen_at_once(dashboard: Dashboard, opened: Opener) -> None:
    """With a key or a click; the count follows, also when one of them is gone."""
    with dashboard.queue() as queue:
        for number in range(3):
            queue.enqueue("true", id=f"job-{number}")
        page = opened(dashboard, "/jobs")
        is_live(page)
        page.keyboard.press("X")
        expect(page.get_by_role("button", name="Cancel 3")).to_be_enabled()
        page.get_by_label("Choose job-1").uncheck()
        expect(page.get_by_role("button", name="Cancel 2")).to_be_enabled()
        assert page.evaluate("document.getElementById('choose-all').indeterminate")
        page.get_by_label("Choose all that are shown").check()
        queue.cancel("job-2")
        queue.delete("job-2")
        expect(page.get_by_role("button", name="Cancel 2")).to_be_enabled()
        page.keyboard.press("c")
        expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 2 jobs?")


def test_the_id_of_a_job_is_copied(dashboard: Dashboard, opened: Opener) -> None:
    """With the button beside it, or with a key."""
    with dashboard.queue() as queue:
        queue.enqueue("true", id="one <two>")
    page = opened(dashboard, "/job?id=one+%3Ctwo%3E", permissions=["clipboard-read", "clipboard-write"])
    for key in (None, "y"):
        expect(page.locator("[data-copy]")).not_to_have_class(re.compile("copied"))
        page.evaluate("navigator.clipboard.writeText('')")
        if key is None:
            page.get_by_role("button", name="Copy the id").click()
        else:
            page.keyboard.press(key)
        expect(page.locator("[data-copy]")).to_have_class(re.compile("copied"))
        assert page.evaluate("navigator.clipboard.readText()") == "one <two>"


def test_every_tab_tells_what_gave_up(dashboard: Dashboard, opened: Opener) -> None:
    """Given pages that are kept open, when jobs give up, then each says how many, and a title how much is wrong."""
    overview, other = opened(dashboard), opened(dashboard, "/queues")
    assert overview.title() == "Overview · queuectl"
    is_live(overview)
    is_live(other)
    fail_some(dashboard)
    for page in (overview, other):
        expect(page.get_by_role("link", name="Dead letters")).to_contain_text("3")
    expect(overview).to_have_title("(1) Overview · queuectl")
    with dashboard.queue() as queue:
        queue.delete("bad-0")
    expect(other.get_by_role("link", name="Dead letters")).to_contain_text("2")


def test_a_search_goes_on_by_itself(nearsighted: Dashboard, opened: Opener) -> None:
    """Given a text that only the oldest of many jobs holds, then the page looks on until it has found it."""
    with nearsighted.queue() as queue:
        queue.enqueue_many([{"command": "needle" if not number else "hay"} for number in range(45)])
    page = opened(nearsighted, "/jobs?text=needle")
    expect(page.locator(".jobs tbody tr")).to_have_count(1)
    expect(page.locator(".jobs")).to_contain_text("needle")
    page.goto(nearsighted.path("/jobs?text=nowhere"))
    expect(page.locator("#list")).to_contain_text("Nothing older matches")


def test_keys_are_letters_where_one_types(dashboard: Dashboard, opened: Opener) -> None:
    """Searching for `group` goes nowhere."""
    page = opened(dashboard, "/jobs")
    page.keyboard.press("/")
    page.keyboard.type("go ?1xRct")
    expect(page.locator(".search input")).to_have_value("go ?1xRct")
    assert page.url == dashboard.path("/jobs")


def test_one_job_from_hold_to_deletion(dashboard: Dashboard, opened: Opener) -> None:
    """Held, released, edited, run now, cloned, cancelled, retried and deleted, each with a button."""
    with dashboard.queue() as queue:
        queue.enqueue("echo old", id="one", delay="1h")
    page = opened(dashboard, "/job?id=one")
    for button, words in (("Hold", "Held one"), ("Release", "Released one"), ("Run now", "Made due one")):
        page.get_by_role("button", name=button, exact=True).click()
        said(page, words)
    page.locator("summary", has_text="Edit while it waits").click()
    page.get_by_label("Command").last.fill("echo new")
    page.get_by_label("Priority").fill("9")
    page.get_by_role("button", name="Save").click()
    said(page, "Edited one: command, priority")
    expect(page.get_by_role("region", name="Command")).to_have_text("echo new")
    page.get_by_role("button", name="Cancel", exact=True).click()
    said(page, "Cancelled one")
    page.get_by_role("button", name="Clone", exact=True).click()
    said(page, "Cloned one as")
    page.goto(dashboard.path("/job?id=one"))
    page.get_by_role("button", name="Delete…").click()
    page.get_by_role("button", name="Delete 1 job").click()
    said(page, "Deleted 1 job")
    with dashboard.queue() as queue:
        (left,) = queue.list()
        assert (left.command, left.priority, left.state) == ("echo new", 9, State.PENDING)


def test_a_running_job_is_cancelled(dashboard: Dashboard, opened: Opener) -> None:
    """Given a job that runs, when it is cancelled, then the page shows its end."""
    with dashboard.queue() as queue:
        queue.enqueue("sleep 600", id="long")
    dashboard.work()
    page = opened(dashboard, "/job?id=long")
    expect(page.locator("#facts .state")).to_have_text("processing")
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect(page.locator("#facts .state")).to_have_text("cancelled")
    expect(page.locator("#attempts")).to_contain_text("cancelled")


def test_dead_jobs_are_mended_by_their_cause(dashboard: Dashboard, opened: Opener) -> None:
    """Given two causes, when one is retried and one discarded, then each touches its own."""
    fail_some(dashboard)
    with dashboard.queue() as queue:
        queue.enqueue("exit 9", id="other", max_retries=0)
    assert dashboard.work("--drain").wait(180) == 0
    page = opened(dashboard, "/dlq")
    page.locator("li", has_text="exit 7").get_by_role("button", name="Retry").click()
    page.get_by_role("button", name="Retry 3 jobs").click()
    said(page, "Retried 3 jobs")
    page.locator("li", has_text="exit 9").get_by_role("button", name="Discard").click()
    page.get_by_role("button", name="Delete 1 job").click()
    said(page, "Deleted 1 job")
    expect(page.locator("#groups")).to_contain_text("empty")
    assert states(dashboard) == {State.PENDING: 3}


def test_a_question_that_is_out_of_date_changes_nothing(dashboard: Dashboard, opened: Opener) -> None:
    """Given a question for three jobs, when one of them is mended elsewhere first, then it is refused in words."""
    fail_some(dashboard)
    page = opened(dashboard, "/dlq")
    page.locator("li", has_text="exit 7").get_by_role("button", name="Retry").click()
    with dashboard.queue() as queue:
        queue.retry("bad-0")
        page.get_by_role("button", name="Retry 3 jobs").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("2 jobs match, not 3")
        assert queue.get("bad-1").state is State.DEAD


def test_a_queue_is_paused_and_a_worker_stopped(dashboard: Dashboard, opened: Opener) -> None:
    """With the buttons of their pages; the worker finishes and is gone."""
    with dashboard.queue() as queue:
        queue.enqueue("true", queue="mail")
        queue.change(Action.HOLD, [queue.list()[0].id])
    page = opened(dashboard, "/queues")
    page.get_by_role("button", name="Pause").click()
    said(page, "Paused mail")
    page.get_by_label("Most jobs of mail at once").fill("2")
    page.get_by_role("button", name="Set").click()
    said(page, "Limited mail")
    page.get_by_role("button", name="Resume").click()
    said(page, "Resumed mail")
    worker = dashboard.work()
    page.get_by_role("link", name="Workers").click()
    page.get_by_role("button", name="Stop").click()
    said(page, "Asked to stop worker")
    expect(page.locator("#workers")).to_contain_text("No worker runs")
    worker.wait(120)
    page.get_by_role("link", name="Events").click()
    expect(page.locator("#deeds tbody tr")).to_have_count(4)
