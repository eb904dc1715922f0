"""Floods of jobs and of those who enqueue them, and workers that run for long."""
