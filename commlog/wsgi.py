"""The entry point of a production web server (gunicorn commlog.wsgi)."""

import gc
import os

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "commlog.settings")
if settings.DEBUG:
    raise ImproperlyConfigured(
        "DEBUG is on. Allowed for a production server: DEBUG=0, with SECRET_KEY and PUBLIC_URL set."
    )
application = get_wsgi_application()
# All that is loaded by now lives as long as the process. Looking through it for garbage would delay one page
# in some hundreds by 60 ms.
_ = get_resolver().url_patterns  # importing them loads the rest
gc.collect()
gc.freeze()
