"""The pages. Names are stable: templates, redirects and the side bar use them."""

from django.conf import settings
from django.urls import URLPattern, path

from controlplane.web.views import preferences, styleguide

app_name = "web"

urlpatterns: list[URLPattern] = [
    path("language", preferences.set_language, name="language"),
]

if settings.STYLEGUIDE:
    urlpatterns += [
        path("styleguide/", styleguide.page, name="styleguide"),
        path("styleguide/series", styleguide.series, name="styleguide-series"),
        path("styleguide/log", styleguide.log, name="styleguide-log"),
        path("styleguide/error/<slug:name>", styleguide.error, name="styleguide-error"),
    ]
