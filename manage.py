#!/usr/bin/env python
"""Django's command line for Commlog."""

import os
import sys
from collections.abc import Mapping

from django.core.management import execute_from_command_line

from commlog.demo import environment


def _for_a_demo(arguments: list[str]) -> list[str]:
    """Take the demo's environment, and return the arguments without the option."""
    from commlog.demo import runner  # a fifth of a second that no other command has to wait

    try:
        arguments, variables = runner.taken_out(arguments, dict(os.environ))
    except runner.CannotRun as error:
        sys.exit(str(error))
    _become(variables)
    return arguments


def _become(variables: Mapping[str, str]) -> None:
    """Replace the environment, before any setting is read."""
    os.environ.clear()
    os.environ.update(variables)


if __name__ == "__main__":
    arguments = sys.argv
    if any(map(environment.is_for_a_demo, arguments[1:])):
        arguments = _for_a_demo(arguments)
    elif arguments[1:2] and arguments[1] in environment.COMMANDS:
        # A demo never meets the database or the providers that the shell may name.
        _become(environment.cleaned(dict(os.environ)))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", environment.SETTINGS)
    execute_from_command_line(arguments)
