"""`bin/jobs completion`: the script that makes a shell complete these words."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from cli.commands import Command
from cli.output import emitted

_VARIABLE, _NAME = "_NIGHTSHIFT_COMPLETE", "bin/jobs"
_ALSO = {
    "bash": "\ncomplete -o nosort -F _binjobs_completion ./bin/jobs\n",
    "zsh": "\ncompdef -p _binjobs_completion '*/bin/jobs'\n",
}


@click.command(cls=Command, examples=["completion bash > ~/.nightshift-completion; . ~/.nightshift-completion"])
@click.argument("shell", type=click.Choice(["bash", "zsh"]))
def completion(shell: str) -> None:
    """Print the completion script of a shell: commands, tasks and their arguments, jobs, queues, schedules.

    Load it where your shell starts, such as in ~/.bashrc.
    """
    kind = get_completion_class(shell)
    assert kind is not None
    root = click.get_current_context().find_root().command
    script = _by_path(kind(root, {}, _NAME, _VARIABLE).source()) + _ALSO[shell]
    if not emitted({"shell": shell, "script": script}):
        click.echo(script)


def _by_path(script: str) -> str:
    """click looks for the command on PATH, and calls it by its name; ours is called by the path that was typed."""
    lines = [line for line in script.splitlines() if "$+commands[" not in line]
    return "\n".join(lines).replace("zsh_complete bin/jobs", "zsh_complete ${words[1]}") + "\n"
