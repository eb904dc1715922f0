"""The shares of a lease, in their order: a worker that nobody hears ends what it runs, then others take it over.

All count from the last proof of life that was stored. What is left between two of them is for commands to end, and for
others to notice.
"""

from __future__ import annotations

EXPIRED = 5 / 6
"""To the storage its leases have run out: it may be taken over, which is done when the whole lease is over."""

PROVEN = EXPIRED / 3
"""How old a proof may be while something runs: a storage renews it after a third of what it takes for the lease, if not
sooner."""

ENDED = 2 / 3
"""A worker that could not store another proof ends what it runs."""
