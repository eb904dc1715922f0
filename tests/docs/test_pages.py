"""Every example in the README and the documentation that can run is run, and every link leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from queuectl.config import load_config

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
RUN = re.compile(r"^```(?:console|python)", re.MULTILINE)
YAML = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


def named(page: Path) -> str:
    """The path as a person would say it."""
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [page for page in PAGES if RUN.search(page.read_text())], ids=named)
def test_examples_are_true(page: Path, check: Callable[[Path], None]) -> None:
    """Given an empty home, when a page's examples are typed from top to bottom, then they show what it says."""
    check(page)


@pytest.mark.parametrize("page", [page for page in PAGES if YAML.search(page.read_text())], ids=named)
def test_configurations_are_valid(page: Path, tmp_path: Path) -> None:
    """Given any YAML of a page as configuration, then all of it resolves."""
    for number, text in enumerate(YAML.findall(page.read_text())):
        file = tmp_path / f"{number}.yaml"
        file.write_text(text)
        config = load_config(file, environ={"QUEUECTL_HOME": str(tmp_path)})
        config.resolve_all()
        assert config.file == file


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page: Path) -> None:
    """Given a link to a file or to a heading, then it is there."""
    for path, heading in LINK.findall(page.read_text()):
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{named(page)} links to {path}"
        if heading:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in headings}
            assert heading in anchors, f"{named(page)} links to {path}#{heading}"


def test_no_page_is_lost() -> None:
    """Given a page of the documentation, then the index leads to it."""
    index = ROOT / "docs" / "README.md"
    linked = {(index.parent / path).resolve() for path, _ in LINK.findall(index.read_text())}
    assert {page for page in (ROOT / "docs").rglob("*.md") if page != index} <= linked
