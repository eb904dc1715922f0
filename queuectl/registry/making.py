"""Making a component of a provider, and whether it is what its kind must be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from queuectl.errors import PluginError, QueuectlError
from queuectl.hookspecs import Context
from queuectl.registry.blame import brief, shown, walled
from queuectl.registry.found import Found

if TYPE_CHECKING:
    from queuectl.registry.trace import Trace


def make(found: Found, settings: Any, context: Callable[[], Context], trace: Trace | None = None) -> Any:
    """Build a component. What goes wrong in a third party's plugin is an error that names it.

    That is a PluginError, but for errors of ours that the plugin raises itself: those keep their kind, since a storage
    may well say that it is busy.
    """
    component = _created(found, settings, context, trace)
    if not found.builtin:
        _must_be_whole(found, component)
        if found.kind == "storage":
            from queuectl.registry.guard import guarded

            component = guarded(found, component)
    return component if trace is None else _traced(found, component, trace)


def name_in(error: QueuectlError, what: str) -> None:
    """Put in front of an error of ours whose it is, once."""
    if what not in error.message:
        error.message = f"{what}: {error.message}"
        error.args = (error.message,)


def _created(found: Found, settings: Any, context: Callable[[], Context], trace: Trace | None) -> Any:
    create = found.provider.create
    if create is None:
        return settings
    given = context()
    if trace is not None:
        create = trace.around(found, "create", create)
    if found.builtin:
        return create(settings, given)

    what = f"{found} could not make its {found.kind}"
    try:
        return create(settings, given)
    except KeyboardInterrupt:  # is not the plugin's doing
        raise
    except QueuectlError as error:
        name_in(error, what)
        raise
    except BaseException as error:  # a wall: it is a plugin's code
        raise PluginError(f"{what}: {brief(error)}") from error


def _must_be_whole(found: Found, component: object) -> None:
    from queuectl.registry.seams import lacking

    def blame(why: str) -> PluginError:
        return PluginError(f"{found} made a {found.kind} that cannot be looked at: {why}")

    missing = walled(blame, lacking, found.kind, component)
    if missing is not None:
        raise PluginError(f"{found} made {shown(component)} where a {found.kind} was expected: it has no {missing}")


def _traced(found: Found, component: object, trace: Trace) -> object:
    from queuectl.registry.seams import Proxy, methods_of

    names = methods_of(found.kind, component)
    return Proxy(component, {name: trace.around(found, name, getattr(component, name)) for name in names})
