"""Fragments are registered once and found by name."""

import pytest

from controlplane.fragments import catalogue
from controlplane.fragments.registry import (
    Asked,
    fragment,
    fragment_find,
    fragments_registered,
    viewer_context,
)
from models_app.domain.actors import Actor
from models_app.domain.errors import NotFoundError
from models_app.domain.states import Role


@pytest.fixture
def empty_registry(monkeypatch):
    catalogue.load()  # now, or the modules would register in what is taken away again
    monkeypatch.setattr("controlplane.fragments.registry._fragments", {})


def test_a_registered_fragment_is_found_with_what_repaints_it(empty_registry):
    @fragment("host.head", template="t.html", of="host", lists=("operation",), every_s=5)
    def read(actor, asked):
        return {"id": asked.id}

    found = fragment_find("host.head")
    assert (found.template, found.of, found.lists, found.every_s) == (
        "t.html",
        "host",
        ("operation",),
        5,
    )
    assert found.read is read
    assert list(fragments_registered()) == [found]


def test_a_name_can_be_taken_only_once(empty_registry):
    fragment("x", template="t.html")(lambda actor, asked: {})
    with pytest.raises(ValueError, match="twice"):
        fragment("x", template="t.html")(lambda actor, asked: {})


def test_an_unknown_name_is_not_found():
    with pytest.raises(NotFoundError):
        fragment_find("no.such")


def test_a_list_reads_its_filters_from_the_query_string():
    assert Asked(query="state=ready&page=2").filters.get("page") == "2"


@pytest.mark.parametrize(
    ("role", "operate", "administer"),
    [(Role.VIEWER, False, False), (Role.OPERATOR, True, False), (Role.ADMIN, True, True)],
)
def test_templates_learn_what_the_person_may_do(role, operate, administer):
    context = viewer_context(Actor(user_id=1, name="x", role=role, via="page"))
    assert (context["may_operate"], context["may_administer"]) == (operate, administer)
