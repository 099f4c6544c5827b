"""`python -m cli`: the operator's command line."""

import click

from cli.allinone import all_in_one
from cli.check import check
from cli.demo import demo
from cli.schedules import schedules


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Look after Nightshift from a terminal."""


main.add_command(all_in_one)
main.add_command(check)
main.add_command(demo)
main.add_command(schedules)

if __name__ == "__main__":
    main(prog_name="bin/jobs")
