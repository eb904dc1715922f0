"""Every key can be asked for its value, and who says so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from queuectl.config.explain import Setting, find_settings, settings_of, to_json
from queuectl.errors import UsageError
from queuectl.units import Duration, Size

if TYPE_CHECKING:
    from tests.unit.config.conftest import Place

TEXT = """\
jobs: {max-retries: 4}
backoff: {plugin: exponential, base: 3}
worker: {count: 2}
queues:
  mail: {max-retries: 10, backoff: {plugin: fixed, delay: 30s}}
  a.b: {priority: 3}
"""


@pytest.fixture
def settings(place: Place) -> dict[str, Setting]:
    """All settings, with a file, a variable and a flag."""
    config = place.load(TEXT, environ={"QUEUECTL_WORKER__COUNT": "5"}, overrides=["lease=1m"])
    return {setting.key: setting for setting in settings_of(config)}


@pytest.mark.parametrize(
    ("key", "text", "origin"),
    [
        ("jobs.max-retries", "4", "queuectl.yaml:1:21"),
        ("jobs.timeout", "null", "default"),
        ("backoff.plugin", "exponential", "queuectl.yaml:2:19"),
        ("backoff.base", "3", "queuectl.yaml:2:38"),
        ("backoff.max-delay", "1h", "default"),
        ("executor.plugin", "subprocess", "default"),
        ("executor.max-output", "100MiB", "default"),
        ("worker.count", "5", "QUEUECTL_WORKER__COUNT"),
        ("worker.lease", "1m", "--set"),
        ("plugins", "[]", "default"),
        ("queues.mail.max-retries", "10", "queuectl.yaml:5:23"),
        ("queues.mail.backoff.plugin", "fixed", "queuectl.yaml:5:45"),
        ("queues.mail.backoff.delay", "30s", "queuectl.yaml:5:59"),
        ('queues."a.b".priority', "3", "queuectl.yaml:6:19"),
    ],
)
def test_each_setting_has_its_value_and_origin(settings: dict[str, Setting], key: str, text: str, origin: str) -> None:
    """The layer that has the last word is the origin."""
    assert (settings[key].text, settings[key].origin) == (text, origin)


def test_of_a_queue_only_what_it_sets_itself_is_listed(settings: dict[str, Setting]) -> None:
    """The rest is listed above."""
    assert [key for key in settings if key.startswith("queues.mail")] == [
        "queues.mail.max-retries",
        "queues.mail.backoff.plugin",
        "queues.mail.backoff.delay",
    ]


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("max-retries", "4"),
        ("queues.mail.max-retries", "10"),
        ("queues.mail.priority", "0"),
        ("queues.mail.backoff.delay", "30s"),
        ("queues.a.b.priority", "3"),
        ("queues.a.b.max-retries", "4"),
        ("queues.unheard.of.max-retries", "4"),
        ("queues.unheard.backoff.base", "3"),
    ],
)
def test_a_key_is_found_with_what_is_in_effect(place: Place, key: str, text: str) -> None:
    """For a queue what it inherits too, whether or not the file names it."""
    assert [setting.text for setting in find_settings(place.load(TEXT), key)] == [text]


def test_a_section_is_all_its_settings(place: Place) -> None:
    """As they are typed."""
    found = find_settings(place.load(TEXT), "worker")
    assert [(setting.key, setting.text) for setting in found] == [
        ("worker.count", "2"),
        ("worker.concurrency", "1"),
        ("worker.lease", "30s"),
        ("worker.outputs", "null"),
    ]


@pytest.mark.parametrize("key", ["nonsense", "worker.nonsense", "jobs.max-retries.x", "queues.mail.nonsense", "plugin"])
def test_a_key_that_does_not_exist_is_wrong_usage(place: Place, key: str) -> None:
    """With a suggestion where there is one."""
    with pytest.raises(UsageError):
        find_settings(place.load(TEXT), key)


def test_a_setting_says_what_it_means_and_takes(settings: dict[str, Setting]) -> None:
    """From the dataclass that a plugin's author wrote."""
    retries = settings["jobs.max-retries"]
    assert retries.description == "runs after the first before a failing job is dead"
    assert (retries.expected, retries.default) == ("an integer of at least 0", 3)
    assert settings["jobs.timeout"].expected == "a duration above 0s, such as 90s or 1h30m, or null"


def test_every_setting_of_ours_is_described(place: Place) -> None:
    """Help that is missing would be missing everywhere."""
    config = place.load()
    assert [setting.key for setting in settings_of(config) if not setting.description] == []


@pytest.mark.parametrize(
    ("value", "json"),
    [
        (Duration(90), 90),
        (Duration(0.5), 0.5),
        (Size("1MiB"), 2**20),
        (Path("/a"), "/a"),
        ((1, 2), [1, 2]),
        ({"a": (Duration(1),)}, {"a": [1]}),
        (None, None),
        (True, True),
    ],
)
def test_values_are_exact_in_json(value: object, json: object) -> None:
    """Seconds and bytes, for scripts."""
    assert to_json(value) == json
    assert type(to_json(value)) is type(json)


def test_secrets_are_masked() -> None:
    """In what is shown unasked."""
    setting = Setting(("storage", "password"), "hunter2", "default")
    assert setting.masked().text == "***"
