from configparser import RawConfigParser
from dataclasses import replace
from pathlib import Path

from controlplane.launch.parts import parts
from controlplane.launch.supervision import configuration
from controlplane.settings.env import read_env
from controlplane.settings.paths import DataPaths
from tests.requirements import need


def _read(data: Path, broker_url: str = "") -> RawConfigParser:
    env = replace(read_env(), data=data, host="127.0.0.1", port=8123, broker_url=broker_url)
    paths = DataPaths(data)
    parser = RawConfigParser(inline_comment_prefixes=(";", "#"))
    parser.read_string(configuration(parts(env, paths), env, paths))
    return parser


def test_every_part_is_run_and_web_gets_the_held_socket(tmp_path: Path) -> None:
    need("valkey")
    parser = _read(tmp_path)
    assert parser["fcgi-program:web"]["socket"] == "tcp://127.0.0.1:8123"
    assert parser["group:hands"]["programs"] == "control,transfer,beat"
    assert "program:broker" in parser
    assert "inet_http_server" not in parser  # nobody can steer the supervisor from outside


def test_broker_listens_on_no_port_and_keeps_nothing(tmp_path: Path) -> None:
    need("valkey")
    command = _read(tmp_path)["program:broker"]["command"]
    for option in ("--port 0 ", "--unixsocketperm 700 ", "--appendonly no ", "noeviction "):
        assert option in command


def test_a_broker_given_by_its_url_is_not_run(tmp_path: Path) -> None:
    assert "program:broker" not in _read(tmp_path, "redis://broker.example:6379/0")
