"""`config set` and `unset`: keys as they are typed, into a file that stays sound."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from queuectl.config.change import Change, set_values, unset_values
from queuectl.config.load import read_config
from queuectl.errors import ConfigError, NotFoundError, UsageError

if TYPE_CHECKING:
    from tests.unit.config.conftest import Place


def change(place: Place, *pairs: str, environ: dict[str, str] | None = None) -> list[Change]:
    """Set keys to values."""
    config = read_config(environ=place.environ(environ), cwd=place.cwd)
    return set_values(config, list(zip(pairs[::2], pairs[1::2], strict=True)))


def remove(place: Place, *keys: str) -> list[Change]:
    """Remove keys."""
    return unset_values(read_config(environ=place.environ(), cwd=place.cwd), keys)


def text(place: Place) -> str:
    """What ./queuectl.yaml says."""
    return (place.cwd / "queuectl.yaml").read_text()


def test_a_short_key_is_set_in_its_section(place: Place) -> None:
    """The change is told with the old and the new value, and the line."""
    file = place.write("# mine\njobs:\n  max-retries: 5 # five\n")
    assert change(place, "max_retries", "3") == [Change("jobs.max-retries", "5", "3", file, 3)]
    assert text(place) == "# mine\njobs:\n  max-retries: 3 # five\n"


def test_without_a_file_one_is_made_at_the_users_place(place: Place) -> None:
    """Never in the current directory."""
    (made,) = change(place, "backoff-base", "3")
    file = place.home / ".config" / "queuectl" / "queuectl.yaml"
    assert made == Change("backoff.base", "2", "3", file, 2)
    assert file.read_text() == "backoff:\n  base: 3\n"
    assert not (place.cwd / "queuectl.yaml").exists()


def test_with_a_data_directory_the_file_is_made_there(place: Place) -> None:
    """QUEUECTL_HOME is where everything of this installation lies."""
    home = place.cwd / "installation"
    (made,) = change(place, "max-retries", "1", environ={"QUEUECTL_HOME": str(home)})
    assert made.file == home / "queuectl.yaml"


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("timeout", "5m", "  timeout: 5m"),
        ("timeout", "90", "  timeout: 90"),
        ("timeout", "null", "  timeout: null"),
        ("priority", "-5", "  priority: -5"),
        ("retry-on", "75,100", "  retry-on: [75, 100]"),
        ("retry-on", "[75, 100]", "  retry-on: [75, 100]"),
        ("retry-on", "75", "  retry-on: [75]"),
        ("give-up-on", "[]", "  give-up-on: []"),
        ("storage.path", "123", "  path: '123'"),
        ("storage.path", "a b # c", "  path: 'a b # c'"),
        ("storage.path", "null", "  path: null"),
        ("storage.path", "'null'", "  path: 'null'"),
        ("jitter", "none", "  jitter: none"),
        ("plugins", "[]", "plugins: []"),
        ("notifications", "[{plugin: log, events: [job.dead]}]", "notifications: [{plugin: log, events: [job.dead]}]"),
        ("queues.my.queue.timeout", "5m", "    timeout: 5m"),
        ("queues.mail.backoff", "{plugin: fixed, delay: 3}", "    backoff: {plugin: fixed, delay: 3}"),
        ("worker", "{count: 2}", "worker: {count: 2}"),
        ("backoff", "none", "backoff: none"),
    ],
)
def test_values_are_written_as_their_setting_wants_them(place: Place, key: str, value: str, line: str) -> None:
    """The type of the setting decides whether `123` is a text."""
    place.write("")
    change(place, key, value)
    assert line in text(place).splitlines()
    place.load()


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("max-retries", "many", "jobs.max-retries: expected an integer, got 'many'"),
        ("max-retries", "-1", "jobs.max-retries: expected an integer of at least 0, got -1"),
        ("jitter", "ful", "backoff.jitter: expected one of none, full, equal, got 'ful'; did you mean 'full'?"),
        ("storage.plugin", "redis", "storage.plugin: no storage 'redis' is installed"),
        ("plugins", "metrics", "plugins: no plugin 'metrics' is installed"),
        ("worker", "3", "worker: expected a mapping, got 3"),
        ("jobs.max-retries", "[", "jobs.max-retries: while parsing a flow node: did not find expected node content"),
    ],
)
def test_a_value_that_does_not_fit_leaves_the_file_as_it_was(place: Place, key: str, value: str, error: str) -> None:
    """The error tells of what was typed."""
    place.write("# mine\n")
    with pytest.raises(ConfigError) as caught:
        change(place, key, value)
    assert caught.value.message == error
    assert text(place) == "# mine\n"


def test_a_value_that_does_not_fit_makes_no_file(place: Place) -> None:
    """Nothing is left behind."""
    with pytest.raises(ConfigError):
        change(place, "max-retries", "many")
    assert list(place.home.iterdir()) == []


@pytest.mark.parametrize("key", ["max-retrys", "plugin", "worker.cnt", "queues.mail.nonsense", "backoff.delay", ""])
def test_a_key_that_does_not_exist_is_wrong_usage(place: Place, key: str) -> None:
    """Whether or not the value would fit; `backoff.delay` is none of the exponential backoff's."""
    place.write("# mine\n")
    with pytest.raises((UsageError, ConfigError)) as caught:
        change(place, key, "3")
    assert "unknown key" in caught.value.message or caught.value.exit_code == 2
    assert text(place) == "# mine\n"


@pytest.mark.parametrize("pair", [("storage.path", "\udcff"), ("queues.\udcff.timeout", "3")])
def test_bytes_that_are_no_utf8_are_wrong_usage(place: Place, pair: tuple[str, str]) -> None:
    """The shell hands over any bytes; the file holds text."""
    place.write("# mine\n")
    with pytest.raises(UsageError, match="not UTF-8"):
        change(place, *pair)
    assert text(place) == "# mine\n"


def test_several_keys_are_changed_together(place: Place) -> None:
    """A plugin that needs a setting is selected together with it, or not at all."""
    place.write("")
    changes = change(place, "backoff.plugin", "fixed", "backoff.delay", "30s")
    assert [(each.key, each.old, each.new, each.line) for each in changes] == [
        ("backoff.plugin", "exponential", "fixed", 2),
        ("backoff.delay", None, "30s", 3),
    ]
    before = text(place)
    with pytest.raises(ConfigError):
        change(place, "max-retries", "3", "timeout", "never")
    assert text(place) == before


def test_what_another_plugin_was_told_must_go_first(place: Place) -> None:
    """Nothing that a person wrote is removed unasked; the hint is what to type."""
    place.write("backoff:\n  base: 3\n  max_delay: 1h\n")
    with pytest.raises(ConfigError) as caught:
        change(place, "backoff.plugin", "fixed")
    assert caught.value.hint == (
        "what the other plugin was told must go first: queuectl config unset backoff.base backoff.max_delay"
    )
    assert [each.new for each in remove(place, "backoff.base", "backoff.max_delay")] == ["2", "1h"]
    change(place, "backoff.plugin", "fixed")


def test_a_file_that_is_wrong_elsewhere_is_not_changed(place: Place) -> None:
    """All its errors are told."""
    place.write("worker: {count: many}\njobs: {priority: 1}\n")
    with pytest.raises(ConfigError, match=r"queuectl\.yaml:1:17: worker\.count: expected an integer, got 'many'"):
        change(place, "max-retries", "3")
    assert "max-retries" not in text(place)


def test_a_change_may_mend_the_file(place: Place) -> None:
    """The wrong value is replaced, the wrong key removed."""
    place.write("worker: {count: many}\n")
    assert [(each.old, each.new) for each in change(place, "worker.count", "2")] == [("many", "2")]
    place.write("max-retrys: 3\njobs: {priority: 1, foo: 2}\n")
    remove(place, "max-retrys", "jobs.foo")
    assert text(place) == "jobs: {priority: 1}\n"


def test_a_variable_that_hides_the_file_is_named(place: Place) -> None:
    """The person would wonder why nothing changed."""
    place.write("")
    (made,) = change(place, "max-retries", "3", environ={"QUEUECTL_JOBS__MAX_RETRIES": "9"})
    assert made.hidden_by == "QUEUECTL_JOBS__MAX_RETRIES"
    (made,) = change(place, "timeout", "3", environ={"QUEUECTL_JOBS__MAX_RETRIES": "9"})
    assert made.hidden_by is None


def test_secrets_are_masked_when_a_change_is_told(place: Place) -> None:
    """Terminals have a scrollback."""
    place.write("")
    (made,) = change(place, "storage.path", "postgres://me:hunter2@db/jobs")
    assert made.new == "postgres://me:***@db/jobs"


def test_a_byte_order_mark_and_dos_line_ends_stay(place: Place) -> None:
    """An editor put them there."""
    place.write(b"\xef\xbb\xbfjobs:\r\n  timeout: 1\r\n")
    change(place, "timeout", "2", "priority", "3")
    assert (place.cwd / "queuectl.yaml").read_bytes() == b"\xef\xbb\xbfjobs:\r\n  timeout: 2\r\n  priority: 3\r\n"


def test_unset_lets_the_default_serve_again(place: Place) -> None:
    """The section goes when nothing is left in it."""
    file = place.write("# a\njobs:\n  max-retries: 5\nworker:\n  count: 2\n")
    assert remove(place, "max-retries") == [Change("jobs.max-retries", "5", "3", file, 0)]
    assert text(place) == "# a\nworker:\n  count: 2\n"


@pytest.mark.parametrize("key", ["timeout", "worker", "queues.mail"])
def test_a_key_that_is_not_set_cannot_be_unset(place: Place, key: str) -> None:
    """Nothing is found, and nothing changes."""
    place.write("jobs: {priority: 1}\n")
    with pytest.raises(NotFoundError):
        remove(place, key)


def test_without_a_file_nothing_can_be_unset(place: Place) -> None:
    """There is nothing to remove it from."""
    with pytest.raises(NotFoundError):
        remove(place, "timeout")


def test_what_cannot_be_changed_safely_is_refused_with_its_line(place: Place) -> None:
    """The person does it in an editor."""
    place.write("jobs: &a\n  timeout: 1\nqueues: {mail: *a}\n")
    with pytest.raises(ConfigError, match=r"queuectl\.yaml:1:7: this has an anchor or is an alias"):
        change(place, "timeout", "2")
