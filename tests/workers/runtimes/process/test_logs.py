"""Reading output by offset through long lines, odd bytes, rotations and restarts."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.runtimes.process import logs
from workers.runtimes.process.folder import WorkloadFolder


@pytest.fixture
def folder(tmp_path: Path) -> WorkloadFolder:
    return made(tmp_path)


def made(root: Path) -> WorkloadFolder:
    found = WorkloadFolder(root, "one")
    found.make()
    return found


def append(folder: WorkloadFolder, content: bytes) -> None:
    with folder.log.open("ab") as file:
        file.write(content)


def texts(folder: WorkloadFolder, after: int = -1, *, partial: bool = False) -> list[str]:
    found = logs.read_lines(folder, after=after, limit=1000, partial=partial)
    return [line.text for line in found]


def test_a_line_without_an_end_waits_for_it(folder: WorkloadFolder) -> None:
    append(folder, b"one\ntw")
    assert texts(folder) == ["one"]
    assert texts(folder, partial=True) == ["one", "tw"]
    assert [line.text for line in logs.tail_lines(folder, lines=5)] == ["one", "tw"]
    append(folder, b"o\n")
    assert texts(folder, after=0) == ["two"]


def test_colours_stay_and_odd_bytes_are_replaced(folder: WorkloadFolder) -> None:
    append(folder, b"\x1b[31mred\x1b[0m\r\n\xff\xfe\n\n")
    assert texts(folder) == ["\x1b[31mred\x1b[0m", "\ufffd\ufffd", ""]


def test_long_lines_come_in_pieces(folder: WorkloadFolder) -> None:
    append(folder, b"x" * (2 * logs.LINE_BYTES + 5) + b"\nend\n")
    found = logs.read_lines(folder, after=-1, limit=10, partial=False)
    assert [len(line.text) for line in found] == [logs.LINE_BYTES, logs.LINE_BYTES, 5, 3]
    for index, line in enumerate(found):
        assert (
            logs.read_lines(folder, after=line.offset, limit=10, partial=False)
            == (found[index + 1 :])
        )


def test_offsets_go_on_through_rotations_and_runs(folder: WorkloadFolder) -> None:
    append(folder, b"first\nsecond\n")
    seen = logs.read_lines(folder, after=-1, limit=1, partial=False)[0]
    assert logs.rotate_when_big(folder, limit=4)
    assert not logs.rotate_when_big(folder, limit=4)
    append(folder, b"third\n")
    assert texts(folder, after=seen.offset) == ["second", "third"]
    assert [line.text for line in logs.tail_lines(folder, lines=2)] == ["second", "third"]
    assert texts(folder) == ["third"]
    folder.begin_run()
    append(folder, b"fourth\n")
    last = logs.read_lines(folder, after=seen.offset, limit=9, partial=False)
    assert [line.text for line in last] == ["fourth"]
    assert last[0].offset == len(b"first\nsecond\nthird\n")
    previous = logs.tail_lines(folder, lines=9, previous=True)
    assert [line.text for line in previous] == ["third"]


def test_rotation_keeps_an_open_writer(folder: WorkloadFolder) -> None:
    with folder.log.open("ab", buffering=0) as engine:
        engine.write(b"before\n")
        assert logs.rotate_when_big(folder, limit=1)
        engine.write(b"after\n")
    assert folder.log.read_bytes() == b"after\n"
    assert folder.rotated_log.read_bytes() == b"before\n"
    assert folder.log_bytes() == len(b"before\nafter\n")


@given(
    content=st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"")), max_size=12),
    step=st.integers(1, 4),
)
def test_reading_in_steps_gives_what_reading_at_once_gives(
    tmp_path_factory: pytest.TempPathFactory, content: list[bytes], step: int
) -> None:
    folder = made(tmp_path_factory.mktemp("logs"))
    append(folder, b"".join(line + b"\n" for line in content))
    whole = logs.read_lines(folder, after=-1, limit=1000, partial=False)
    assert len(whole) == len(content)
    stepped, after = [], -1
    while found := logs.read_lines(folder, after=after, limit=step, partial=False):
        stepped += found
        after = found[-1].offset
    assert stepped == whole
