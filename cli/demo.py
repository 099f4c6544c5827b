"""`demo`: real jobs on the files in samples/, so that the first screen is alive."""

import click


@click.command()
def demo() -> None:
    """Enqueue jobs of all shipped tasks on the files in samples/."""
