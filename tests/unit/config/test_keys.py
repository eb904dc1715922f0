"""Keys as people type them."""

from __future__ import annotations

import pytest

from queuectl.config.fields import Field
from queuectl.config.keys import Key, complete, split, unknown, written
from queuectl.errors import UsageError

FIELD = Field("x", int, 0, "")
KNOWN = [
    Key(("storage", "plugin")),
    Key(("storage", "path"), FIELD),
    Key(("backoff", "plugin")),
    Key(("backoff", "base"), FIELD),
    Key(("backoff", "max-delay"), FIELD),
    Key(("executor", "plugin")),
    Key(("executor", "path"), FIELD),
    Key(("jobs", "max-retries"), FIELD),
    Key(("worker", "concurrency"), FIELD),
    Key(("queues", "mail", "max-retries"), FIELD),
    Key(("plugins",)),
]
QUEUES = ["mail", "my.queue", "x.timeout"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("jobs.max-retries", ("jobs", "max-retries")),
        ("jobs.max_retries", ("jobs", "max-retries")),
        ("max-retries", ("jobs", "max-retries")),
        ("max_retries", ("jobs", "max-retries")),
        ("jobs-max-retries", ("jobs", "max-retries")),
        ("backoff-base", ("backoff", "base")),
        ("backoff_max_delay", ("backoff", "max-delay")),
        ("base", ("backoff", "base")),
        ("storage-path", ("storage", "path")),
        ("worker", ("worker",)),
        ("plugins", ("plugins",)),
        ("worker.nonsense", ("worker", "nonsense")),
        ("executor.env.MY_VAR", ("executor", "env", "MY_VAR")),
        ("queues", ("queues",)),
        ("queues.mail", ("queues", "mail")),
        ("queues.mail.max_retries", ("queues", "mail", "max-retries")),
        ("queues.mail.backoff.max_delay", ("queues", "mail", "backoff", "max-delay")),
        ("queues.my.queue.timeout", ("queues", "my.queue", "timeout")),
        ("queues.other.name.timeout", ("queues", "other.name", "timeout")),
        ('queues."a.timeout".priority', ("queues", "a.timeout", "priority")),
        ("queues.x.timeout.priority", ("queues", "x.timeout", "priority")),
        ("queues.new_queue.timeout", ("queues", "new_queue", "timeout")),
    ],
)
def test_short_and_long_forms_mean_one_key(text: str, path: tuple[str, ...]) -> None:
    """`-` and `_` are the same in keys; the names of queues stay as they are, dots included."""
    assert complete(text, KNOWN, QUEUES) == path


def test_an_ambiguous_key_lists_what_it_may_mean() -> None:
    """Nobody guesses."""
    with pytest.raises(UsageError) as caught:
        complete("path", KNOWN, QUEUES)
    assert caught.value.hint == "it may mean storage.path, executor.path"


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("max-retrys", "did you mean jobs.max-retries?"),
        ("worker.concurency", "did you mean worker.concurrency?"),
        ("backof.base", "did you mean backoff.base?"),
        ("zzz", "queuectl config list shows all keys"),
    ],
)
def test_an_unknown_key_has_a_suggestion(text: str, hint: str) -> None:
    """The nearest key that exists, if one is near."""
    assert unknown(text, KNOWN).hint == hint


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", '"a', '"a"b'])
def test_what_is_no_key_is_refused(text: str) -> None:
    """Empty parts and open quotes."""
    with pytest.raises(UsageError):
        split(text)


@pytest.mark.parametrize("path", [("queues", "a.b", "timeout"), ("queues", "a", "b"), ("queues", "", "x")])
def test_a_written_path_is_read_back(path: tuple[str, ...]) -> None:
    """What we print can be typed."""
    assert tuple(split(written(path))) == path
