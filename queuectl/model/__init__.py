"""Job, attempt, outcome, event and the four seams: plain frozen data and Protocols."""
