"""A worker that starts again takes over from the dead of its machine, and from nobody else."""

import subprocess
import sys

import pytest

from models_app.models import Host
from models_app.services.leases import lease_take
from tests.factories import make_host
from workers.reconcilers.owners import free_what_the_dead_held, new_owner


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def owner_with(pid: int, machine: str | None = None) -> str:
    here, _, token = new_owner().rsplit(":", 2)
    return f"{machine or here}:{pid}:{token}"


@pytest.mark.django_db
def test_row_of_a_dead_process_is_free_and_due() -> None:
    host = make_host()
    assert lease_take(Host, host.pk, owner_with(dead_pid())) is not None
    assert free_what_the_dead_held() == 1
    assert lease_take(Host, host.pk, new_owner()) is not None


@pytest.mark.django_db
@pytest.mark.parametrize("machine", [None, "elsewhere"])
def test_rows_of_living_and_of_strangers_stay(machine: str | None) -> None:
    host = make_host()
    pid = 1 if machine is None else dead_pid()
    assert lease_take(Host, host.pk, owner_with(pid, machine)) is not None
    assert free_what_the_dead_held() == 0
    assert lease_take(Host, host.pk, new_owner()) is None
