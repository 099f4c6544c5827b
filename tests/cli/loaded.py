"""The tasks that a worker of these tests runs: those of the installation, and those of the tests."""

import tasks
from tests.worker import sample_tasks

__all__ = ["sample_tasks", "tasks"]
