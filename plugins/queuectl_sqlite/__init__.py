"""A built-in plugin of queuectl."""
