"""The JSON API has the powers of the pages, and says exactly what went wrong."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from queuectl import Action
from queuectl.testing.contract.steps import one_in_each_state, register
from queuectl_dashboard.api import ENDPOINTS, PREFIX, Endpoint

if TYPE_CHECKING:
    from tests.unit.dashboard.conftest import Answer, Site

API = PREFIX


def populate(site: Site) -> None:
    """Bring a job into each state, under the state's name."""
    storage = site.console._queue.storage
    register(storage, "w")
    one_in_each_state(storage, "w")


def is_problem(answer: Answer, status: int) -> Any:
    """Whether an answer is a problem of that status; return it."""
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json
    assert told["status"] == status and told["title"] and told["detail"]
    return told


def test_a_job_is_stored_read_edited_and_deleted(site: Site) -> None:
    """By its JSON fields, as on the command line."""
    made = site("POST", f"{API}/jobs", body={"command": "true", "delay": "1h", "tags": ["a"], "env": {"TOKEN": "x"}})
    assert made.status == 201 and made.json["env"] == {"TOKEN": "***"}
    path = f"{API}/jobs/{made.json['id']}"
    assert site.get(path).json == made.json
    edited = site("PATCH", path, body={"priority": 4, "timeout": "2m"})
    assert (edited.status, edited.json["priority"], edited.json["timeout"]) == (200, 4, 120.0)
    is_problem(site("DELETE", path), 409)
    assert site("POST", f"{path}/cancel").json["state"] == "cancelled"
    assert site("DELETE", path).status == 200
    assert is_problem(site.get(path), 404)["code"] == "not-found"


@pytest.mark.parametrize(
    ("verb", "job", "state"),
    [
        ("retry", "dead", "pending"),
        ("retry", "failed", "failed"),
        ("cancel", "pending", "cancelled"),
        ("hold", "pending", "pending"),
        ("run-now", "failed", "failed"),
        ("clone", "dead", "pending"),
    ],
)
def test_each_verb_does_what_it_says(site: Site, verb: str, job: str, state: str) -> None:
    """And what was done stands in the log of deeds."""
    populate(site)
    answer = site("POST", f"{API}/jobs/{job}/{verb}")
    assert answer.status == (201 if verb == "clone" else 200)
    assert answer.json["state"] == state
    assert site.get(f"{API}/audit").json["items"][0]["target"] == job


def test_a_list_goes_on_after_its_cursor(site: Site) -> None:
    """Until there is none: every job once, the newest first."""
    ids = [site.console.enqueue({"command": "true"}).id for _ in range(7)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = site.get(f"{API}/jobs?limit=3{cursor}").json
        seen += [job["id"] for job in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ids[::-1]


def test_lists_are_filtered(site: Site) -> None:
    """By state, queue, tag and text."""
    populate(site)
    site.console.enqueue({"id": "needle", "command": "look", "queue": "hay", "tags": ["sharp"]})
    for query in ("state=dead,failed", "queue=hay", "tag=sharp", "text=needl", "text=look"):
        found = {job["id"] for job in site.get(f"{API}/jobs?{query}").json["items"]}
        assert found == ({"dead", "failed"} if "state" in query else {"needle"})


def test_a_change_to_many_says_how_many_first(site: Site) -> None:
    """And does nothing when it would be another number by then."""
    populate(site)
    many = {"action": "retry", "filter": {"state": "dead,cancelled"}}
    assert site("POST", f"{API}/bulk", body={**many, "dry_run": True}).json == {
        "action": "retry",
        "count": 2,
        "done": False,
    }
    is_problem(site("POST", f"{API}/bulk", body={**many, "expected": 3}), 409)
    assert site.console.get("dead").state == "dead"
    assert site("POST", f"{API}/bulk", body={**many, "expected": 2}).json["done"] is True
    assert site.console.get("dead").state == site.console.get("cancelled").state == "pending"
    ids = {"action": "cancel", "ids": ["dead", "cancelled"]}
    assert site("POST", f"{API}/bulk", body={**ids, "expected": 2}).json["count"] == 2


@pytest.mark.parametrize(
    "body",
    [
        {"action": "edit", "ids": ["pending"], "expected": 1},
        {"action": "burn", "ids": ["pending"], "expected": 1},
        {"action": "cancel", "expected": 1},
        {"action": "cancel", "ids": ["pending"], "filter": {}, "expected": 1},
        {"action": "cancel", "ids": "pending", "expected": 1},
        {"action": "cancel", "ids": ["pending"]},
        {"action": "cancel", "ids": ["pending"], "expected": True},
        {"action": "cancel", "filter": {"state": "lost"}, "expected": 1},
        {"action": "cancel", "filter": {"stat": "dead"}, "expected": 1},
        {"action": "cancel", "filter": {"stat": "dead"}, "dry_run": True},
        {"action": "cancel", "filter": {}, "dry-run": True, "expected": 1},
        {"action": "cancel", "filter": {}, "dry_run": "no", "expected": 1},
    ],
    ids=str,
)
def test_a_change_to_many_that_is_not_clear_is_refused(site: Site, body: dict[str, Any]) -> None:
    """Nothing is guessed."""
    populate(site)
    is_problem(site("POST", f"{API}/bulk", body=body), 400)
    assert site.console.get("pending").state == "pending"


def test_a_queue_is_paused_and_bounded(site: Site) -> None:
    """And only one that there is."""
    site.console.enqueue({"command": "true", "queue": "a/b"})
    assert site("PATCH", f"{API}/queues/a%2Fb", body={"paused": True, "limit": 3}).json["paused"] is True
    (queue,) = site.get(f"{API}/queues").json["items"]
    assert (queue["name"], queue["paused"], queue["limit"], queue["counts"]["pending"]) == ("a/b", True, 3, 1)
    is_problem(site("PATCH", f"{API}/queues/nosuch", body={"paused": True}), 404)
    is_problem(site("PATCH", f"{API}/queues/a%2Fb", body={"paused": "yes"}), 400)
    is_problem(site("PATCH", f"{API}/queues/a%2Fb", body={"size": 3}), 400)


def test_a_worker_is_asked_to_stop(site: Site) -> None:
    """One that runs."""
    register(site.console._queue.storage, "w")
    assert site("POST", f"{API}/workers/w/stop").json["stop"] == "finish"
    assert site("POST", f"{API}/workers/w/stop", body={"force": True}).json["stop"] == "force"
    is_problem(site("POST", f"{API}/workers/nobody/stop"), 404)


def test_attempts_and_output_of_a_job(site: Site) -> None:
    """Output is bytes, and no browser takes it for anything else."""
    populate(site)
    (attempt,) = site.get(f"{API}/jobs/dead/attempts").json["items"]
    assert (attempt["number"], attempt["result"]) == (1, "failed")
    output = site.get(f"{API}/jobs/dead/output")
    assert output.headers["content-type"] == "text/plain; charset=utf-8"
    assert output.headers["x-output-size"] == "0"
    is_problem(site.get(f"{API}/jobs/dead/output?run=9"), 404)


@pytest.mark.parametrize("endpoint", [each for each in ENDPOINTS if each.method == "GET"], ids=lambda each: each.path)
def test_everything_that_reads_answers_as_it_is_described(site: Site, endpoint: Endpoint) -> None:
    """On an empty store and on a full one: lists are lists, nothing else is, and each has the type that is told."""
    described = site.get(f"{API}/openapi.json").json["paths"][endpoint.path]["get"]["responses"]["200"]["content"]
    ((media, told),) = described.items()
    path = f"{API}{endpoint.path.format(id='dead')}"
    for fill in (False, True):
        if fill:
            populate(site)
        elif "{" in endpoint.path:
            is_problem(site.get(path), 404)
            continue
        answer = site("HEAD" if media == "text/event-stream" else "GET", path)
        assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, media)
        if media == "application/json":
            listed = told["schema"] == {"$ref": "#/components/schemas/List"}
            assert (set(answer.json) == {"items", "next_cursor"}) is listed
            assert not listed or isinstance(answer.json["items"], list)


@pytest.mark.parametrize(
    "query",
    [
        "jobs?limit=0",
        "jobs?limit=501",
        "jobs?limit=x",
        "jobs?limit=\u0661",
        "jobs?state=lost",
        "jobs?cursor=x",
        "jobs?cursor=-1",
        f"jobs?cursor={'9' * 19}",
        f"jobs?cursor={'9' * 5000}",
        "stats?step=0",
        "stats?since=1000000&step=1",
        "jobs?grouped=1&exit_code=x",
        "jobs?stat=dead",
        "status?state=dead",
        "jobs?state=dead&State=failed",
        f"jobs?text={'x' * 2000}",
    ],
)
def test_a_question_that_is_none_is_refused(site: Site, query: str) -> None:
    """In words."""
    from urllib.parse import quote

    is_problem(site.get(f"{API}/{quote(query, safe='?&=,/')}"), 400)


@pytest.mark.parametrize("body", [b"{", b"[]", b"1", b"\xff", b'{"command": "\\ud800"}', b"[" * 100_000])
def test_a_body_that_is_no_object_is_refused(site: Site, body: bytes) -> None:
    """Whatever it is."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
    connection.request("POST", f"{API}/jobs", body, site.headers)
    answer = connection.getresponse()
    assert answer.status == 400 and answer.headers["content-type"] == "application/problem+json"
    connection.close()


def test_what_is_not_there_is_a_problem_too(site: Site) -> None:
    """As JSON, for a wrong path and a wrong method."""
    is_problem(site.get(f"{API}/nosuch"), 404)
    is_problem(site("POST", f"{API}/status"), 405)


def test_read_only_refuses_every_deed(site: Site, read_only: Site) -> None:
    """Given a read-only server, when any endpoint that is not GET is asked, then nothing has changed."""
    populate(site)
    before = site.get(f"{API}/jobs").json, site.get(f"{API}/queues").json, site.get(f"{API}/workers").json
    bodies: dict[str, dict[str, Any]] = {
        "/bulk": {"action": "cancel", "ids": ["pending"], "expected": 1},
        "/jobs": {"command": "true"},
    }
    for endpoint in ENDPOINTS:
        if endpoint.method != "GET":
            path = endpoint.path.replace("{name}", "default")
            path = path.replace("{id}", "w" if "workers" in path else "pending")
            body = bodies.get(endpoint.path, {"paused": True} if "queues" in path else {})
            if endpoint.method == "PATCH" and "jobs" in path:
                body = {"priority": 1}
            told = is_problem(read_only(endpoint.method, f"{API}{path}", body=body), 403)
            assert told["code"] == "read-only"
    now = site.get(f"{API}/jobs").json, site.get(f"{API}/queues").json, site.get(f"{API}/workers").json
    assert now == before
    assert read_only.get(f"{API}/status").json["read_only"] is True


def test_the_description_is_that_of_the_code(site: Site) -> None:
    """Every route is described, everything described is a route, and every name in a path is a parameter."""
    told = site.get(f"{API}/openapi.json").json
    assert told["openapi"].startswith("3.1")
    described = {(method.upper(), path) for path, methods in told["paths"].items() for method in methods}
    from starlette.routing import Route

    from queuectl_dashboard.api import routes

    real = {
        (method, route.path.removeprefix(API))
        for route in routes()
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert described == real
    for path, methods in told["paths"].items():
        for operation in methods.values():
            names = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "path"}
            assert names == set(re.findall(r"{(\w+)}", path))
            assert operation["summary"].endswith(".") and "default" in operation["responses"]


def test_the_fields_that_are_described_are_those_that_are_taken(site: Site) -> None:
    """What a new job and an edit take is what the engine takes."""
    from queuectl.engine.editing import EDITABLE
    from queuectl.engine.intake import FIELDS
    from queuectl_dashboard.api import FILTER
    from queuectl_dashboard.filters import Filter

    paths = site.get(f"{API}/openapi.json").json["paths"]

    def fields(method: str, path: str) -> set[str]:
        schema = paths[path][method]["requestBody"]["content"]["application/json"]["schema"]
        return set(schema["properties"])

    assert fields("post", "/jobs") == set(FIELDS)
    assert fields("patch", "/jobs/{id}") == set(EDITABLE)
    assert set(FILTER) == set(Filter.__dataclass_fields__)
    assert {action.value for action in Action} - {"edit"} == {"retry", "cancel", "hold", "release", "delete"}


def test_metrics_are_what_prometheus_reads(site: Site) -> None:
    """A label cannot be broken out of, and none holds an id or a command."""
    populate(site)
    site.console.enqueue({"id": "an-id", "command": "a-command", "queue": 'q"\\{x="1"}'})
    answer = site.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    sample = re.compile(r'queuectl_\w+(\{\w+="(?:[^"\\\n]|\\["\\n])*"(,\w+="(?:[^"\\\n]|\\["\\n])*")*\})? [0-9.e+-]+')
    assert [line for line in lines if not sample.fullmatch(line)] == []
    assert 'queuectl_jobs{queue="default",state="dead"} 1' in lines
    assert 'queuectl_jobs{queue="q\\"\\\\{x=\\"1\\"}",state="pending"} 1' in lines
    assert "queuectl_workers 1" in lines
    assert 'queuectl_runs_last_minute{result="failed"} 2' in lines
    assert "an-id" not in answer.text and "a-command" not in answer.text
