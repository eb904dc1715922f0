"""A page that stays open stays true, and disturbs nobody who reads or types in it."""

from __future__ import annotations

import re
import signal
import time
from typing import TYPE_CHECKING

from playwright.sync_api import Locator, Page, Route, expect

from queuectl import Action, Queue

if TYPE_CHECKING:
    from tests.browser.conftest import Dashboard, Opener


def is_live(page: Page) -> None:
    """Wait until a page follows the server."""
    expect(page.locator("#live")).to_have_attribute("data-state", "live")


def soonest(queue: Queue, tile: Locator, before: int) -> float:
    """Return the shortest of a few times from an enqueue to the page: this machine may be busy with other things."""
    took = []
    for number in range(before + 1, before + 6):
        begun = time.monotonic()
        queue.enqueue("true")
        expect(tile).to_have_text(str(number))
        took.append(time.monotonic() - begun)
    return min(took)


def test_a_change_is_on_the_page_within_a_second(dashboard: Dashboard, opened: Opener) -> None:
    """Given an open overview, when somebody enqueues, then the tile counts it."""
    page = opened(dashboard)
    is_live(page)
    tile = page.locator(".tile.pending .count")
    with dashboard.queue() as queue:
        queue.enqueue("true")
        expect(tile).to_have_text("1")
        assert soonest(queue, tile, 1) < 1.0


def test_what_changes_before_a_page_listens_is_on_it_too(dashboard: Dashboard, opened: Opener) -> None:
    """Given a page that was written, when something changes before its stream is open, then the page shows it."""
    page = opened(dashboard, "/keys")
    is_live(page)
    with dashboard.queue() as queue:

        def late(route: Route) -> None:
            before = seen = watched(page)
            queue.enqueue("true")
            while seen == before or seen != watched(page):  # until all that there was to tell is told
                seen = watched(page)
                time.sleep(1.0)
            route.continue_()

        page.route("**/stream", late, times=1)
        page.goto(dashboard.path("/queues"))
        expect(page.locator("a.pending")).to_have_text("1")


def watched(page: Page) -> str:
    """Return how many changes the server has seen."""
    found = re.search(r'data-watched="(\d+)"', page.request.get(page.url.partition("?")[0]).text())
    assert found is not None
    return found[1]


def test_a_worker_and_what_it_does_appear(dashboard: Dashboard, opened: Opener) -> None:
    """Given a page, when a worker runs the jobs, then the page tells it to the end, without being touched."""
    page = opened(dashboard)
    with dashboard.queue() as queue:
        queue.enqueue_many([{"command": "true"}, {"command": "exit 3", "max_retries": 0}])
    expect(page.get_by_text("No worker runs").first).to_be_visible()
    dashboard.work("--drain")
    expect(page.locator(".tile.completed .count")).to_have_text("1")
    expect(page.locator(".tile.dead .count")).to_have_text("1")
    expect(page.locator("#attention")).to_contain_text("1 job gave up exit 3")


def test_on_postgres_a_page_lives_as_well(on_postgres: Dashboard, opened: Opener) -> None:
    """Given a store in PostgreSQL, then changes, runs and output appear, and two keys mend what failed."""
    page = opened(on_postgres)
    is_live(page)
    tile = page.locator(".tile.pending .count")
    with on_postgres.queue() as queue:
        queue.enqueue("true")
        expect(tile).to_have_text("1")
        assert soonest(queue, tile, 1) < 1.0
        queue.enqueue("echo why; exit 3", id="bad", max_retries=0)
        assert on_postgres.work("--drain").wait(180) == 0
        expect(page.locator("#attention")).to_contain_text("1 job gave up exit 3")
        page.keyboard.press("1")
        expect(page.get_by_role("button", name="Retry 1 job")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#said")).to_contain_text("Retried 1 job")
        page.goto(on_postgres.path("/job?id=bad"))
        expect(page.locator("#output-text")).to_have_text("why")
        queue.change(Action.HOLD, ["bad"])
        expect(page.get_by_role("button", name="Release")).to_be_visible()


def test_output_follows_a_job_that_runs(dashboard: Dashboard, opened: Opener) -> None:
    """Line by line, then the end; and the view stays at its end."""
    script = "for i in $(seq 1 60); do echo line $i; done; while [ ! -e go ]; do sleep 0.02; done; echo the last line"
    with dashboard.queue() as queue:
        job = queue.enqueue(script, cwd=dashboard.home, id="talker")
    page = opened(dashboard, "/job?id=talker")
    expect(page.locator("#output")).to_contain_text("It has not run yet")
    dashboard.work()
    output = page.locator("#output-text")
    expect(output).to_contain_text("line 60")
    expect(page.locator("#facts .state")).to_have_text("processing")
    output.evaluate("each => { each.scrollTop = each.scrollHeight; }")
    (dashboard.home / "go").touch()
    expect(output).to_contain_text("the last line")
    expect(page.locator("#facts .state")).to_have_text("completed")
    assert output.evaluate("each => each.scrollHeight - each.scrollTop - each.clientHeight") < 5
    assert job.id == "talker"


def test_what_a_reader_does_survives_an_update(dashboard: Dashboard, opened: Opener) -> None:
    """Given a choice, a focus, and a scrolled page, when the list changes, then all of it stays where it was."""
    with dashboard.queue() as queue:
        jobs = [queue.enqueue("true", id=f"job-{number:02d}") for number in range(45)]
        page = opened(dashboard, "/jobs")
        is_live(page)
        box = page.get_by_label("Choose job-30")
        box.check()
        page.locator("a.id", has_text="job-31").focus()
        page.evaluate("window.scrollTo(0, 300)")
        page.evaluate("window.marked = document.activeElement")
        place = page.evaluate("window.marked.getBoundingClientRect().top")
        queue.enqueue("true", id="newest")
        queue.cancel(jobs[31].id)
        expect(page.locator("tr", has_text="newest")).to_be_visible()
        expect(page.locator("tr", has_text="job-31")).to_contain_text("cancelled")
        expect(box).to_be_checked()
        assert page.evaluate("document.activeElement === window.marked")
        assert page.evaluate("document.activeElement.textContent") == "job-31"
        assert abs(page.evaluate("window.marked.getBoundingClientRect().top") - place) < 2
        expect(page.get_by_role("button", name="Cancel 1")).to_be_enabled()


def test_marked_text_is_not_changed_under_the_mark(dashboard: Dashboard, opened: Opener) -> None:
    """Given text that is marked to be copied, then its part of the page waits until it is let go."""
    with dashboard.queue() as queue:
        queue.enqueue("true", id="first")
        page = opened(dashboard, "/jobs")
        is_live(page)
        page.locator("tr", has_text="first").locator("code").evaluate("each => getSelection().selectAllChildren(each)")
        queue.enqueue("true", id="second")
        expect(page.locator("#states")).to_contain_text(re.compile(r"pending\s+2"))
        assert page.locator("tr", has_text="second").count() == 0
        assert page.evaluate("String(getSelection())") == "true"
        page.evaluate("getSelection().removeAllRanges()")
        queue.enqueue("true", id="third")
        expect(page.locator("tr", has_text="second")).to_be_visible()


def test_what_is_typed_stays(dashboard: Dashboard, opened: Opener) -> None:
    """Given half a limit in a field, when the page is updated, then it is still there."""
    with dashboard.queue() as queue:
        queue.enqueue("true", queue="mail")
        page = opened(dashboard, "/queues")
        is_live(page)
        field = page.get_by_label("Most jobs of mail at once")
        field.fill("12")
        queue.enqueue("true", queue="mail")
        expect(page.locator("tr", has_text="mail").locator("a.pending")).to_have_text("2")
        expect(field).to_have_value("12")


def test_a_lost_server_is_told_and_comes_back(dashboard: Dashboard, opened: Opener) -> None:
    """Given a page, when its server ends, then it says since when it is stale; and follows the next one by itself."""
    page = opened(dashboard)
    is_live(page)
    port = dashboard.port
    (process,) = dashboard.running
    process.send_signal(signal.SIGTERM)
    assert process.wait(120) == 0
    expect(page.locator("#live")).to_have_attribute("data-state", "lost")
    expect(page.locator("#live")).to_contain_text("Stale since")
    with dashboard.queue() as queue:
        queue.enqueue("true")
    dashboard.start(port)
    is_live(page)
    expect(page.locator(".tile.pending .count")).to_have_text("1")


def test_a_killed_server_is_noticed_too(dashboard: Dashboard, opened: Opener) -> None:
    """It had no time to say so."""
    page = opened(dashboard)
    is_live(page)
    dashboard.running[0].kill()
    expect(page.locator("#live")).to_have_attribute("data-state", "lost")


def test_a_server_that_falls_silent_is_noticed(dashboard: Dashboard, opened: Opener) -> None:
    """Given a line that is open though nobody speaks any more, then the page says so, and comes back by itself."""
    page = opened(dashboard)
    page.clock.install()
    page.goto(dashboard.path("/queues"))
    is_live(page)
    dashboard.running[0].send_signal(signal.SIGSTOP)
    page.clock.run_for(26_000)
    expect(page.locator("#live")).to_have_attribute("data-state", "lost")
    page.clock.run_for(11_000)  # what it asked meanwhile is given up
    dashboard.running[0].send_signal(signal.SIGCONT)
    page.clock.run_for(20_000)
    is_live(page)


def test_a_page_lives_without_a_stream(dashboard: Dashboard, opened: Opener) -> None:
    """Given a proxy that holds streams back, then the page says that it looks now and then, and does."""
    page = opened(dashboard)
    page.route("**/stream*", lambda route: route.fulfill(body="", content_type="text/event-stream"))
    page.reload()
    expect(page.locator("#live")).to_have_attribute("data-state", "polled")
    with dashboard.queue() as queue:
        queue.enqueue("true")
    expect(page.locator(".tile.pending .count")).to_have_text("1")
    expect(page.locator("#live")).to_have_text("Looks every few seconds")


def test_a_store_that_cannot_be_read_is_told_and_comes_back(dashboard: Dashboard, opened: Opener) -> None:
    """Given a page, when its store is taken away, then it says since when it is stale; and is live with the store."""
    page = opened(dashboard)
    is_live(page)
    with dashboard.queue() as queue:
        queue.enqueue("true")
        expect(page.locator(".tile.pending .count")).to_have_text("1")
    aside = dashboard.home.with_name("aside")
    dashboard.home.rename(aside)
    expect(page.locator("#live")).to_contain_text("the store cannot be read")
    expect(page.locator("#live")).to_have_attribute("data-state", "lost")
    aside.rename(dashboard.home)
    is_live(page)
    expect(page.locator(".tile.pending .count")).to_have_text("1")


def test_a_job_that_is_deleted_while_it_is_shown_is_gone(dashboard: Dashboard, opened: Opener) -> None:
    """Its page does not stand there as if nothing had happened."""
    with dashboard.queue() as queue:
        queue.enqueue("true", id="one")
        queue.cancel("one")
        page = opened(dashboard, "/job?id=one")
        is_live(page)
        queue.delete("one")
        expect(page.get_by_role("heading", level=1)).to_contain_text("No job")
        is_live(page)
        page.evaluate("window.marked = true")
        with page.expect_response(lambda answer: answer.status == 404):  # it looks again when something changes
            queue.enqueue("true")
        queue.enqueue("true")
        is_live(page)
        assert page.evaluate("window.marked") is True


def test_following_can_be_paused(dashboard: Dashboard, opened: Opener) -> None:
    """With a key; then nothing is asked for, and afterwards everything is there."""
    page = opened(dashboard)
    is_live(page)
    page.keyboard.press("p")
    expect(page.locator("#live")).to_have_attribute("data-state", "paused")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with dashboard.queue() as queue:
        queue.enqueue("true")
        queue.change(Action.HOLD, [queue.list()[0].id])
    page.wait_for_timeout(1200)
    assert asked == []
    page.keyboard.press("p")
    expect(page.locator(".tile.pending .count")).to_have_text("1")
