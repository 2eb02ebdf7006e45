"""python -m tests.recipes.tour: what there is to see of the channel FAX and the field campaign, in a tree
that has them.
"""

import os
from pathlib import Path

import django
from django.core.management import call_command
from django.test.utils import setup_test_environment

os.environ["DJANGO_SETTINGS_MODULE"] = "commlog.settings"


def main() -> None:
    """Make the database, and go everywhere."""
    django.setup()
    call_command("makemigrations", verbosity=0)
    add_online()
    call_command("migrate", verbosity=0)
    setup_test_environment()
    from tests.recipes import stations  # once there are models

    stations.visit()


def add_online() -> None:
    """Have the new column added without a copy of its table, as the recipe of migrations says."""
    made = max(Path("notifications/migrations").glob("0*.py"))
    text = made.read_text().replace("migrations.AddField(", "AddFieldOnline(")
    made.write_text(
        text.replace(
            "\n\nclass ", "from notifications.migrations._online import AddFieldOnline\n\n\nclass ", 1
        )
    )


if __name__ == "__main__":
    main()
