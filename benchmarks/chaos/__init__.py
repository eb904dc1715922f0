"""Chaos: thousands of jobs under random kills, and a checker of what all sides wrote meanwhile."""
