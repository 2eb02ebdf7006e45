"""Sharing a view becomes a permission of its own. Whoever could share views until now has it."""

import django.db.models.deletion
from django.db import migrations, models


def grant(apps, schema_editor):
    """Give it to the roles and users that may read messages: who could open a log could share a view of
    it.
    """
    Permission = apps.get_model("auth", "Permission")
    reading = Permission.objects.filter(content_type__app_label="commlog", codename="view_communication_history").first()
    if reading is None:
        return  # a new installation: roles and permissions are made after all migrations
    values = {"content_type_id": reading.content_type_id, "codename": "publish_views"}
    publishing, _ = Permission.objects.get_or_create(**values, defaults={"name": "Publish views"})
    for role in apps.get_model("auth", "Group").objects.filter(permissions=reading):
        role.permissions.add(publishing)
    for user in apps.get_model("commlog", "User").objects.filter(user_permissions=reading):
        user.user_permissions.add(publishing)


class Migration(migrations.Migration):

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
        ('contenttypes', '0002_remove_content_type_name'),
        ('commlog', '0009_drop_axes'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='user',
            options={'ordering': ['username'], 'permissions': [('view_communication_history', 'View communication history'), ('resend_failed_messages', 'Resend failed messages'), ('export_to_excel', 'Export to Excel'), ('publish_views', 'Publish views'), ('send_manual_email', 'Send manual e-mail'), ('send_manual_sms', 'Send manual SMS'), ('send_events', 'Send events'), ('create_communication_templates', 'Create templates'), ('edit_communication_templates', 'Edit templates'), ('view_client_details', 'View clients'), ('create_client', 'Create clients'), ('edit_client', 'Edit clients'), ('view_group_details', 'View groups'), ('create_group', 'Create groups'), ('edit_group', 'Edit groups'), ('view_user_details', 'View users'), ('view_administration_details', 'View administration'), ('manage_administration', 'Manage administration')]},
        ),
        migrations.AlterField(
            model_name='customview',
            name='menu_item',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='custom_views', to='commlog.menuitem'),
        ),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
