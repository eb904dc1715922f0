"""Installed: what the distribution of a plugin says, where it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

import pytest

from queuectl.testing.contract.offering import Offer

_TYPED = "Typing :: Typed"


class Installed:
    """The clauses of entry points and metadata."""

    @pytest.fixture
    def points(self, plugin: str) -> Sequence[EntryPoint]:
        """Return the entry points that lead to the plugin; skips the clause where there are none."""
        points = [point for point in entry_points(group="queuectl") if point.value == plugin]
        if not points:
            pytest.skip(f"no distribution is installed that has an entry point for {plugin}")
        return points

    def test_every_provider_has_an_entry_point(self, points: Sequence[EntryPoint], offers: Sequence[Offer]) -> None:
        """Each provider's name is an entry point of the group `queuectl`: it is found by that name."""
        names = {point.name for point in points}
        assert [provider.name for _, provider in offers if provider.name not in names] == []

    def test_what_is_called_typed_is_marked_as_typed(self, plugin: str, points: Sequence[EntryPoint]) -> None:
        """A distribution that says it is typed has `py.typed` in its outermost package, or type checkers ignore it."""
        spec = importlib.util.find_spec(plugin.partition(".")[0])
        folders = (spec and spec.submodule_search_locations) or []
        says_so = any(point.dist and _TYPED in point.dist.metadata.get_all("Classifier", []) for point in points)
        assert not says_so or all((Path(folder) / "py.typed").is_file() for folder in folders)
