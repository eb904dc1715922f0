"""PostgreSQL: queuectl beside two queues that are made for it, in the same run on the same server."""
