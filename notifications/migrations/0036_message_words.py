"""The words of messages in a table of their own, with the index of the database's own search.

The tables are empty: the cluster fills them.
"""

from typing import Any

import django.db.models.deletion
import notifications.models.message_words
from django.db import migrations, models

_TABLE = "notifications_messagewords"
_FORWARDS = {
    # What is written is merged into the index by whoever fills it in, a little at a time: a search reads
    # all that is not.
    "postgresql": (
        f"CREATE INDEX {_TABLE}_words ON {_TABLE} USING gin (words) WITH (gin_pending_list_limit = 1024)",
    ),
    "sqlite": (
        f"CREATE VIRTUAL TABLE {_TABLE}_fts USING fts5(words, content='{_TABLE}', content_rowid='message_id', "
        "tokenize=\"ascii tokenchars '#%%$'\")",
        f"CREATE TRIGGER {_TABLE}_added AFTER INSERT ON {_TABLE} BEGIN "
        f"INSERT INTO {_TABLE}_fts(rowid, words) VALUES (new.message_id, new.words); END",
        f"CREATE TRIGGER {_TABLE}_removed AFTER DELETE ON {_TABLE} BEGIN "
        f"INSERT INTO {_TABLE}_fts({_TABLE}_fts, rowid, words) VALUES ('delete', old.message_id, old.words); END",
    ),
}
_BACKWARDS = {
    "postgresql": (),
    "sqlite": (f"DROP TRIGGER {_TABLE}_added", f"DROP TRIGGER {_TABLE}_removed", f"DROP TABLE {_TABLE}_fts"),
}


def _index(apps: Any, schema_editor: Any) -> None:
    for statement in _FORWARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, ())
    apps.get_model("notifications", "WordsReach").objects.create(pk=1)


def _remove(apps: Any, schema_editor: Any) -> None:
    for statement in _BACKWARDS[schema_editor.connection.vendor]:
        schema_editor.execute(statement, ())


class Migration(migrations.Migration):
    dependencies = [("notifications", "0035_erasure")]

    operations = [
        migrations.CreateModel(
            name="WordsReach",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("floor", models.BigIntegerField(default=0)),
                ("reach", models.BigIntegerField(default=0)),
                ("version", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="MessageWords",
            fields=[
                (
                    "message",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="notifications.message",
                    ),
                ),
                ("words", notifications.models.message_words.WordsField()),
                (
                    "extent",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "nothing"),
                            (1, "its words, but not where all of them stand"),
                            (2, "all"),
                        ],
                        default=2,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(condition=models.Q(extent__lt=2), fields=["extent"], name="words_not_whole")
                ],
            },
        ),
        migrations.RunPython(_index, _remove),
    ]
