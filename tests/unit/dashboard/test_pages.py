"""The pages are complete without JavaScript, escape whatever they show, and say what to type where nothing is."""

from __future__ import annotations

import ast
import html
import re
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import pytest

import queuectl_dashboard
from queuectl import Action, Output, Verdict
from queuectl.testing.contract.steps import enqueue_and_claim, one_in_each_state, ran, register, settle

if TYPE_CHECKING:
    from tests.unit.dashboard.conftest import Site

PAGES = ["/", "/jobs", "/queues", "/workers", "/dlq", "/config", "/plugins", "/events", "/keys"]
MARK = "<script>alert('x')</script>\"'&"


class Seen(HTMLParser):
    """The elements of a page and the texts in them, and whether each was closed."""

    VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note that it was opened."""
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element without content, as SVG has them."""
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Note that it was closed, in order."""
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        """Note what people read."""
        self.words += data


def populate(site: Site) -> None:
    """Bring a job into each state, under the state's name."""
    storage = site.console._queue.storage
    register(storage, "w")
    one_in_each_state(storage, "w")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("full", [False, True], ids=["empty", "full"])
def test_every_page_is_whole(site: Site, path: str, full: bool) -> None:
    """What is opened is closed, and there is one main heading."""
    if full:
        populate(site)
    answer = site.get(path)
    seen = Seen(answer.text)
    assert answer.status == 200 and answer.headers["content-type"] == "text/html; charset=utf-8"
    assert (seen.wrong, seen.open) == ([], [])
    assert seen.tags.count("h1") == 1 and seen.tags.count("main") == 1 and "title" in seen.tags


def test_an_empty_store_says_what_to_type(site: Site) -> None:
    """On the pages where somebody looks for it."""
    assert "queuectl enqueue" in site.get("/").text and "queuectl worker start" in site.get("/").text
    assert "queuectl enqueue" in site.get("/jobs").text
    assert "queuectl worker start" in site.get("/workers").text
    assert "Clear the filters" in site.get("/jobs?text=nothing").text
    assert "empty" in site.get("/dlq").text


def test_what_is_wrong_comes_first(site: Site) -> None:
    """A dead job, and jobs that nobody runs; where nothing is wrong, that is said."""
    assert "All is well" in site.get("/").text
    site.console.enqueue({"command": "true"})
    text = site.get("/").text
    assert "No worker runs" in text and "1 job to run" in text
    populate(site)
    deadline = time.monotonic() + 60
    while "1 job gave up" not in (text := site.get("/").text):  # where it took long to ask, it is shown a little later
        assert time.monotonic() < deadline
    assert text.index("1 job gave up") < text.index('id="tiles"')


def hostile(site: Site) -> str:
    """Store a job that is hostile wherever it can be, and return its id."""
    job = site.console.enqueue(
        {
            "id": MARK,
            "command": f"{MARK} \x1b[31mred \u202eevil\u2066 \x07",
            "queue": f"q{MARK}",
            "tags": [f"t{MARK}"],
            "env": {f"E{MARK}": MARK, "PASSWORD": "hunter2", "URL": "https://me:hunter3@example.org"},
            "cwd": f"/{MARK}",
            "options": {},
        }
    )
    site.console.set_queue(f"q{MARK}", paused=True)
    site.console.change(Action.CANCEL, [job.id])
    site.console.run_now(job.id)
    site.console.edit(job.id, {"priority": 1})
    return job.id


@pytest.mark.parametrize("path", [*PAGES, "/job", "/jobs?text=", "/jobs?tag=", "/jobs?queue=", "/nosuch"])
def test_hostile_text_is_only_text(site: Site, path: str) -> None:
    """Given a job that is hostile in every field, then no page has one more element for it, nor shows a secret."""
    id = hostile(site)
    site.post("/job/act", id=id, action="hold")
    asked = f"/job?{urlencode({'id': id})}" if path == "/job" else path
    if path.endswith("="):
        asked += urlencode({"": MARK[1:] if "text" in path else f"{path[6]}{MARK}"})[1:]
    answer = site.get(asked)
    seen = Seen(answer.text)
    assert seen.tags.count("script") == 1 and "alert('x')</script>" not in answer.text
    assert (seen.wrong, seen.open) == ([], [])
    for character in ("\x1b", "\x07", "\u202e", "\u2066"):
        assert character not in answer.text
    assert "hunter2" not in answer.text and "hunter3" not in answer.text
    if path in {"/jobs", "/job"}:
        assert MARK in seen.words and "\\u202eevil" in seen.words


ASKS = ("range", "did", "cursor", "run", "state", "queue", "tag", "text", "error", "exit_code", "signal", "stream")


@pytest.mark.parametrize("path", [*PAGES, "/job", "/job/output", "/nosuch", f"/{MARK}"])
def test_a_hostile_address_is_only_text(site: Site, path: str) -> None:
    """Given a link that somebody was sent, then nothing of it acts in the page that it leads to."""
    site.console.enqueue({"id": "a", "command": "true"})
    for name in (*ASKS, "id"):
        answer = site.get(f"{quote(path)}?{urlencode({'id': 'a', 'grouped': '1', name: MARK})}")
        assert answer.status in {200, 303, 400, 404}, name
        if answer.headers.get("content-type", "").startswith("text/html"):
            seen = Seen(answer.text)
            assert seen.tags.count("script") == 1 and (seen.wrong, seen.open) == ([], []), name


def test_a_very_long_command_is_cut_in_lists_and_whole_on_its_page(site: Site) -> None:
    """A line of 1 MB makes a list no heavier."""
    site.console.enqueue({"id": "long", "command": "x" * 1_000_000})
    assert len(site.get("/jobs").body) < 30_000
    assert len(site.get("/job?id=long").body) > 1_000_000


def test_a_job_page_tells_its_attempts(site: Site) -> None:
    """Each with how it ended; a run can be chosen."""
    populate(site)
    text = site.get("/job?id=dead").text
    assert "Run 1" in text and "failed" in text and "It wrote nothing" in text
    assert site.get("/job?id=dead&run=1").status == 200
    assert site.get("/job?id=nosuch").status == 404
    download = site.get("/job/output?id=dead&run=1")
    assert download.headers["content-disposition"].startswith("attachment")
    assert download.headers["content-type"] == "text/plain; charset=utf-8"


def test_all_of_a_long_output_is_downloaded(site: Site) -> None:
    """Given an output whose file is at this host, then the page shows its end, and the download is the whole."""
    path = site.console.config.data / "logs" / "w-1.out"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"head\n" + b"x" * 300_000 + b"\ntail\n")
    storage = site.console._queue.storage
    register(storage, "w")
    claim = enqueue_and_claim(storage, "w", "long")
    kept = Output(tail=b"x" * 1000 + b"\ntail\n", size=path.stat().st_size, path=str(path), error_tail=b"why")
    settle(storage, claim, Verdict.COMPLETED, run=ran(claim, output=kept))
    assert "the download is all that is kept" in site.get("/job?id=long").text
    assert site.get("/job/output?id=long&run=1").body == path.read_bytes()
    assert site.get("/job/output?id=long&run=1&stream=error").body == b"why"
    assert site.get("/api/v1/jobs/long/output").body == kept.tail
    assert site.get("/api/v1/jobs/long/output?whole=1").body == path.read_bytes()
    path.unlink()
    assert "the rest was kept on the host" in site.get("/job?id=long").text
    assert site.get("/job/output?id=long&run=1").body == kept.tail


def test_an_id_in_the_search_leads_to_its_job(site: Site) -> None:
    """Anything else is looked for."""
    site.console.enqueue({"id": "needle", "command": "true"})
    answer = site.get("/jobs?text=needle")
    assert (answer.status, answer.headers["location"]) == (303, "/job?id=needle")
    assert "needle" in site.get("/jobs?text=needl").text


def test_a_page_knows_no_change_that_came_while_it_was_written(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a change after something was asked, then the page says so of itself, and is looked at anew."""
    queues, versions = site.console.queues, []

    def changing() -> object:
        found = queues()
        site.watcher.tell()
        versions.append(site.watcher.version)
        return found

    monkeypatch.setattr(site.console, "queues", changing)
    found = re.search(r'data-watched="(\d+)"', site.get("/queues").text)
    assert found is not None and int(found[1]) < versions[0]


def test_words_of_a_search_narrow_it(site: Site) -> None:
    """Given state, queue or tag among the words, then they take their place in the address."""
    site.console.enqueue({"command": "true", "queue": "two words"})
    answer = site.get("/jobs?text=state%3Apending+smtp+queue%3A%22two+words%22+tag%3Aeu&cursor=7")
    assert answer.status == 303
    assert answer.headers["location"] == "/jobs?state=pending&queue=two+words&tag=eu&text=smtp"
    for text in ("state%3Alost", "queue%3Anosuch", "http%3A%2F%2Fx", "xstate%3Adead"):
        assert site.get(f"/jobs?text={text}").status == 200


def test_a_search_that_is_not_over_says_so(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given more jobs than are looked at at once, then the page leads on to the older ones, down to the oldest."""
    import queuectl_postgres.selecting
    import queuectl_sqlite.selecting
    from queuectl.engine import console

    for storage in (queuectl_postgres, queuectl_sqlite):
        monkeypatch.setattr(storage.selecting, "LOOKED_AT", 10)
    monkeypatch.setattr(console, "SEARCH_PATIENCE", 0.0)
    for number in range(15):
        site.console.enqueue({"command": "hay" if number else "needle", "id": f"job-{number}"})
    answer = site.get("/jobs?text=needle")
    assert "Nothing so far" in answer.text and "data-look-on" in answer.text and "Nothing matches" not in answer.text
    (older,) = re.findall(r'href="(/jobs\?[^"]*cursor=[^"]*)"', answer.text)
    answer = site.get(html.unescape(older))
    assert ">job-0<" in answer.text and "data-look-on" not in answer.text
    site.console.enqueue({"command": "needle"})
    assert "older ones were not looked through yet" in site.get("/jobs?text=needl").text
    assert "Nothing matches" in site.get("/jobs?text=nothing&state=dead").text


def test_a_read_only_page_has_nothing_to_press(site: Site, read_only: Site) -> None:
    """But for signing out, and for what changes nothing."""
    populate(site)
    site.console.enqueue({"command": "true", "delay": "1h"})
    for path in (*PAGES, "/job?id=dead", "/job?id=pending", "/jobs?state=dead"):
        text = read_only.get(path).text
        content = text.partition("<main")[2].partition("</main")[0]
        assert "<button" not in re.sub(
            '<button class="button">Filter|<button type="button"[^>]* data-copy', "", content
        )
        assert text.count('method="post"') == 1
        assert 'action="/queues/set"' not in text and 'action="/workers/stop"' not in text
        assert "Read-only" in text
    assert read_only.post("/job/act", id="pending", action="cancel").status == 403


def test_a_filter_that_is_none_is_told(site: Site) -> None:
    """As a page."""
    answer = site.get("/jobs?state=lost")
    assert answer.status == 400 and "no state" in answer.text.lower()


def test_the_plugin_goes_through_the_console_alone() -> None:
    """It opens no storage and no queue of its own, which would not know whether they may write."""
    folder = Path(queuectl_dashboard.__file__).parent
    for file in folder.glob("*.py"):
        tree = ast.parse(file.read_text())
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert not names & {"storage", "_queue", "_storage"}, file.name
        imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) for alias in node.names}
        assert not imported & {"Queue", "open", "Storage"}, file.name


@pytest.mark.parametrize("path", PAGES)
def test_no_markup_is_escaped_by_mistake(site: Site, path: str) -> None:
    """An attribute in quotes that were escaped is one that no rule of the style knows."""
    populate(site)
    assert "=&#34;" not in site.get(path).text
