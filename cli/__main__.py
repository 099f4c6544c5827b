"""`python -m cli`: the operator's command line."""

import click

from cli.commands import Index
from jobs.settings import serve_nobody

_SECTIONS = {
    "Jobs": {
        "enqueue": ("cli.enqueue:enqueue", "Enqueue a job and print its id."),
        "run": ("cli.run:run", "Run a task here and now, where a debugger reaches it."),
        "tail": ("cli.tail:tail", "Follow the log of a job."),
        "jobs": ("cli.job:jobs", "Find jobs, look at them, act on them."),
        "failures": ("cli.failures:failures", "See dead letters in groups; try them again or delete them."),
        "quarantine": ("cli.quarantine:quarantine", "See records that cannot be run, and why."),
        "tasks": ("cli.catalogue:tasks", "See the tasks and what they take."),
    },
    "Operate": {
        "status": ("cli.status:status", "How it goes, on one screen."),
        "top": ("cli.top:top", "The same, live."),
        "queues": ("cli.queues:queues", "See, pause, resume and empty queues."),
        "schedules": ("cli.schedules:schedules", "See and steer the schedules."),
        "workers": ("cli.workers:workers", "See the workers; stop or drain one."),
        "scale": ("cli.scale:scale", "How many workers the queues need."),
        "memory": ("cli.memory:memory", "What uses the server's memory."),
        "token": ("cli.tokens:token", "Make, list and revoke the tokens of the API."),
        "webhook": ("cli.webhooks:webhook", "Tell other services what happens."),
        "audit": ("cli.audit:audit", "Who did what."),
        "export": ("cli.transfer:export", "Write dead letters and run-time schedules as JSON lines."),
        "import": ("cli.transfer:import_", "Take what `export` wrote."),
    },
    "Build": {
        "check": ("cli.check:check", "Find what would go wrong, before it does."),
        "new-task": ("cli.scaffold:new_task", "Write a task, its test and its import."),
        "openapi": ("cli.openapi:openapi", "Print the description of the HTTP API."),
        "all-in-one": ("cli.allinone:all_in_one", "Run web, worker and clock in one small machine or dyno."),
        "demo": ("cli.demo:demo", "Enqueue demonstration jobs."),
        "completion": ("cli.completion:completion", "Print what makes your shell complete these words."),
    },
}


@click.command(cls=Index, sections=_SECTIONS, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Look after Nightshift from a terminal.

    Every command explains itself with --help and speaks JSON with --json. Exit codes: 0 done, 1 it could not be done,
    2 wrong usage, 3 the job failed, 4 it took too long.
    """


if __name__ == "__main__":
    serve_nobody()  # also where words are completed
    main(prog_name="bin/jobs", complete_var="_NIGHTSHIFT_COMPLETE")
