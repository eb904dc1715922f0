"""`queuectl plugins check` finds what is wrong with a plugin, and no plugin can harm it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

import pytest

from queuectl.commands.plugins_requires import unmet

if TYPE_CHECKING:
    from tests.cli.conftest import Program

DEADLINE = 60.0

GOOD = """
    from dataclasses import dataclass
    from typing import Annotated
    from msgspec import Meta
    from queuectl import Provider, hookimpl

    @dataclass(frozen=True, kw_only=True)
    class Settings:
        unit: Annotated[float, Meta(gt=0, description="the first wait")] = 1.0

        def delay(self, failure):
            return self.unit

    @hookimpl
    def queuectl_backoffs():
        yield Provider("NAME", Settings)
"""


def changed(*changes: tuple[str, str]) -> str:
    """The good plugin, with something in it replaced."""
    source = GOOD
    for old, new in changes:
        assert old in source
        source = source.replace(old, new)
    return source


WRONG: Mapping[str, tuple[str, str]] = {
    "raises": ("raise RuntimeError('no')", "PLUGIN failed to import: RuntimeError: no"),
    "exits": ("raise SystemExit(3)", "PLUGIN failed to import: SystemExit: 3"),
    "vanishes": ("import os; os._exit(0)", "PLUGIN ends the process that imports it, with exit code 0"),
    "dies": (
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "PLUGIN ends the process that imports it, by SIGKILL",
    ),
    "hangs": ("import threading; threading.Event().wait()", "PLUGIN is not done after 8 s of being imported"),
    "prints": (GOOD + "\n    print('hello')", "it prints when it is imported: 'hello'"),
    "shouts": (GOOD + "\n    import os; os.write(1, b'hello')", "it prints when it is imported: 'hello'"),
    "future": (GOOD + "\n    queuectl_api = 2", "PLUGIN is made for version 2 of the plugin API, this queuectl has 1"),
    "empty": ("", "it implements no hook"),
    "unmarked": (changed(("@hookimpl", "")), "queuectl_backoffs has no @hookimpl above it"),
    "misspelled": (
        changed(("queuectl_backoffs", "queuectl_backofs")),
        "PLUGIN implements an unknown hook 'queuectl_backofs'; did you mean 'queuectl_backoffs'?",
    ),
    "nonsense": (changed(('Provider("NAME", Settings)', "3")), "PLUGIN offers a backoff that is no Provider: int"),
    "fixed": (GOOD, "PLUGIN has a name that is built in and cannot be replaced"),
    "builtin": (
        changed(('Provider("NAME"', 'Provider("fixed"')),
        "plugin 'fixed' (queuectl-builtin 1.2.3) offers the backoff 'fixed', but that name is built in",
    ),
    "twice": (
        GOOD + '\n        yield Provider("NAME", Settings)',
        "PLUGIN offers the backoff 'twice' twice",
    ),
    "elsewhere": (
        changed(("NAME", "nowhere")),
        "the entry point 'elsewhere' has not the name of what it offers: backoff 'nowhere'; no entry point leads",
    ),
    "silent": (
        changed((', description="the first wait"', "")),
        "backoff 'silent': the setting 'unit' has no description",
    ),
    "unwritable": (
        changed(("[float,", "[object,"), ("gt=0, ", ""), ("= 1.0", "= None")),
        "backoff 'unwritable': the setting 'unit' is of a type that no YAML can give: object",
    ),
    "unlawful": (
        changed(("= 1.0", "= 0.0")),
        "backoff 'unlawful': the setting 'unit' has a default that it does not take: expected a number above 0, got 0",
    ),
    "unreadable": (
        changed(
            ("[float,", "[Flaot,"), ("from dataclasses", "from __future__ import annotations\n    from dataclasses")
        ),
        "backoff 'unreadable': the types of queuectl_unreadable.Settings cannot be read: name 'Flaot' is not defined",
    ),
    "incomplete": (
        changed(("def delay", "def dealy")),
        "backoff 'incomplete': it has no create, and its settings no delay",
    ),
    "refusing": (
        changed(("def delay", "def __post_init__(self):\n            raise ValueError('never')\n\n        def delay")),
        "backoff 'refusing': it cannot be made of its defaults: ValueError: never",
    ),
    "numbered": (
        changed(
            ('Annotated[float, Meta(gt=0, description="the first wait")] = 1.0', 'float = field(metadata={"help": 3})'),
            ("import dataclass", "import dataclass, field"),
        ),
        "PLUGIN cannot be looked at: AttributeError: 'int' object has no attribute 'strip'",
    ),
    "narrow": (
        changed(("Settings)", "Settings, lambda settings: settings)")),
        "backoff 'narrow': its create does not take the settings and the context",
    ),
    "demanding": (GOOD, "queuectl-demanding requires queuectl >=99, this is 0.1.0"),
    "rival": (GOOD, "RIVALS"),
}
"""By the name of the plugin: its source, and what is wrong with it. PLUGIN stands for how the plugin is named."""


def install(site: Path, name: str, source: str, distribution: str = "", requires: str = "") -> None:
    """Install a plugin of one module as pip would."""
    distribution = distribution or f"queuectl-{name}"
    module = distribution.replace("-", "_")
    about = site / f"{module}-1.2.3.dist-info"
    about.mkdir(parents=True)
    (site / f"{module}.py").write_text(dedent(source).replace("NAME", name))
    metadata = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2.3\n"
    (about / "METADATA").write_text(metadata + (f"Requires-Dist: {requires}\n" if requires else ""))
    (about / "entry_points.txt").write_text(f"[queuectl]\n{name} = {module}\n")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where good plugins and all kinds of wrong ones are installed."""
    site = tmp_path_factory.mktemp("site")
    install(site, "good", GOOD, requires="queuectl>=0.1,<99")
    install(site, "listener", "from queuectl import hookimpl\n@hookimpl\ndef queuectl_notify(event): ...")
    for name, (source, _) in WRONG.items():
        install(site, name, source, requires="queuectl >=99" if name == "demanding" else "")
    install(site, "rival", GOOD, distribution="queuectl-other")
    return site


@pytest.fixture(scope="module")
def checked(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    """What one check tells of all of them."""
    home = tmp_path_factory.mktemp("home")
    done = subprocess.run(
        [sys.executable, "-m", "queuectl", "plugins", "check", "--json", "--timeout", "8s"],
        env=os.environ | {"PYTHONPATH": str(site), "QUEUECTL_HOME": str(home)},
        cwd=home,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, b"")
    told: dict[str, Any] = json.loads(done.stdout)
    assert told["ok"] is False
    return told


def records(checked: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """What is told of the plugins of that name which are not built in."""
    return [each for each in checked["plugins"] if each["name"] == name and each["distribution"] != "queuectl"]


@pytest.mark.parametrize("name", [name for name in WRONG if name != "rival"])
def test_what_is_wrong_is_found(checked: Mapping[str, Any], name: str) -> None:
    """In words that name the plugin, or what is wrong within it."""
    (record,) = records(checked, name)
    wanted = WRONG[name][1].replace("PLUGIN", f"plugin '{name}' (queuectl-{name} 1.2.3)")
    assert "; ".join(record["faults"]).startswith(wanted)
    assert record["ok"] is False
    assert record["location"].endswith(f"queuectl_{name}.py")


def test_a_name_that_two_distributions_have_is_wrong_in_both(checked: Mapping[str, Any]) -> None:
    """Neither is to be preferred."""
    faults = [each["faults"] for each in records(checked, "rival")]
    assert len(faults) == 2
    for (fault,) in faults:
        assert fault.startswith("plugin 'rival' is installed by more than one distribution: ")


@pytest.mark.parametrize("name", ["good", "listener"])
def test_a_good_plugin_is_let_alone(checked: Mapping[str, Any], name: str) -> None:
    """Also where it offers nothing and only listens."""
    (record,) = records(checked, name)
    assert (record["ok"], record["faults"]) == (True, [])


def test_all_that_is_built_in_is_well(checked: Mapping[str, Any]) -> None:
    """What is asked of third parties is asked of us."""
    ours = [each for each in checked["plugins"] if each["distribution"] == "queuectl"]
    assert len(ours) >= 8
    assert [each for each in ours if not each["ok"]] == []


def test_the_same_provider_in_two_plugins_is_wrong_in_both(queuectl: Program, tmp_path: Path) -> None:
    """Given two entry points whose modules offer one name, then each names the other."""
    install(tmp_path / "site", "one", GOOD)
    install(tmp_path / "site", "two", GOOD + '\n        yield Provider("one", Settings)')
    queuectl.env["PYTHONPATH"] = str(tmp_path / "site")
    faults = {row[1]: row[5] for row in queuectl("plugins", "check", "-q", code=1).rows}
    assert "the backoff 'one' is offered by plugin 'two' (queuectl-two 1.2.3) too" in faults["one"]
    assert "the backoff 'one' is offered by plugin 'one' (queuectl-one 1.2.3) too" in faults["two"]


def test_one_plugin_is_checked_alone(queuectl: Program, site: Path) -> None:
    """Nobody else's fault is told, and the configuration is not looked at."""
    queuectl.env["PYTHONPATH"] = str(site)
    ran = queuectl("plugins", "check", "good", code=0)
    assert ran.rows == [["ok", "good", "backoff", "queuectl-good", "1.2.3", ""]]
    assert ran.err == "all is well\n"
    assert queuectl("plugins", "check", "silent", code=1).rows[0][:2] == ["wrong", "silent"]
    assert queuectl("plugins", "check", "goood", code=3).err.startswith(
        "error: no plugin 'goood' is installed; did you mean 'good'?"
    )


def test_on_a_terminal_nothing_is_cut(queuectl: Program, site: Path) -> None:
    """What is wrong is what people came for, however narrow their window."""
    queuectl.env["PYTHONPATH"] = str(site)
    shown = queuectl.on_terminal("--no-color", "plugins", "check", "elsewhere", columns=40, code=1).out
    assert "so nobody can select it\n" in shown


def test_what_the_configuration_names_is_checked(queuectl: Program, tmp_path: Path) -> None:
    """With its place in the file, all of it at once."""
    install(tmp_path / "site", "good", GOOD)
    install(tmp_path / "site", "raises", WRONG["raises"][0])
    queuectl.env["PYTHONPATH"] = str(tmp_path / "site")
    (queuectl.cwd / "queuectl.yaml").write_text(
        "storage: {plugin: nowhere}\nbackoff: {plugin: good, unit: 0}\nplugins: [good, raises]\n"
    )
    told = queuectl("plugins", "check", "--json", code=1).json["configuration"]
    assert told["ok"] is False
    assert told["faults"] == [
        "queuectl.yaml:1:19: storage.plugin: no storage 'nowhere' is installed",
        "queuectl.yaml:2:31: backoff.unit: expected a number above 0, got 0",
        "queuectl.yaml:3:17: plugins: plugin 'raises' (queuectl-raises 1.2.3) failed to import: RuntimeError: no",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("backoff: {plugin: vanishes}\n", "a plugin that it names ends the process that imports it, with exit code 0"),
        ("backoff: [\n", "queuectl.yaml:2:1: "),
    ],
)
def test_a_configuration_that_cannot_be_read_is_a_fault(
    queuectl: Program, tmp_path: Path, text: str, fault: str
) -> None:
    """Be it no YAML, or one whose plugins end whoever imports them."""
    install(tmp_path / "site", "vanishes", WRONG["vanishes"][0])
    queuectl.env["PYTHONPATH"] = str(tmp_path / "site")
    (queuectl.cwd / "queuectl.yaml").write_text(text)
    told = queuectl("plugins", "check", "--json", code=1).json["configuration"]
    assert told["faults"][0].startswith(fault)


def test_all_is_well_without_a_fault(queuectl: Program) -> None:
    """Given no third party and no file, then the code is 0."""
    ran = queuectl("plugins", "check", code=0)
    assert {row[0] for row in ran.rows} == {"ok"}
    assert ran.rows[-1][1] == "configuration"
    assert queuectl("-q", "plugins", "check", code=0).out == ""


def test_a_time_is_a_duration(queuectl: Program) -> None:
    """And nothing else."""
    assert queuectl("plugins", "check", "--timeout", "soon", code=2).err.startswith("error: --timeout: ")


@pytest.mark.parametrize(
    ("requires", "wanted"),
    [
        ("queuectl", None),
        ("queuectl>=1.2", None),
        ("queuectl >=1.2,<2", None),
        ("queuectl[testing]>=1.3", None),
        ("queuectl (>=1.3)", None),
        ("queuectl~=1.2", None),
        ("queuectl~=1.3.1", None),
        ("queuectl==1.*", None),
        ("queuectl==1.3.2", None),
        ("queuectl!=1.3.1", None),
        ("queuectl>=1.3.2.0", None),
        ("queuectl @ file:///somewhere", None),
        ("queuectl>=2; extra == 'later'", None),
        ("queuectl-other>=9", None),
        ("click>=9", None),
        ("queuectl>=2", "queuectl >=2"),
        ("queuectl>1.3.2", "queuectl >1.3.2"),
        ("queuectl<1.3", "queuectl <1.3"),
        ("queuectl<=1.3.1", "queuectl <=1.3.1"),
        ("queuectl>=1,<1.3.2", "queuectl >=1, <1.3.2"),
        ("queuectl[testing]==2", "queuectl ==2"),
        ("queuectl==1.2.*", "queuectl ==1.2.*"),
        ("queuectl!=1.*", "queuectl !=1.*"),
        ("queuectl~=1.2.0", "queuectl ~=1.2.0"),
        ("queuectl~=1.4", "queuectl ~=1.4"),
    ],
)
def test_a_requirement_is_met_or_not(requires: str, wanted: str | None) -> None:
    """By the version 1.3.2, as pip would have it."""
    assert unmet([requires], "1.3.2") == wanted
