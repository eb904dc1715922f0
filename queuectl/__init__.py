"""queuectl: run commands in the background and do not lose them."""
