"""The entry point of a production web server (gunicorn commlog.wsgi)."""

import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commlog.settings")
if settings.DEBUG:
    raise ImproperlyConfigured("DEBUG is on. Allowed for a production server: DEBUG=0, with SECRET_KEY and PUBLIC_URL set.")
application = get_wsgi_application()
