"""What the entries of the audit trail say is sealed, each under a key of its own, so that an erasure can take
it without changing an entry. For the entries of before the guard is lifted, batch by batch, and an entry says so.
"""

import json
from contextlib import contextmanager

from cryptography.fernet import Fernet
from django.core.serializers.json import DjangoJSONEncoder
from django.db import migrations, models, transaction

_BATCH = 1_000
_TABLE = "commlog_auditentry"
_TRIGGER = f"{_TABLE}_append_only"
_SEAL = f"UPDATE {_TABLE} SET words = %s, target_label = '', before = NULL, after = NULL WHERE id = %s"


def seal(apps, schema_editor):
    """Seal what has not been sealed: an interrupted run goes on."""
    Entry, Key = _models(apps)
    behind = sealed = 0
    unsealed = Entry.objects.filter(~models.Q(target_label="", before=None, after=None), words="").order_by("pk")
    while rows := list(unsealed.filter(pk__gt=behind)[:_BATCH]):
        behind = rows[-1].pk
        keys = {row.pk: Fernet.generate_key() for row in rows}
        words = [(_sealed(keys[row.pk], [row.target_label, row.before, row.after]), row.pk) for row in rows]
        made = [Key(entry_id=pk, key=key.decode()) for pk, key in keys.items()]
        with _lifted(schema_editor) as cursor:
            Key.objects.bulk_create(made)
            cursor.executemany(_SEAL, words)
        sealed += len(rows)
    if sealed:
        key = Fernet.generate_key()
        words = _sealed(key, ["the audit trail", None, {"entries sealed by the upgrade": sealed}])
        with transaction.atomic(using=schema_editor.connection.alias):
            entry = Entry.objects.create(action="CHANGED", target_kind="installation", words=words)
            Key.objects.create(entry_id=entry.pk, key=key.decode())


def open_again(apps, schema_editor):
    """Write what can still be opened where an earlier version reads it."""
    Entry, Key = _models(apps)
    behind = 0
    while keys := dict(Key.objects.filter(pk__gt=behind).order_by("pk").values_list("pk", "key")[:_BATCH]):
        rows = list(Entry.objects.filter(pk__in=keys))
        for row in rows:
            row.target_label, row.before, row.after = json.loads(Fernet(keys[row.pk]).decrypt(row.words))
        with _lifted(schema_editor):
            Entry.objects.bulk_update(rows, ["target_label", "before", "after"])
        behind = max(keys)


def _models(apps):
    return apps.get_model("commlog", "AuditEntry"), apps.get_model("commlog", "AuditKey")


def _sealed(key, said):
    return Fernet(key).encrypt(json.dumps(said, cls=DjangoJSONEncoder).encode()).decode()


@contextmanager
def _lifted(schema_editor):
    """A transaction in which the guard of the trail is lifted."""
    postgresql = schema_editor.connection.vendor == "postgresql"
    with transaction.atomic(using=schema_editor.connection.alias), schema_editor.connection.cursor() as cursor:
        if not postgresql:
            cursor.execute(f"DROP TRIGGER IF EXISTS {_TRIGGER}")  # installed anew after every migration
        elif _is_guarded(cursor):
            cursor.execute(f"ALTER TABLE {_TABLE} DISABLE TRIGGER {_TRIGGER}")
        yield cursor
        if postgresql and _is_guarded(cursor):
            cursor.execute(f"ALTER TABLE {_TABLE} ENABLE TRIGGER {_TRIGGER}")


def _is_guarded(cursor):
    cursor.execute("SELECT 1 FROM pg_trigger WHERE tgname = %s", [_TRIGGER])
    return cursor.fetchone() is not None


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("commlog", "0034_audit_words")]

    operations = [migrations.RunPython(seal, open_again)]
