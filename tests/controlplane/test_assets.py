"""Scripts and styles travel compressed, under addresses that change with their content."""

import gzip
from pathlib import Path

import pytest
from django.templatetags.static import static
from django.test import Client

from controlplane.assets import compressed_copy


@pytest.mark.django_db
def test_a_browser_that_takes_gzip_gets_it_and_another_the_plain_text(client: Client) -> None:
    address = static("slipway/controls.css")
    plain = client.get(address)
    packed = client.get(address, headers={"accept-encoding": "gzip, deflate, br"})
    assert packed["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain
    assert plain["Vary"] == packed["Vary"] == "Accept-Encoding"
    one, other = (b"".join(answer.streaming_content) for answer in (plain, packed))  # type: ignore[attr-defined]
    assert gzip.decompress(other) == one
    assert len(other) < len(one) / 3


def test_an_address_names_its_content_and_a_missing_file_does_not_break_the_page() -> None:
    assert "?v=" in static("slipway/tokens.css")
    assert static("slipway/no-such.css") == "/static/slipway/no-such.css"


def test_a_copy_follows_its_source_and_small_or_packed_files_have_none(tmp_path: Path) -> None:
    source = tmp_path / "long.css"
    source.write_text("a{}" * 2000)
    first = compressed_copy(source, tmp_path / "copies")
    assert first is not None
    assert compressed_copy(source, tmp_path / "copies") == first
    source.write_text("b{}" * 2001)
    second = compressed_copy(source, tmp_path / "copies")
    assert second is not None
    assert gzip.decompress(second.read_bytes()) == source.read_bytes()
    (tmp_path / "tiny.css").write_text("a{}")
    (tmp_path / "photo.png").write_bytes(bytes(5000))
    assert compressed_copy(tmp_path / "tiny.css", tmp_path / "copies") is None
    assert compressed_copy(tmp_path / "photo.png", tmp_path / "copies") is None
