"""What can be done to a job, and to which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from jobs import bulk, control


@dataclass(frozen=True, slots=True)
class Verb:
    """An action: what does it, the words for it, and the states of the jobs it is for."""

    act: Callable[[str], None]
    name: str
    done: str
    fits: frozenset[str]

    @property
    def destroys(self) -> bool:
        """Whether a person is asked first."""
        return self.name != "Retry"


VERBS: Mapping[str, Verb] = {
    "retry": Verb(control.requeue, "Retry", "enqueued again", bulk.FITS["retry"]),
    "cancel": Verb(control.cancel, "Cancel", "canceled", bulk.FITS["cancel"]),
    "delete": Verb(control.delete, "Delete", "deleted", bulk.FITS["delete"]),
}
