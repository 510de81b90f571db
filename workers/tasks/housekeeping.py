"""What keeps the ledger small, once a minute."""

from celery import shared_task
from django.conf import settings

from models_app.domain.uploads import UploadFolder
from models_app.notify import workers as names
from models_app.services.housekeeping import prune
from models_app.services.samples import samples_roll_up


@shared_task(name=names.HOUSEKEEPING)
def housekeeping() -> None:
    """Roll up the time series and forget what has outlived its use."""
    samples_roll_up()
    prune()
    UploadFolder(settings.PATHS.uploads).sweep()
