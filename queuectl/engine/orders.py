"""The signals by which a supervisor tells its workers to stop: nobody else sends these."""

from __future__ import annotations

import signal

from queuectl.model.worker import StopMode

ORDERS = {signal.SIGUSR2: StopMode.FINISH, signal.SIGUSR1: StopMode.FORCE}
SIGNALS = {mode: number for number, mode in ORDERS.items()}
