"""The views that came with the installation say why messages failed and what they wait for, where nobody has
edited them.
"""

from django.db import migrations

WHICH = ['state', 'created', 'recipient', 'destination']
WHY_FAILED = [*WHICH, 'failure_reason', 'failure_details', 'type', 'message']
WHY_WAITING = [*WHICH, 'waiting_reason', 'next_attempt', 'type', 'message']
# As they were shipped until now; beside it, what they show from now on.
SHIPPED = {
    'Failed': ({'state': 'UNDELIVERED'}, WHY_FAILED),
    'Waiting': ({'state': 'PENDING'}, WHY_WAITING),
}
UNEDITED = {'kind': 'LOG', 'owner': None, 'menu_item': None, 'for_everyone': True, 'roles': None, 'match': 'ALL', 'timestamps': True, 'sorting': ''}


def say_why(apps, schema_editor):
    """Add the columns. Beside an unedited view of what failed, one of what failed today."""
    CustomView = apps.get_model('commlog', 'CustomView')
    for name, (conditions, columns) in SHIPPED.items():
        for view in CustomView.objects.filter(name=name, **UNEDITED):
            if (view.conditions, view.criteria, view.columns) != (conditions, [], []):
                continue
            view.columns = columns
            view.save(update_fields=['columns'])
            if name == 'Failed' and not CustomView.objects.filter(name='Failed today', for_everyone=True).exists():
                today = {'conditions': {'state': 'FAILED'}, 'criteria': [['created', 'TODAY', []]], 'columns': WHY_FAILED}
                CustomView.objects.create(name='Failed today', kind='LOG', for_everyone=True, **today)


class Migration(migrations.Migration):

    dependencies = [
        ('commlog', '0013_job_served_at'),
    ]

    operations = [migrations.RunPython(say_why, migrations.RunPython.noop)]
