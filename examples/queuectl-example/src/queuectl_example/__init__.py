"""One plugin of each kind, to read and to copy.

Each module, or package, here is a plugin of its own: it stands under `[project.entry-points.queuectl]` in
pyproject.toml, and is imported when a configuration names it and not before. So this file imports none of them.
"""
