#!/usr/bin/env python
"""Django's command line for Commlog."""

import os
import sys

from django.core.management import execute_from_command_line

from commlog.demo import environment

if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in environment.COMMANDS:
        # Before any setting is read: a demo never meets the database or the providers that the shell may name.
        kept = environment.cleaned(os.environ)
        os.environ.clear()
        os.environ.update(kept)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commlog.settings")
    execute_from_command_line(sys.argv)
