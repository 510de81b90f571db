"""A whole Slipway to measure, and a signed-in person in it."""

from tests.flows.house import House

_SIGN_IN = """
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.test import Client
from models_app.models import User
user, _ = User.objects.get_or_create(
    name="measurer", defaults={"role": "admin", "password": make_password("measures")}
)
client = Client()
client.force_login(user)
print(client.cookies[settings.SESSION_COOKIE_NAME].OutputString().split(";")[0])
"""


def signed_in(house: House) -> str:
    """Make an admin and a session in a running Slipway; return the Cookie header."""
    return house.manage("shell", "--no-imports", "-c", _SIGN_IN).strip().splitlines()[-1]
