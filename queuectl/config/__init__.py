"""The configuration: found, read, checked, explained and edited."""

from queuectl.config.choice import Choice
from queuectl.config.config import Config
from queuectl.config.load import load_config
from queuectl.config.settings import JobDefaults, Retention, WorkerSettings

__all__ = ["Choice", "Config", "JobDefaults", "Retention", "WorkerSettings", "load_config"]
