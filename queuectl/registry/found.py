"""A plugin as it is installed, and a provider as it was found in one."""

from __future__ import annotations

from msgspec import Struct

from queuectl.hookspecs import Provider


class Entry(Struct, frozen=True):
    """An entry point: a name and a module, which may or may not be importable.

    `distribution` is None for what comes with queuectl itself.
    """

    name: str
    module: str
    distribution: str | None = None
    version: str | None = None

    def __str__(self) -> str:
        """Name the plugin and where it comes from."""
        if self.distribution is None:
            return f"plugin '{self.name}' (built in)"
        return f"plugin '{self.name}' ({' '.join(filter(None, (self.distribution, self.version)))})"


class Found(Struct, frozen=True):
    """A provider, and the plugin that offers it. `distribution` and `version` are None for what is built in."""

    kind: str
    provider: Provider
    module: str
    distribution: str | None = None
    version: str | None = None

    @property
    def name(self) -> str:
        """The provider's name, as the configuration says it."""
        return self.provider.name

    @property
    def builtin(self) -> bool:
        """Whether it comes with queuectl."""
        return self.distribution is None

    def __str__(self) -> str:
        """Name the plugin and where it comes from."""
        return str(Entry(self.name, self.module, self.distribution, self.version))


class PluginInfo(Struct, frozen=True):
    """What an installed plugin offers, or the error that keeps it from being used."""

    entry: Entry
    offers: tuple[Found, ...] = ()
    hooks: tuple[str, ...] = ()
    error: str | None = None
