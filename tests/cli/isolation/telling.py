"""How people are told of a plugin."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def named(name: str, distribution: str = "") -> str:
    """How a plugin that was installed here is named."""
    return f"plugin '{name}' (queuectl-{distribution or name} 1.2.3)"


def logged(text: str, plugin: str, distribution: str = "") -> list[Mapping[str, Any]]:
    """What a worker's log says of a plugin; a pipe gets a line of JSON for each."""
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("plugin") == named(plugin, distribution)]
