"""Kinds of values that several commands take, with suggestions and completion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from queuectl.errors import UsageError
from queuectl.model.job import State

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class StateName(click.ParamType):  # type: ignore[type-arg]  # generic only in newer releases of click
    """The name of a state, in any case."""

    name = "state"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> State:
        """Return the state. Raises UsageError, with the nearest name or all of them as the hint."""
        try:
            return State(value.lower())
        except ValueError:
            from difflib import get_close_matches

            near = get_close_matches(value.lower(), list(State), n=1)
            hint = f"did you mean {near[0]}?" if near else f"the states are {', '.join(State)}"
            raise UsageError(f"--state: no such state: {value}", hint=hint) from None

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete the names of states."""
        from click.shell_completion import CompletionItem

        return [CompletionItem(state) for state in State if state.startswith(incomplete.lower())]
