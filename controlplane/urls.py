"""Every route of the front door, and the pages for what goes wrong."""

from django.urls import include, path

from controlplane.api.application import api_urls
from controlplane.api.prometheus import metrics
from controlplane.health import healthz

urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("metrics", metrics, name="metrics"),
    path("api/v1/", include(api_urls(), namespace="api-1")),
    path("", include("controlplane.web.urls")),
]

handler400 = "controlplane.web.views.errors.bad_request"
handler403 = "controlplane.web.views.errors.forbidden"
handler404 = "controlplane.web.views.errors.not_found"
handler500 = "controlplane.web.views.errors.server_error"
