"""What is wrong with a plugin that can be imported, as far as it can be told without a configuration.

Nothing is created: `create` may open a store or reach for a server, which is no business of a check.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from types import ModuleType, NoneType
from typing import Any

from queuectl.commands.plugins_report import roles
from queuectl.config.bind import Binder
from queuectl.config.explain import to_json
from queuectl.config.fields import Field, alternatives, bare, element_of, fields_of, mapped_by
from queuectl.config.find import Places
from queuectl.config.problems import Problems
from queuectl.config.reading import reader_of
from queuectl.config.tree import Source, from_plain
from queuectl.errors import PluginError
from queuectl.registry import Found, PluginInfo
from queuectl.registry.blame import walled
from queuectl.registry.seams import lacking
from queuectl.registry.soundness import hook_names


def faults_of(info: PluginInfo, module: ModuleType, names: Collection[str]) -> Iterator[str]:
    """Return what is wrong, a line each. `names` are those under which the module is installed."""
    yield from _without_mark(info, module)
    if info.offers and not roles(info.hooks) and info.entry.name not in {found.name for found in info.offers}:
        offered = ", ".join(f"{found.kind} '{found.name}'" for found in info.offers)
        yield f"the entry point '{info.entry.name}' has not the name of what it offers: {offered}"
    for found in info.offers:
        if found.name not in names:
            yield f"no entry point leads to its {found.kind} '{found.name}', so nobody can select it"
        yield from _of_provider(found)


def _without_mark(info: PluginInfo, module: ModuleType) -> Iterator[str]:
    """Return the functions that look like hooks and are none: the likeliest reason why a plugin does nothing."""
    for name in hook_names():
        if name not in info.hooks and inspect.isfunction(getattr(module, name, None)):
            yield f"{name} has no @hookimpl above it"
    if not info.hooks:
        yield "it implements no hook"


def _of_provider(found: Found) -> Iterator[str]:
    what = f"{found.kind} '{found.name}'"
    try:
        fields = fields_of(found.provider.settings)
    except PluginError as error:
        yield f"{what}: {error.message}"
        return
    for field in fields.values():
        yield from (f"{what}: the setting '{field.key}' {fault}" for fault in _of_setting(field, found))
    if found.provider.create is not None:
        if not _takes_two(found.provider.create):
            yield f"{what}: its create does not take the settings and the context"
    else:
        yield from (f"{what}: {fault}" for fault in _of_component(found, fields))


def _of_setting(field: Field, found: Found) -> Iterator[str]:
    if not field.description.strip():
        yield "has no description"
    if not _can_be_written(field.type):
        yield f"is of a type that no YAML can give: {getattr(bare(field.type), '__name__', bare(field.type))}"
    elif not field.required:
        problems = Problems()
        node = from_plain({field.name: to_json(field.default)}, Source(""))
        Binder(Places({}, Path.cwd()), problems).values(found.provider.settings, node, "")
        yield from (f"has a default that it does not take: {problem.text}" for problem in problems.found)


def _can_be_written(annotation: Any) -> bool:
    return all(_has_form(bare(member)) for member in alternatives(annotation))


def _has_form(kind: Any) -> bool:
    if kind in (Any, NoneType, Path) or reader_of(kind) is not None or is_dataclass(kind):
        return True
    element, mapped = element_of(kind), mapped_by(kind)
    if element is not None:
        return _can_be_written(element[0])
    if mapped is not None:
        return _can_be_written(mapped[1])
    from msgspec import inspect as types

    return not isinstance(types.type_info(kind), types.CustomType)


def _takes_two(create: Any) -> bool:
    try:
        inspect.signature(create).bind(None, None)
    except TypeError:
        return False
    except ValueError:  # something of C, which does not say
        return True
    return True


def _of_component(found: Found, fields: Mapping[str, Field]) -> Iterator[str]:
    """Without `create` the settings are the component."""
    settings = found.provider.settings
    missing = lacking(found.kind, settings)
    if missing is not None:
        yield f"it has no create, and its settings no {missing}"
    elif not any(field.required for field in fields.values()):
        try:
            walled(PluginError, settings)
        except PluginError as error:
            yield f"it cannot be made of its defaults: {error.message}"
