"""Every budget, measured beside what it is to be compared with."""
