"""python -m tests.recipes.tour: what there is to see of the channel FAX, in a tree that has it, with a database of its own."""

import os

import django
from django.core.management import call_command
from django.test.utils import setup_test_environment

os.environ["DJANGO_SETTINGS_MODULE"] = "commlog.settings"


def main() -> None:
    """Make the database, and go everywhere."""
    django.setup()
    call_command("makemigrations", verbosity=0)
    call_command("migrate", verbosity=0)
    setup_test_environment()
    from tests.recipes import stations  # once there are models

    stations.visit()


if __name__ == "__main__":
    main()
