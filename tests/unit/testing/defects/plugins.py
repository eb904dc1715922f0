"""Plugins with one defect each: sources of modules, made of a sound one by putting something in the place of a line."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent

SOUND = '''\
"""A backoff in one file."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta
from queuectl import Context, Failure, Provider, hookimpl

queuectl_api = 1


@dataclass(frozen=True, kw_only=True)
class Steady:
    """Waits."""

    unit: Annotated[float, Meta(ge=0, description="seconds to wait")] = 1.0

    def delay(self, failure: Failure) -> float:
        """Return the seconds to the next attempt."""
        return self.unit


def create(settings: Steady, context: Context) -> Steady:
    """Build it."""
    return settings


@hookimpl
def queuectl_backoffs():
    """Offer it."""
    yield Provider("steady", Steady, create, summary="the same wait each time")
'''


@dataclass(frozen=True)
class Defect:
    """What makes the sound plugin a broken one: a piece of its source, and what stands there in its place.

    With `points` it is a package of an installed distribution, which has entry points of these names and more
    `metadata`.
    """

    name: str
    piece: str = ""
    other: str = ""
    points: tuple[str, ...] = ()
    metadata: str = ""

    def __str__(self) -> str:
        return self.name

    @property
    def source(self) -> str:
        """The source of the module."""
        assert self.piece in SOUND
        return SOUND.replace(self.piece, self.other)


def _after_imports(name: str, line: str) -> Defect:
    return Defect(name, "queuectl_api = 1\n", f"queuectl_api = 1\n{line}\n")


def _more_hooks(name: str, lines: str) -> Defect:
    return Defect(name, "\n\n@hookimpl\n", f"\n\n{dedent(lines)}\n\n@hookimpl\n")


BROKEN = {
    _after_imports("FailsToImport", "import a_module_that_nobody_has"): "test_it_can_be_imported",
    _after_imports("Prints", 'print("steady is ready")'): "test_its_import_is_silent",
    _after_imports(
        "StartsAThread", "import threading, time\nthreading.Thread(target=time.sleep, args=[0.5], daemon=True).start()"
    ): "test_its_import_starts_nothing",
    _after_imports(
        "StartsAProcess",
        # Not where the tests run, who would be left with it.
        'import os, sys\nif "pytest" not in sys.modules:\n    os.posix_spawn("/bin/sleep", ["sleep", "0.5"], {})',
    ): "test_its_import_starts_nothing",
    _after_imports("WritesAFile", 'open("steady.log", "w").close()'): "test_its_import_writes_nothing",
    _after_imports("ImportsMuch", "import asyncio"): "test_its_import_is_light",
    _after_imports("LooksInside", "from queuectl.model.job import Job"): "test_it_imports_what_queuectl_exports",
    Defect("WrongVersion", "queuectl_api = 1", "queuectl_api = 2"): "test_it_is_made_for_this_api",
    Defect("Misspelled", "def queuectl_backoffs", "def queuectl_backofs"): "test_its_hooks_are_known",
    Defect("AsksForMore", "queuectl_backoffs()", "queuectl_backoffs(config)"): "test_its_hooks_are_known",
    _more_hooks(
        "Executes", "@hookimpl\ndef queuectl_execute(job, context):\n    return None\n"
    ): "test_its_hooks_are_known",
    Defect("Unmarked", "@hookimpl\n", ""): "test_it_implements_a_hook",
    Defect("NoDataclass", "@dataclass(frozen=True, kw_only=True)\n", ""): "test_its_providers_are_sound",
    Defect("TakesOurKey", "unit", "plugin"): "test_its_providers_are_sound",
    Defect("Raises", "    yield Provider", "    raise OSError\n    yield Provider"): "test_its_providers_are_sound",
    Defect("NamedLikeABuiltIn", '"steady"', '"exponential"'): "test_its_names_are_its_own",
    Defect("OffersTwice", "    yield", '    yield Provider("steady", Steady, summary="x")\n    yield'): (
        "test_its_names_are_its_own"
    ),
    Defect("Wordless", ', summary="the same wait each time"', ""): "test_its_providers_have_summaries",
    Defect("Undescribed", ', description="seconds to wait"', ""): "test_its_settings_are_described",
    Defect("OutOfItsLimits", "= 1.0", "= -1.0"): "test_its_defaults_fit_its_settings",
    Defect("OfAnotherType", "= 1.0", '= "a second"'): "test_its_defaults_fit_its_settings",
    Defect("MakesNothing", "    return settings\n", "    return None\n"): "test_its_components_can_be_made",
    Defect("CannotBeMade", "    return settings\n", "    raise OSError(context.data)\n"): (
        "test_its_components_can_be_made"
    ),
    Defect("WantsASetting", " = 1.0", ""): "test_its_components_can_be_made",
    _more_hooks(
        "HidesAVerb",
        """
        @hookimpl
        def queuectl_commands(group):
            import click
            group.add_command(click.Command("enqueue"))
        """,
    ): "test_its_commands_can_be_added",
    Defect("Unlisted", points=("other",)): "test_every_provider_has_an_entry_point",
    Defect("CalledTyped", points=("steady",), metadata="Classifier: Typing :: Typed\n"): (
        "test_what_is_called_typed_is_marked_as_typed"
    ),
}
"""Each with the one clause that it breaks."""
