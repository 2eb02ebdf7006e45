from django.db import migrations, models
import django.utils.timezone


class Migration(migrations.Migration):

    dependencies = [
        ('commlog', '0007_own_password'),
    ]

    operations = [
        # The table keeps its name, so processes that still run the code before this one go on counting in it.
        migrations.AlterModelTable(name='apibudget', table='commlog_apibudget'),
        migrations.RenameModel(old_name='ApiBudget', new_name='Tally'),
        migrations.CreateModel(
            name='WrongPassword',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('name', models.CharField(max_length=64)),
                ('network', models.CharField(max_length=43)),
            ],
            options={
                'indexes': [
                    models.Index(fields=['network', 'at'], name='wrong_password_network'),
                    models.Index(fields=['name', 'at'], name='wrong_password_name'),
                ],
            },
        ),
        migrations.AlterField(
            model_name='auditentry',
            name='action',
            field=models.CharField(choices=[('SIGNED_IN', 'Signed in'), ('SIGN_IN_FAILED', 'Sign-in failed'), ('SIGN_IN_LOCKED', 'Sign-in locked'), ('SIGN_IN_ALARM', 'Many wrong passwords'), ('PASSWORD_WRONG', 'Wrong present password'), ('SIGNED_OUT', 'Signed out'), ('SESSION_ENDED', 'Ended sessions'), ('PASSWORD_CHANGED', 'Changed the password'), ('DENIED', 'Was refused'), ('CREATED', 'Created'), ('CHANGED', 'Changed'), ('DELETED', 'Deleted'), ('ACTIVATED', 'Activated'), ('DEACTIVATED', 'Deactivated'), ('REORDERED', 'Changed the order'), ('SENT', 'Sent a message'), ('RESENT', 'Resent'), ('EXPORTED', 'Exported')], max_length=20),
        ),
    ]
