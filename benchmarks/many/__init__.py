"""Many: workers, jobs at once, and processes that write to one store."""
