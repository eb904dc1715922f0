"""The small integers that stand for states and phases in the database. Never renumber them."""

from __future__ import annotations

from queuectl import State

PENDING, PROCESSING, FAILED, COMPLETED, DEAD, CANCELLED = range(6)
"""What people see of a job. All that is below COMPLETED is live."""

ARRIVED = 6
"""Stands in the place of a state where it is counted how many jobs came to be live, ever."""

STATES = (State.PENDING, State.PROCESSING, State.FAILED, State.COMPLETED, State.DEAD, State.CANCELLED)
CODE_OF_STATE = {state: code for code, state in enumerate(STATES)}

READY, DUE, LEASED, HELD, DONE, PARKED = range(6)
"""What can be done with a job now; the indexes go by this.

READY: a worker may claim it. DUE: it waits for its time. LEASED: a worker has it (just when its state is PROCESSING).
HELD: a person keeps it back. DONE: nothing is left to do. PARKED: it was its turn, but as many jobs of its limit key
run as may; one is made ready whenever another of the key leaves.
"""
