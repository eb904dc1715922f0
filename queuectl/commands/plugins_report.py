"""What there is to tell of a plugin that is imported in this process."""

from __future__ import annotations

import sys
from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from queuectl.errors import PluginError
from queuectl.registry import Entry, Found, Registry

if TYPE_CHECKING:
    from queuectl.config.fields import Field


class Report(Struct, frozen=True, kw_only=True):
    """A plugin: what it offers, the error that keeps it from being used, and what else is wrong with it."""

    location: str | None = None
    hooks: tuple[str, ...] = ()
    providers: tuple[dict[str, Any], ...] = ()
    error: str | None = None
    faults: tuple[str, ...] = ()


def report_of(entry: Entry, siblings: Collection[str]) -> Report:
    """Import a plugin and tell what there is to tell. `siblings` are all the names that lead to its module."""
    from queuectl.commands.plugins_faults import faults_of

    info = Registry().examine(entry)
    module = sys.modules.get(entry.module)
    return Report(
        location=getattr(module, "__file__", None) or location_of(entry),
        hooks=info.hooks,
        # What stands under another name is told there.
        providers=tuple(
            _provider(each) for each in info.offers if each.name == entry.name or each.name not in siblings
        ),
        error=info.error,
        faults=() if info.error is not None or module is None else tuple(faults_of(info, module, siblings)),
    )


def location_of(entry: Entry) -> str | None:
    """Return where a plugin's package is, without importing it."""
    from importlib.util import find_spec

    try:
        spec = find_spec(entry.module.partition(".")[0])
    except (ImportError, ValueError):
        return None
    return spec.origin if spec is not None else None


def roles(info_hooks: Collection[str]) -> list[str]:
    """Return what a plugin does besides offering something."""
    kinds = {"queuectl_notify": "listener", "queuectl_execute": "wrapper", "queuectl_commands": "commands"}
    return [role for hook, role in kinds.items() if hook in info_hooks]


def _provider(found: Found) -> dict[str, Any]:
    from queuectl.config.fields import fields_of

    provider = found.provider
    about: dict[str, Any] = {"kind": found.kind, "name": found.name, "summary": provider.summary}
    if found.kind == "notifier":
        about["events"] = None if provider.events is None else sorted(provider.events)
    try:
        about["settings"] = [_setting(field) for field in fields_of(provider.settings).values()]
    except PluginError as error:
        about |= {"settings": [], "error": error.message}
    return about


def _setting(field: Field) -> dict[str, Any]:
    from queuectl.config.expectation import expected
    from queuectl.config.explain import to_json, typed
    from queuectl.config.fields import alternatives, limits, takes

    takes_null = takes(field.type, type(None))
    about = {"key": field.key, "takes": expected(field.type) + (", or null" if takes_null else "")}
    bounds = {name: to_json(bound) for each in alternatives(field.type) for name, bound in limits(each).items()}
    default = {} if field.required else {"default": to_json(field.default), "default_typed": typed(field.default)}
    return {**about, "limits": bounds, "required": field.required, **default, "description": field.description}
