"""Runs commands that read, one a line, as long as it is asked: starting Django for each costs a second of a
core.
"""

import io
import json
import os
import sys

import django
from django.core.management import call_command
from django.db import connection


def main() -> None:
    """Each line a JSON list of the command's words; each answer a line, the command's standard output as a
    JSON string.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commlog.settings")
    django.setup()
    for line in sys.stdin:
        output = io.StringIO()
        call_command(*json.loads(line), stdout=output)
        connection.close()
        print(json.dumps(output.getvalue()), flush=True)


if __name__ == "__main__":
    main()
