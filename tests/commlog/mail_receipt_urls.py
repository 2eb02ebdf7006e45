"""The addresses of an installation that is reported to by mail providers."""

from anymail import urls
from django.urls import include, path

urlpatterns = [
    path("receipts/mail/", include([each for each in urls.urlpatterns if "tracking" in str(each.pattern)]))
]
