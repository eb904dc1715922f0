"""The file, the environment over it, the flags over both; and every error at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from queuectl.config import Config, load_config
from queuectl.errors import ConfigError, UsageError
from queuectl.units import Duration

if TYPE_CHECKING:
    from tests.unit.config.conftest import Place


def test_without_anything_the_defaults_serve(place: Place) -> None:
    """They are those that the documentation promises."""
    config = place.load()
    assert config.file is None
    jobs, worker, retention = config.jobs("default"), config.worker, config.retention
    assert (jobs.max_retries, jobs.timeout, jobs.priority, jobs.retry_on, jobs.give_up_on) == (3, None, 0, None, ())
    assert (worker.count, worker.concurrency, worker.lease) == (1, 1, Duration(30))
    assert (retention.completed, retention.cancelled) == (Duration("30d"), Duration("30d"))
    assert (config.plugins, config.queues) == ((), ())
    assert [config.storage.found.name, config.executor("x").found.name, config.backoff("x").found.name] == [
        "sqlite",
        "subprocess",
        "exponential",
    ]
    assert [(each.found.name, each.events) for each in config.notifiers()] == [
        ("log", frozenset({"job.failed", "job.dead", "job.lost", "worker.lost"}))
    ]


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "---\n", "null\n", "jobs:\n", "jobs:\nworker: ~\nqueues:\n", "\ufeff"]
)
def test_empty_files_and_sections_are_as_good_as_none(place: Place, text: str) -> None:
    """A section whose lines are all commented out is not an error."""
    config = place.load(text)
    assert config.file == place.cwd / "queuectl.yaml"
    assert config.jobs("default").max_retries == 3
    assert config.worker.count == 1


def test_the_example_of_an_error_is_kept_to_the_letter(place: Place) -> None:
    """Scripts and editors read `file:line:column: key: what was expected, and what stands there`."""
    text = "jobs:\n  max-retries: 3\n# two\nworker:\n  concurrency: many\n"
    assert place.errors(text) == ["queuectl.yaml:5:16: worker.concurrency: expected an integer, got 'many'"]


def test_all_errors_are_reported_at_once_in_the_order_of_the_file(place: Place) -> None:
    """Core keys, built-in plugins' settings, unknown keys and queues alike."""
    text = """\
max-retrys: 3
storage: {pth: x}
jobs: {max_retries: -1, timeout: soon}
backoff:
  plugin: exponential
  base: two
  jitter: ful
retention: {canceled: 3d}
queues:
  mail: {max-retries: 1.5, backoff: {plugin: fixed, dely: 3}}
worker: {count: 0}
notifications: [{plugin: log, events: [job.ded]}]
plugins: log
"""
    assert place.errors(text) == [
        "queuectl.yaml:1:1: max-retrys: unknown key; did you mean 'jobs.max-retries'?",
        "queuectl.yaml:2:11: storage.pth: unknown key; did you mean 'path'?",
        "queuectl.yaml:3:21: jobs.max-retries: expected an integer of at least 0, got -1",
        "queuectl.yaml:3:34: jobs.timeout: expected a duration such as 90s or 1h30m, got 'soon'",
        "queuectl.yaml:6:9: backoff.base: expected a number, got 'two'",
        "queuectl.yaml:7:11: backoff.jitter: expected one of none, full, equal, got 'ful'; did you mean 'full'?",
        "queuectl.yaml:8:13: retention.canceled: unknown key; did you mean 'cancelled'?",
        "queuectl.yaml:10:23: queues.mail.max-retries: expected an integer, got 1.5",
        "queuectl.yaml:10:53: queues.mail.backoff.dely: unknown key; did you mean 'delay'?",
        "queuectl.yaml:11:17: worker.count: expected an integer from 1 to 1024, got 0",
        "queuectl.yaml:12:40: notifications[0].events: unknown event 'job.ded'; did you mean 'job.dead'?",
        "queuectl.yaml:13:10: plugins: expected a list, got 'log'",
    ]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("- a\n", "queuectl.yaml:1:1: expected a mapping of sections such as `jobs:`, got a list"),
        ("word\n", "queuectl.yaml:1:1: expected a mapping of sections such as `jobs:`, got one value"),
        ("worker: 3\n", "queuectl.yaml:1:9: worker: expected a mapping, got 3"),
        ("worker: []\n", "queuectl.yaml:1:9: worker: expected a mapping, got a list"),
        ("queues: [mail]\n", "queuectl.yaml:1:9: queues: expected a mapping of queues by name"),
        ("queues: {mail: 3}\n", "queuectl.yaml:1:16: queues.mail: expected a mapping, got 3"),
        ("backoff: 3\n", "queuectl.yaml:1:10: backoff: expected a mapping with `plugin` and its settings"),
        ("backoff: {plugin: [a]}\n", "queuectl.yaml:1:19: backoff.plugin: expected the name of a plugin"),
        ("notifications: log\n", "queuectl.yaml:1:16: notifications: expected a list of plugins with their settings"),
        ("notifications: [{events: []}]\n", "queuectl.yaml:1:17: notifications[0]: names no plugin"),
        ("jobs: {max-retries: yes}\n", "queuectl.yaml:1:21: jobs.max-retries: expected an integer, got 'yes'"),
        ("jobs: {max-retries: '3'}\n", "queuectl.yaml:1:21: jobs.max-retries: expected an integer, got '3'"),
        ("jobs: {max-retries: true}\n", "queuectl.yaml:1:21: jobs.max-retries: expected an integer, got true"),
        ("jobs: {max-retries: null}\n", "queuectl.yaml:1:21: jobs.max-retries: expected an integer, got null"),
        ("jobs: {max-retries: }\n", "queuectl.yaml:1:21: jobs.max-retries: expected an integer, got null"),
        (
            "jobs: {timeout: 12:30}\n",
            "queuectl.yaml:1:17: jobs.timeout: expected a duration such as 90s or 1h30m, got '12:30'",
        ),
        (
            "jobs: {timeout: 0}\n",
            "queuectl.yaml:1:17: jobs.timeout: expected a duration above 0s, such as 90s or 1h30m, got 0",
        ),
        (
            "jobs: {timeout: .inf}\n",
            "queuectl.yaml:1:17: jobs.timeout: expected a duration from 0 to 100 years, got .inf",
        ),
        ("jobs: {retry-on: [75, x]}\n", "queuectl.yaml:1:23: jobs.retry-on[1]: expected an integer, got 'x'"),
        ("jobs: {retry-on: [0]}\n", "queuectl.yaml:1:19: jobs.retry-on[0]: expected an integer of at least 1, got 0"),
        (
            "jobs: {max-retries: 1, max_retries: 2}\n",
            "queuectl.yaml:1:24: jobs.max_retries: duplicate key, which stands",
        ),
        ("storage: {path: 12}\n", "queuectl.yaml:1:17: storage.path: expected a text, got 12; put it in quotes"),
        ("jobs: {<<: {timeout: 3}}\n", "queuectl.yaml:1:8: jobs.<<: unknown key; merge keys are not part of YAML 1.2"),
        ("queues: {'': {}}\n", 'queuectl.yaml:1:10: queues."": a queue\'s name is printable and not empty'),
    ],
)
def test_each_error_has_its_place_and_says_what_was_expected(place: Place, text: str, error: str) -> None:
    """One error is the message itself."""
    assert [line[: len(error)] for line in place.errors(text)] == [error]


def test_bytes_that_are_no_utf8_have_a_place(place: Place) -> None:
    """A file from an old editor is told from a broken one."""
    place.write("# ü\njobs: {}\n".encode("latin-1"))
    assert place.errors() == ["queuectl.yaml:1:3: not UTF-8: byte 0xfc"]


def test_keys_take_dashes_and_underscores(place: Place) -> None:
    """Both are the same, in the core's sections and in a plugin's."""
    config = place.load("jobs: {max_retries: 4}\nbackoff: {max_delay: 2h}\n")
    assert config.jobs("default").max_retries == 4
    assert config.backoff("default").settings.max_delay == 7200


def test_the_environment_lies_over_the_file(place: Place) -> None:
    """Two underscores nest; values are read as YAML."""
    environ = {
        "QUEUECTL_WORKER__CONCURRENCY": "8",
        "QUEUECTL_JOBS__RETRY_ON": "[75, 100]",
        "QUEUECTL_JOBS__TIMEOUT": "5m",
        "QUEUECTL_BACKOFF__PLUGIN": "fixed",
        "QUEUECTL_PLUGINS": "[]",
        "QUEUECTL_NOTIFICATIONS": "[]",
    }
    config = place.load(
        "worker: {concurrency: 2, count: 3}\nbackoff: {plugin: exponential, base: 3}\n", environ=environ
    )
    assert (config.worker.concurrency, config.worker.count) == (8, 3)
    assert config.jobs("default").retry_on == (75, 100)
    assert config.jobs("default").timeout == Duration(300)
    assert config.backoff("default").found.name == "fixed"
    assert config.notifiers() == ()


def test_flags_lie_over_the_environment(place: Place) -> None:
    """The last one wins, and short keys mean what they mean to `config set`."""
    config = place.load(
        "worker: {concurrency: 2}\n",
        environ={"QUEUECTL_WORKER__CONCURRENCY": "8"},
        overrides=["worker.concurrency=9", "max-retries=7", "backoff-base=3", "worker.concurrency=10"],
    )
    assert config.worker.concurrency == 10
    assert config.jobs("default").max_retries == 7
    assert config.backoff("default").settings.base == 3
    assert config.overrides[1] == "max-retries=7"


def test_empty_variables_are_unset(place: Place) -> None:
    """As everywhere."""
    assert place.load("worker: {count: 2}\n", environ={"QUEUECTL_WORKER__COUNT": ""}).worker.count == 2


@pytest.mark.parametrize(
    "name",
    ["HOME_DIR", "JOB_ID", "ATTEMPT", "QUEUE", "LEASE", "TEST_X", "TEST__X", "TOKEN", "DEBUG", "WORKER_SECRET"],
)
def test_other_variables_are_no_configuration(place: Place, name: str) -> None:
    """What queuectl gives to jobs, what tests use and what plugins read is passed over."""
    assert place.load(environ={f"QUEUECTL_{name}": "x"}).jobs("default").max_retries == 3


@pytest.mark.parametrize(
    ("environ", "error"),
    [
        (
            {"QUEUECTL_WORKER__CONCURENCY": "8"},
            "QUEUECTL_WORKER__CONCURENCY: worker.concurency: unknown key; did you mean 'concurrency'?",
        ),
        ({"QUEUECTL_WORKR__COUNT": "8"}, "QUEUECTL_WORKR__COUNT: workr: unknown key; did you mean 'worker'?"),
        ({"QUEUECTL_WORKER__COUNT": "x"}, "QUEUECTL_WORKER__COUNT: worker.count: expected an integer, got 'x'"),
        ({"QUEUECTL_JOBS__RETRY_ON": "[1"}, "QUEUECTL_JOBS__RETRY_ON: while parsing a flow sequence"),
        (
            {"QUEUECTL_STORAGE_PATH": "x"},
            "QUEUECTL_STORAGE_PATH: no such setting; did you mean QUEUECTL_STORAGE__PATH?",
        ),
        (
            {"QUEUECTL_JOBS_MAX_RETRIES": "1"},
            "QUEUECTL_JOBS_MAX_RETRIES: no such setting; did you mean QUEUECTL_JOBS__MAX_RETRIES?",
        ),
    ],
)
def test_errors_of_the_environment_name_the_variable(place: Place, environ: dict[str, str], error: str) -> None:
    """A variable that is misspelled is not passed over in silence."""
    assert [line[: len(error)] for line in place.errors(environ=environ)] == [error]


def test_errors_of_flags_name_the_flag(place: Place) -> None:
    """A value that does not fit is bad configuration, wherever it comes from."""
    assert place.errors(overrides=["worker.count=x"]) == ["--set: worker.count: expected an integer, got 'x'"]
    assert place.errors(overrides=["worker.cnt=1"]) == ["--set: worker.cnt: unknown key; did you mean 'count'?"]


def test_a_key_that_no_flag_can_set_is_an_error_of_the_configuration(place: Place) -> None:
    """As it is in a file and in a variable; a short key is no exception."""
    assert place.errors(overrides=["nonsense=1"]) == ["--set: no such key: nonsense"]
    assert place.errors(overrides=["plugin=x"]) == ["--set: the key 'plugin' is ambiguous"]


@pytest.mark.parametrize("override", ["worker.count", "", "=1", '"worker.count=1', "worker..count=1"])
def test_a_flag_that_is_no_assignment_is_wrong_usage(place: Place, override: str) -> None:
    """The call is wrong, not the configuration."""
    with pytest.raises(UsageError):
        place.load(overrides=[override])


DIGITS = "9" * 400
"""More digits than a float has room for."""

ENDLESS = "9" * 5000
"""More digits than Python makes an integer of."""


@pytest.mark.parametrize("number", [DIGITS, ENDLESS, "1e999", ".inf", "-.inf", ".nan", f"0x{'f' * 390}"])
@pytest.mark.parametrize(
    "key",
    [
        *("backoff.base", "backoff.max-delay", "jobs.max-retries", "jobs.timeout", "jobs.priority"),
        *("worker.count", "worker.lease", "executor.max-output", "executor.kill-after", "retention.completed"),
    ],
)
def test_no_number_is_too_large_to_be_refused(place: Place, key: str, number: str) -> None:
    """Wherever it comes from: one line that names the key, and is short."""
    section, name = key.split(".")
    variable = f"QUEUECTL_{section}__{name}".upper().replace("-", "_")
    for error in (
        *place.errors(f"{section}: {{{name}: {number}}}\n"),
        *place.errors("", environ={variable: number}),
        *place.errors("", overrides=[f"{key}={number}"]),
    ):
        assert f": {key}: expected a" in error
        assert len(error) < 240


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "jobs: {max-retries: 2147483648}",
            "jobs.max-retries: expected an integer of at most 2147483647, got 2147483648",
        ),
        (
            "jobs: {retry-on: [2147483648]}",
            "jobs.retry-on[0]: expected an integer of at most 2147483647, got 2147483648",
        ),
        ("jobs: {timeout: 99999d}", "jobs.timeout: expected a duration from 0 to 100 years, got '99999d'"),
        ("jobs: {timeout: -1}", "jobs.timeout: expected a duration from 0 to 100 years, got -1"),
        ("worker: {count: 1025}", "worker.count: expected an integer from 1 to 1024, got 1025"),
        (
            "executor: {max-output: 9223372036854775808}",
            "executor.max-output: expected a size from 0 to 9223372036854775807 bytes, got 9223372036854775808",
        ),
    ],
)
def test_a_number_beyond_the_largest_is_told_what_that_is(place: Place, text: str, error: str) -> None:
    """The usual words, such as `an integer of at least 0`, would not help."""
    assert [line.partition(" ")[2] for line in place.errors(text)] == [error]


def test_the_home_of_somebody_unknown_is_an_error(place: Place) -> None:
    """It is asked for by a path, wherever that stands."""
    assert place.errors("storage: {path: ~nobody-at-all/x}\n") == [
        "queuectl.yaml:1:17: storage.path: the home directory of ~nobody-at-all is not known"
    ]
    assert place.errors("", file="~nobody-at-all/x") == ["--config: the home directory of ~nobody-at-all is not known"]
    with pytest.raises(ConfigError, match=r"^QUEUECTL_HOME: the home directory of ~nobody-at-all is not known"):
        place.load("", environ={"QUEUECTL_HOME": "~nobody-at-all"}).data  # noqa: B018


def test_bytes_that_are_no_text_are_an_error(place: Place) -> None:
    """The environment and flags may hold any; a path may consist of them, YAML not."""
    assert place.load(environ={"QUEUECTL_STORAGE__PATH": "x\udcff"}).storage.settings.path.endswith("/x\udcff")
    assert place.errors(environ={"QUEUECTL_STORAGE__PATH": "'x\udcff'"}) == [
        "QUEUECTL_STORAGE__PATH: not UTF-8, in which YAML is written"
    ]


@pytest.mark.parametrize("value", ["123", "true", "1e5", "null x", "a: b", "# c", "[", "*x"])
def test_where_nothing_is_quoted_a_text_is_a_text(place: Place, value: str) -> None:
    """A directory may have a number for a name; only brackets and quotes at the beginning are YAML."""
    environ = {"QUEUECTL_STORAGE__PATH": value if value != "[" else "'['"}
    path = place.load(environ=environ).storage.settings.path
    assert path == str(place.cwd / value)


def test_where_nothing_is_quoted_commas_make_a_list(place: Place) -> None:
    """`75,100` is easier to type than `[75, 100]` in a shell."""
    config = place.load(overrides=["retry-on=75,100", "give-up-on=2"])
    assert config.jobs("default").retry_on == (75, 100)
    assert config.jobs("default").give_up_on == (2,)


def test_relative_paths_start_where_they_are_written(place: Place) -> None:
    """In a file from its directory, in a variable or flag from the current one."""
    file = place.write("storage: {path: data/jobs.db}\n", "etc/queuectl.yaml")
    assert place.load(file=file).storage.settings.path == str(file.parent / "data" / "jobs.db")
    assert place.load(file="etc/queuectl.yaml").storage.settings.path == str(file.parent / "data" / "jobs.db")
    over = place.load(file=file, environ={"QUEUECTL_STORAGE__PATH": "here.db"})
    assert over.storage.settings.path == str(place.cwd / "here.db")
    flag = place.load(file=file, overrides=["storage.path=~/there.db"])
    assert flag.storage.settings.path == str(place.home / "there.db")


def test_the_data_directory_is_the_same_whichever_file_is_read(place: Place) -> None:
    """A file elsewhere does not move the data."""
    file = place.write("", "etc/queuectl.yaml")
    assert place.load(file=file).data == place.load().data == place.home / ".local" / "state" / "queuectl"


def test_a_queue_is_found_by_a_variable(place: Place) -> None:
    """Variables have neither lower case nor dashes: the queue that the file names is the one that is meant."""
    text = "queues: {Mail-High: {max-retries: 9}}\n"
    environ = {"QUEUECTL_QUEUES__MAIL_HIGH__TIMEOUT": "5m", "QUEUECTL_QUEUES__OTHER__PRIORITY": "4"}
    config = place.load(text, environ=environ)
    assert config.jobs("Mail-High").timeout == Duration(300)
    assert config.jobs("Mail-High").max_retries == 9
    assert config.jobs("other").priority == 4


def test_a_broken_reference_in_the_environment_is_wrong_everywhere(place: Place) -> None:
    """A file that QUEUECTL_CONFIG names and that is not there stops every command."""
    assert place.errors(environ={"QUEUECTL_CONFIG": "/nowhere/x.yaml"}) == [
        "QUEUECTL_CONFIG names a file that is not there: /nowhere/x.yaml"
    ]


def test_a_file_that_everybody_may_write_is_refused(place: Place) -> None:
    """It could name any command."""
    place.write("jobs: {}\n").chmod(0o666)
    assert place.errors() == ["queuectl.yaml: everybody may write the configuration file"]


def test_by_default_the_process_itself_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Programs call `load_config()` and mean what the command would find."""
    (tmp_path / "queuectl.yaml").write_text("jobs: {max-retries: 8}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUEUECTL_WORKER__COUNT", "2")
    config = load_config()
    assert isinstance(config, Config)
    assert (config.jobs("x").max_retries, config.worker.count) == (8, 2)


def test_a_plugin_that_is_not_built_in_is_left_for_when_it_is_used(place: Place) -> None:
    """`queuectl list` imports no notifier; what uses it says what is wrong."""
    config = place.load("notifications: [{plugin: pager, number: 123, events: [job.dead]}]\n")
    assert config.wanted_events() == {"job.dead"}
    with pytest.raises(
        ConfigError, match=r"queuectl\.yaml:1:26: notifications\[0\]\.plugin: no notifier 'pager' is installed"
    ):
        config.notifiers()


def test_a_queue_that_only_a_flag_names(place: Place) -> None:
    """It counts as much as one that the file names."""
    config = place.load(overrides=["queues.mail.max-retries=0", "queues.mail.priority=4"])
    assert config.queues == ("mail",)
    assert (config.jobs("mail").max_retries, config.jobs("mail").priority) == (0, 4)
    assert config.jobs("other").max_retries == 3


def test_an_unknown_plugin_of_a_queue_that_only_a_flag_names(place: Place) -> None:
    """It is refused at the start of a worker, not when the first job fails."""
    with pytest.raises(ConfigError, match=r"queues\.mail\.backoff\.plugin: no backoff 'nope' is installed"):
        place.load(overrides=["queues.mail.backoff.plugin=nope"]).resolve_all()
