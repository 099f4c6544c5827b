"""The catalogue: which tasks there are and what they take."""

from pydantic import BaseModel
from werkzeug.wrappers import Response

from jobs import registry
from jobs.errors import UnknownTask
from jobs.registry import Task
from jobs.tokens import Scope

from ..access import caller, needs
from ..answers import answers, show_unless_known
from ..resource import resource
from ..schemas.tasks import TasksView, TaskView

api = resource("tasks", __name__, __doc__)


class TaskPath(BaseModel):
    """A task's name."""

    name: str


@api.get("/tasks", responses={200: TasksView}, openapi_extensions=answers(headers={200: ("ETag",)}))
@needs(Scope.READ)
def list_tasks() -> Response:
    """List the tasks this token may use."""
    tasks = [task for task in registry.all_tasks() if caller().may_use(task.name)]
    return show_unless_known(TasksView(tasks=[_view(task) for task in tasks]))


@api.get("/tasks/<name>", responses={200: TaskView}, openapi_extensions=answers(404, headers={200: ("ETag",)}))
@needs(Scope.READ)
def show_task(path: TaskPath) -> Response:
    """Show one task with the JSON Schema of its arguments."""
    task = registry.find(path.name)
    if not caller().may_use(task.name):
        raise UnknownTask(path.name)
    return show_unless_known(_view(task))


def _view(task: Task) -> TaskView:
    return TaskView(
        name=task.name,
        description=task.description,
        queue=task.queue,
        timeout=task.timeout,
        retries=task.retry.max,
        arguments=task.schema(),
    )
