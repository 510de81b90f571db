"""Sorting and filtering live in the address."""

from django.template import Context, Template
from django.test import RequestFactory


def rendered(template: str, query: str) -> str:
    request = RequestFactory().get(f"/deployments?{query}")
    return Template(template).render(Context({"request": request}))


def test_a_head_sorts_then_turns_round() -> None:
    head = '{% sort_header "name" "Name" %}'
    assert 'href="?sort=name"' in rendered(head, "")
    assert "aria-sort" not in rendered(head, "")
    up = rendered(head, "sort=name")
    assert 'href="?sort=-name"' in up
    assert 'aria-sort="ascending"' in up
    assert 'aria-sort="descending"' in rendered(head, "sort=-name")


def test_a_chip_sets_its_filter_keeps_the_others_and_forgets_the_page() -> None:
    chip = '{% chip "state" "ready" "Ready" count=3 %}'
    html = rendered(chip, "host=a&cursor=abc")
    assert "host=a" in html
    assert "state=ready" in html
    assert "cursor" not in html
    assert 'aria-current="true"' in rendered(chip, "state=ready")
    assert "state=ready" not in rendered(chip, "state=ready").split("href=")[1].split(">")[0]
