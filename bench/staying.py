"""A long-running process: `python -m bench.staying MODULE` runs that module's `run(*words)` for each line.

Starting Django for each would cost a second of a core.
"""

import io
import json
import os
import sys
import traceback
from contextlib import redirect_stdout
from importlib import import_module

import django
from django.core.management import call_command
from django.db import connection


def run(*words: str) -> None:
    """Run a command of manage.py."""
    call_command(*words, stdout=sys.stdout)


def main() -> None:
    """Answer each line, a JSON list of words, with a line.

    The answer is a JSON list of what was printed and the traceback of a failure.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commlog.settings")
    django.setup()
    answers, run = sys.stdout, import_module(sys.argv[1]).run
    for line in sys.stdin:
        failed = ""
        with redirect_stdout(io.StringIO()) as output:
            try:
                run(*json.loads(line))
            except (Exception, SystemExit):
                failed = traceback.format_exc()
        connection.close()
        print(json.dumps([output.getvalue(), failed]), file=answers, flush=True)


if __name__ == "__main__":
    main()
