"""Reading what messages say becomes a permission of its own. Whoever could read it until now has it."""

from django.db import migrations

_READ_UNTIL_NOW = ("view_communication_history", "read_streams", "manage_streams")


def grant(apps, schema_editor):
    """Give it to the roles and users that may read messages, or streams, which deliver what messages say."""
    Permission = apps.get_model("auth", "Permission")
    known = Permission.objects.filter(content_type__app_label="commlog", codename__in=_READ_UNTIL_NOW)
    first = known.first()
    if first is None:
        return  # a new installation: roles and permissions are made after all migrations
    values = {"content_type_id": first.content_type_id, "codename": "read_message_content"}
    reading, _ = Permission.objects.get_or_create(**values, defaults={"name": "Read message content"})
    for role in apps.get_model("auth", "Group").objects.filter(permissions__in=known).distinct():
        role.permissions.add(reading)
    for user in apps.get_model("commlog", "User").objects.filter(user_permissions__in=known).distinct():
        user.user_permissions.add(reading)


class Migration(migrations.Migration):
    dependencies = [("auth", "0012_alter_user_first_name_max_length"), ("commlog", "0028_password_links")]

    operations = [
        migrations.AlterModelOptions(
            name="user",
            options={'ordering': ['username'], 'permissions': [('view_communication_history', 'View communication history'), ('read_message_content', 'Read message content'), ('resend_failed_messages', 'Resend failed messages'), ('export_to_excel', 'Export to Excel'), ('publish_views', 'Publish views'), ('send_manual_email', 'Send manual e-mail'), ('send_manual_sms', 'Send manual SMS'), ('send_events', 'Send events'), ('read_streams', 'Read streams'), ('manage_streams', 'Manage streams'), ('create_communication_templates', 'Create templates'), ('edit_communication_templates', 'Edit templates'), ('view_client_details', 'View clients'), ('create_client', 'Create clients'), ('edit_client', 'Edit clients'), ('view_group_details', 'View groups'), ('create_group', 'Create groups'), ('edit_group', 'Edit groups'), ('view_user_details', 'View users'), ('view_administration_details', 'View administration'), ('manage_administration', 'Manage administration'), ('manage_retention', 'Manage retention')]},
        ),
        migrations.RunPython(grant, migrations.RunPython.noop),
    ]
