import socket
from pathlib import Path

import pytest

from controlplane.launch.console import Console, FirstAnswer


@pytest.fixture
def console() -> Console:
    return Console(lambda: "here I am")


def test_a_troubled_part_is_told_once_a_while(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        console.restarted("web", Path("web.log"))
    console.restarted("beat", Path("beat.log"))
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["web", "beat"]


def test_parts_that_end_at_a_stop_are_no_news(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    console.stopping()
    console.stopping()
    console.restarted("web", Path("web.log"))
    assert capsys.readouterr().out == "Slipway is stopping.\n"


def test_greets_at_the_first_answer_even_if_web_died_holding_the_question(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        first = FirstAnswer(door.getsockname(), console.greet)
        door.accept()[0].close()
        first.handle_read_event()
        assert first.readable()
        assert capsys.readouterr().out == ""
        with door.accept()[0] as asked:
            assert asked.recv(100).startswith(b"GET ")
            asked.sendall(b"HTTP/1.1 404 Not Found\r\n\r\n")
            first.handle_read_event()
        assert not first.readable()
        assert capsys.readouterr().out == "here I am\n"
        first.close()
