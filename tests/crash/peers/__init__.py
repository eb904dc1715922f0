"""How job queues fail where they are used: each failure is a test that this one passes, with the real program."""
