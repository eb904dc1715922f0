"""The names of all events. They stand apart from what an event is, since the configuration is read by every command."""

EVENT_NAMES = frozenset(
    {
        "job.enqueued",
        "job.started",
        "job.completed",
        "job.failed",
        "job.dead",
        "job.lost",
        "job.cancelled",
        "job.requeued",
        "queue.drained",
        "worker.started",
        "worker.stopped",
        "worker.lost",
    }
)
