"""A fragment is painted by its template with what its reader found."""

import pytest

from controlplane.fragments import catalogue
from controlplane.fragments.painting import paint_named
from controlplane.fragments.registry import fragment
from models_app.domain.actors import Actor
from models_app.domain.errors import NotFoundError
from models_app.domain.states import Role

VIEWER = Actor(user_id=1, name="<eve>", role=Role.VIEWER, via="live")


@pytest.fixture
def name_tag(monkeypatch, settings, tmp_path):
    catalogue.load()  # now, or the modules would register in what is taken away again
    monkeypatch.setattr("controlplane.fragments.registry._fragments", {})
    monkeypatch.setattr("controlplane.fragments.catalogue.MODULES", ())
    (tmp_path / "_tag.html").write_text('<p id="tag">{{ actor.name }} {{ ref }} {{ page }}</p>')
    engine = {**settings.TEMPLATES[0], "DIRS": [tmp_path], "APP_DIRS": False}
    settings.TEMPLATES = [engine]

    @fragment("name.tag", template="_tag.html", of="host")
    def read(actor, asked):
        return {"ref": asked.id, "page": asked.filters.get("page", "")}


def test_it_is_escaped_and_gets_the_id_and_the_filters(name_tag):
    html = paint_named("name.tag", VIEWER, id="7", query="page=2")
    assert html == '<p id="tag">&lt;eve&gt; 7 2</p>'


def test_an_unknown_fragment_is_not_found(name_tag):
    with pytest.raises(NotFoundError):
        paint_named("name.none", VIEWER)
