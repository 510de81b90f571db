"""A Slipway to hurt whose only open host is a Docker engine, and an eye on that engine."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.docker_engine import DockerEngine
from tests.docker_images import BUSYBOX, FAKE
from tests.faults.dice import Dice
from tests.faults.house import PROMISE_S, HurtHouse
from tests.faults.wisher import small_model
from tests.flows.house import UP_S, wait_for
from tests.runtime_sites import reached_by

ADD_HOST = """
from models_app.domain.actors import SYSTEM
from models_app.models import Host
from models_app.services.hosts import host_add
Host.objects.filter(runtime="process").update(scheduling="cordoned")
host_add(SYSTEM, name=%r, runtime="docker", connection=%r, secret=%r)
"""


def add_docker_host(
    house: HurtHouse, engine: DockerEngine, door: str, *, name: str = "box"
) -> None:
    """Close this machine for replicas and add the engine; wait until it is ready."""
    engine.load(BUSYBOX, FAKE)
    house.manage("shell", "-c", ADD_HOST % (name, *reached_by(engine, door)))
    query = "SELECT 1 FROM models_app_host WHERE name = ? AND state = 'ready'"
    wait_for(lambda: house.observer.rows(query, name), UP_S, house.observer.told)


USE_IMAGES = """
from models_app.domain.actors import SYSTEM
from models_app.models import Host
from models_app.services.hosts import host_edit
host = Host.objects.get(name="box")
kept = {key: value for key, value in host.connection.items() if key != "images"}
connection = kept | {"images": %r}
host_edit(SYSTEM, host, version=None, reach={"connection": connection})
"""


@contextmanager
def docker_house(name: str, engines: Mapping[str, DockerEngine]) -> Iterator[HurtHouse]:
    """A Slipway with these engines as hosts, by TLS. `name` seeds its dice."""
    folder = Path(tempfile.mkdtemp(prefix="slipway-fault-"))
    try:
        with HurtHouse(folder / "data", Dice(name)) as made:
            for host, engine in engines.items():
                add_docker_host(made, engine, "tls", name=host)
            yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def bring_small_model(house: HurtHouse) -> None:
    """Have the small model imported as `tiny-1`."""
    house.small = small_model(house.data.parent)
    house.new_model(house.small)
    becomes(house, lambda: house.has_model("tiny-1"), PROMISE_S)


def becomes(house: HurtHouse, wished: Callable[[], object], seconds: float) -> None:
    """Fail unless it comes true; the observer's own rules are about processes of this machine."""
    wait_for(wished, seconds, house.observer.told)


def use_images(house: HurtHouse, images: dict[str, str]) -> None:
    """Have the host take these images, and no others of its own."""
    house.manage("shell", "-c", USE_IMAGES % (images,))


def running(engine: DockerEngine, name: str) -> list[str]:
    """Return the running containers of a deployment, as Docker itself lists them."""
    wanted = ["--filter", f"name=^/slipway-{name}-", "--filter", "status=running"]
    return engine.docker("ps", "-q", "--no-trunc", *wanted).split()
