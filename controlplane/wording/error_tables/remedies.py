"""What is said again and again: the remedies that many errors share."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
Table = dict[str, tuple[Text, Text]]  # code -> (sentence, what to do now)

RELOAD = _("Read it again, then repeat the change.")
SIGN_IN = _("Sign in, or send a valid API token.")
CHECK_FIELDS = _("Correct the fields named, then send it again.")
RETRY_LATER = _("Try again in a moment.")
LOWER = _("Lower it, then send it again.")
CHOOSE_KNOWN = _("Choose one of those that exist.")
