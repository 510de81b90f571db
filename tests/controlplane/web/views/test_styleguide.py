"""The style guide renders, in both languages, with nothing inline."""

import pytest
from django.test import Client

ERRORS = ("400", "403", "404", "500", "csrf", "offline")


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "it"])
def test_every_part_renders(client: Client, language: str) -> None:
    answer = client.get("/styleguide/", headers={"accept-language": language})
    assert answer.status_code == 200
    assert f'<html lang="{language}"' in answer.content.decode()
    assert " style=" not in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ERRORS)
def test_every_error_page_renders(client: Client, name: str) -> None:
    answer = client.get(f"/styleguide/error/{name}")
    assert answer.status_code == 200
    assert "<h1>" in answer.content.decode()


@pytest.mark.django_db
def test_unknown_error_page_is_404_in_our_look(client: Client) -> None:
    answer = client.get("/styleguide/error/teapot")
    assert answer.status_code == 404
    assert "There is nothing at this address" in answer.content.decode()
