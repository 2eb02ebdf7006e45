"""A message that has failed says what that means. Failures that are there already are filled in by the cluster."""

from typing import Any

from django.db import migrations, models

from notifications.migrations._online import AddFieldOnline


def note_what_is_older(apps: Any, schema_editor: Any) -> None:
    """A log that has rows will be filled in."""
    if apps.get_model("notifications", "Message").objects.exists():
        apps.get_model("notifications", "Filling").objects.get_or_create(table="meanings of failures")


class Migration(migrations.Migration):
    dependencies = [("notifications", "0022_roll_ups")]

    operations = [
        AddFieldOnline("message", "failure_level", models.CharField(choices=[('ADDRESS', 'Address does not exist'), ('NOT_NOW', 'Not accepting now'), ('REFUSED', 'Not accepted'), ('TECHNICAL', 'Technical failure')], db_default='', default='', max_length=9)),
        AddFieldOnline("message", "failure_meaning", models.CharField(choices=[('NO_SUCH_ADDRESS', 'The address does not exist'), ('NO_SUCH_DOMAIN', 'The domain of the address does not exist'), ('BAD_ADDRESS', 'The address is not valid'), ('ADDRESS_CLOSED', 'The mailbox is closed'), ('NOT_A_MOBILE', 'The number cannot receive an SMS'), ('NO_ADDRESS', 'No usable address is on file'), ('GONE', 'The receiver no longer exists'), ('MAILBOX_FULL', 'The mailbox is full'), ('PHONE_OFF', 'The phone cannot be reached'), ('GREYLISTED', 'The mail server delays unknown senders'), ('TOO_MANY', 'The provider asks for fewer messages'), ('BUSY', 'The server is not accepting messages'), ('LATER', 'Not accepted for now'), ('OPTED_OUT', 'The recipient has opted out'), ('BLOCKED', 'The receiver’s rules block the message'), ('SPAM', 'The message was classified as spam'), ('REPUTATION', 'Our mail server is blocked'), ('AUTHENTICATION', 'Our mail fails the checks of the sender’s domain'), ('TOO_LARGE', 'The message is too large'), ('CONTENT', 'The message cannot be sent as it is written'), ('NOT_ACCEPTED', 'The receiving system did not accept the content'), ('UNSAID', 'Refused for an unknown reason'), ('SIGN_IN', 'The provider refused our sign-in'), ('RECEIVER_SIGN_IN', 'The receiving system refused our sign-in'), ('ACCOUNT', 'Our account with the provider is blocked'), ('SENDER', 'We may not send from this sender or server'), ('COUNTRY', 'Sending to this country is not enabled'), ('SET_UP', 'The channel is off or not set up'), ('FORBIDDEN_URL', 'The URL may not be called'), ('UNREACHABLE', 'The server could not be reached in time'), ('NO_ANSWER', 'Handed over, but no answer came'), ('NAME_NOT_FOUND', 'The server’s name could not be looked up'), ('CERTIFICATE', 'No secure connection could be made'), ('WRONG_PLACE', 'There is nothing at this URL'), ('ROUTING', 'There is no route to the recipient'), ('SERVER_FAILED', 'The server failed'), ('UNFORESEEN', 'Unexpected error')], db_default='', default='', max_length=20)),
        migrations.RunPython(note_what_is_older, migrations.RunPython.noop),
    ]
