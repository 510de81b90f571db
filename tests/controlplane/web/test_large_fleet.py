"""Pages of a large fleet cost what their rows cost: few queries, and no template for each row.

Counts and never times: a busy machine must not fail it, and an include in a row must.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.signals import template_rendered
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from models_app.domain.actors import SYSTEM
from models_app.models import Deployment, Host, LanguageModel
from models_app.services.demo.seeding import demo_seed_large

pytestmark = pytest.mark.django_db
QUERIES = 10
HOSTS, REPLICAS = 60, 200
TEMPLATES = {  # of which the frame takes fourteen
    "overview": 60,
    "deployments": 25,
    "hosts": 25,
    "models": 30,
    "operations": 25,
    "deployment": 45,
    "host": 40,
    "model": 30,
}


@contextmanager
def templates_counted() -> Iterator[list[str]]:
    names: list[str] = []

    def note(template: Any, **_signal: Any) -> None:
        names.append(str(template.name))

    template_rendered.connect(note)
    yield names
    template_rendered.disconnect(note)


def address(page: str) -> str:
    if page == "deployment":
        return reverse("web:deployment", args=[Deployment.objects.order_by("name")[7].name])
    if page == "host":
        return reverse("web:host", args=[Host.objects.order_by("name")[7].name])
    if page == "model":
        return reverse("web:model", args=[LanguageModel.objects.order_by("name")[0].name])
    return reverse(f"web:{page}")


@pytest.mark.parametrize("page", TEMPLATES)
def test_a_page_of_a_large_fleet_stays_within_its_counts(alice_browser: Client, page: str) -> None:
    demo_seed_large(SYSTEM, hosts=HOSTS, replicas=REPLICAS)
    where = address(page)
    alice_browser.get(reverse("web:profile"))  # the session notes its use once a minute
    cache.clear()  # what is kept for some seconds is read by somebody
    with CaptureQueriesContext(connection) as queries, templates_counted() as names:
        response = alice_browser.get(where)
    assert response.status_code == 200
    assert len(queries) <= QUERIES, "\n".join(query["sql"][:160] for query in queries)
    assert len(names) <= TEMPLATES[page], sorted(names)
