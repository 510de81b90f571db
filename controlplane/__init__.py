"""The front door: pages, REST API, live sockets, the gateway. Never imports the hands."""

from controlplane.celery import app as celery_app

__all__ = ["celery_app"]
