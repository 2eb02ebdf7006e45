"""Settings for the best performance of the django-post-office that the benchmark compares with."""

import os

from commlog.environment import Environment

SECRET_KEY = "only for a benchmark"
DATABASES = {"default": Environment(os.environ).database("DATABASE_URL", "") | {"CONN_MAX_AGE": 60}}
INSTALLED_APPS = ["django.contrib.contenttypes", "post_office"]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates"}]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
EMAIL_BACKEND = "post_office.EmailBackend"
EMAIL_HOST, EMAIL_PORT = "127.0.0.1", int(os.environ.get("SINK_SMTP", "25"))
POST_OFFICE = {"BATCH_SIZE": 1000, "LOG_LEVEL": 0, "THREADS_PER_PROCESS": 5, "CELERY_ENABLED": False}
LOGGING = {"version": 1, "disable_existing_loggers": True, "root": {"level": "ERROR", "handlers": []}}
