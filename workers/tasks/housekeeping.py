"""What keeps the ledger small, once a minute."""

from celery import shared_task
from django.conf import settings

from models_app.domain.uploads import UploadFolder
from models_app.notify import workers as names
from models_app.services.housekeeping import prune
from models_app.services.samples import samples_roll_up
from models_app.services.usage_rollups import usage_prune, usage_roll_up


@shared_task(name=names.HOUSEKEEPING)
def housekeeping() -> None:
    """Roll up the time series and forget what has outlived its use."""
    samples_roll_up()
    usage_roll_up()
    usage_prune()
    prune()
    UploadFolder(settings.PATHS.uploads).sweep()
