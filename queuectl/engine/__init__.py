"""What queuectl does: the queue for clients, the worker and the supervisor for running."""
