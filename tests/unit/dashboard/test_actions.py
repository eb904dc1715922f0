"""What a page can have done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queuectl.testing.contract.steps import one_in_each_state, register
from queuectl_dashboard.actions import _local

if TYPE_CHECKING:
    from tests.unit.dashboard.conftest import Answer, Site


def populate(site: Site) -> None:
    """Bring a job into each state, under the state's name."""
    storage = site.console._queue.storage
    register(storage, "w")
    one_in_each_state(storage, "w")


def said(site: Site, answer: Answer) -> str:
    """Return the page to which an action leads."""
    assert answer.status == 303, answer.text
    return site.get(answer.headers["location"]).text


@pytest.mark.parametrize(
    ("action", "job", "state", "words"),
    [
        ("retry", "dead", "pending", "Retried dead"),
        ("cancel", "pending", "cancelled", "Cancelled pending"),
        ("run-now", "failed", "failed", "Made due failed"),
        ("hold", "pending", "pending", "Held pending"),
        ("clone", "completed", "completed", "Cloned completed as"),
    ],
)
def test_one_job_is_changed(site: Site, action: str, job: str, state: str, words: str) -> None:
    """And the page that follows says so, once in the log of deeds too."""
    populate(site)
    text = said(site, site.post("/job/act", id=job, action=action))
    assert words in text
    assert site.console.get(job).state == state
    assert words.lower() in site.get("/events").text.lower()


def test_what_is_not_allowed_is_told(site: Site) -> None:
    """With the status that says why."""
    populate(site)
    assert site.post("/job/act", id="pending", action="delete").status == 409
    assert site.post("/job/act", id="nosuch", action="cancel").status == 404
    assert site.post("/job/act", id="pending", action="burn").status == 400
    assert site.post("/jobs/bulk", action="edit").status == 400
    assert site.post("/workers/stop", id="nobody").status == 404


def test_a_waiting_job_is_edited(site: Site) -> None:
    """Fields that are left as they are do not change."""
    job = site.console.enqueue({"command": "true", "tags": ["a"], "timeout": 9})
    form = {"id": job.id, "command": "false\r\ntrue", "priority": "7", "max_retries": "3", "tags": "b c", "timeout": ""}
    said(site, site.post("/job/edit", **form))
    edited = site.console.get(job.id)
    assert (edited.command, edited.priority, edited.tags, edited.timeout) == ("false\ntrue", 7, ("b", "c"), 9)
    assert site.post("/job/edit", id=job.id, priority="high").status == 400


def test_many_are_changed_after_a_question(site: Site) -> None:
    """Given a filter, then the first answer says how many, changes nothing, and holds what the second needs."""
    populate(site)
    question = site.post("/jobs/bulk", action="retry", state="dead")
    assert "Retry 1 job?" in question.text and 'name="expected" value="1"' in question.text
    assert site.console.get("dead").state == "dead"
    form = {"action": "retry", "state": "dead", "expected": "1", "back": "/dlq"}
    answer = site.post("/jobs/bulk", **form)
    assert answer.headers["location"].startswith("/dlq?did=")
    assert "Retried 1 job" in said(site, answer)
    assert site.console.get("dead").state == "pending"


def test_many_are_not_changed_when_they_are_others_by_then(site: Site) -> None:
    """The number is checked where it is done."""
    populate(site)
    answer = site.post("/jobs/bulk", action="retry", state="dead", expected="2", back="/dlq")
    assert answer.status == 409 and "1 jobs match, not 2" in answer.text
    chosen = {"action": "cancel", "id": ["pending", "dead"], "expected": "2"}
    assert site.post("/jobs/bulk", **chosen).status == 409
    assert site.console.get("dead").state == "dead" and site.console.get("pending").state == "pending"


def test_chosen_jobs_are_changed_where_their_state_allows(site: Site) -> None:
    """The question says how many of them that are."""
    populate(site)
    question = site.post("/jobs/bulk", action="cancel", id=["pending", "dead", "failed"])
    assert "Cancel 2 jobs?" in question.text and "3 jobs that you chose" in question.text
    site.post("/jobs/bulk", action="cancel", id=["pending", "dead", "failed"], expected="2", back="/jobs")
    assert site.console.get("pending").state == site.console.get("failed").state == "cancelled"
    assert "nothing to cancel" in site.post("/jobs/bulk", action="cancel", id=["dead"]).text


def test_a_group_of_dead_jobs_is_retried_and_no_other(site: Site) -> None:
    """By how they ended, which the page puts into the form."""
    populate(site)
    site.console.enqueue({"id": "other", "command": "true"})
    text = site.get("/dlq").text
    assert 'name="grouped" value="1"' in text
    form = {"action": "delete", "state": "dead", "grouped": "1", "error": "no such reason", "expected": "0"}
    assert "deleted 0 jobs" in said(site, site.post("/jobs/bulk", **form)).lower()
    assert site.console.get("dead").state == "dead"


def test_a_queue_is_paused_resumed_and_bounded(site: Site) -> None:
    """From where the form was."""
    site.console.enqueue({"command": "true", "queue": "mail"})
    assert "Paused mail" in said(site, site.post("/queues/set", name="mail", paused="yes"))
    assert "Resumed mail" in said(site, site.post("/queues/set", name="mail", paused="no"))
    said(site, site.post("/queues/set", name="mail", limit="3"))
    assert site.console.queues()[0].limit == 3
    said(site, site.post("/queues/set", name="mail", limit=""))
    assert site.console.queues()[0].limit is None


def test_a_worker_is_asked_to_stop(site: Site) -> None:
    """First to finish, then at once."""
    populate(site)
    assert "Stop at once" in said(site, site.post("/workers/stop", id="w"))
    said(site, site.post("/workers/stop", id="w", force="yes"))
    assert site.console.workers()[0].stop == "force"


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        "evil",
        "/a\r\nb: c",
        "\t//e",
    ],
)
def test_no_form_leads_elsewhere(path: str) -> None:
    """A path of ours is kept."""
    assert _local(path) == "/"
    assert _local("/jobs?state=dead") == "/jobs?state=dead"


def test_the_address_of_a_form_leads_a_reader_to_a_page(site: Site) -> None:
    """As after signing in anew."""
    answer = site.get("/jobs/bulk")
    assert (answer.status, answer.headers["location"]) == (303, "/jobs")
