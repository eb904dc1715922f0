"""Find plugins by the names that the configuration uses, and import those that are asked for and no others.

This package alone knows pluggy's manager and entry points.
"""

from queuectl.registry.builtins import BUILTINS, COMMANDS
from queuectl.registry.found import Entry, Found, PluginInfo
from queuectl.registry.registry import Registry

__all__ = ["BUILTINS", "COMMANDS", "Entry", "Found", "PluginInfo", "Registry"]
