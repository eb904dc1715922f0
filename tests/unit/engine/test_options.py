"""What type checkers know of a job's options is what the intake reads."""

from __future__ import annotations

import typing

from queuectl.engine.fields import READERS
from queuectl.engine.options import JobOptions


def test_every_field_but_the_command_is_an_option() -> None:
    """A field that is added to the one is added to the other."""
    assert typing.get_type_hints(JobOptions).keys() | {"command"} == READERS.keys()
    assert not JobOptions.__required_keys__
