"""When a worker took a job last: owners take turns by it. Without a default the column costs no rewrite."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Adds Job.served_at."""

    dependencies = [("commlog", "0012_user_fold_index")]

    operations = [migrations.AddField(model_name="job", name="served_at", field=models.DateTimeField(null=True))]
