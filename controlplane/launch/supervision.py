"""Supervisor, the package, keeps the parts running; here is how, and why none outlives us.

Why this package and not another, or a loop of our own: docs/decisions/supervision.md.
"""

import ctypes
import os
import shlex
import signal
import sys
from contextlib import suppress
from typing import Any

from supervisor import events
from supervisor.medusa import asyncore_25 as asyncore
from supervisor.options import ServerOptions
from supervisor.process import Subprocess
from supervisor.states import ProcessStates, SupervisorStates
from supervisor.supervisord import Supervisor

from controlplane.launch.console import Console, FirstAnswer
from controlplane.launch.engines_end import EnginesEnd
from controlplane.launch.instance import record_parts
from controlplane.launch.parts import BROKER, HANDS, Part
from controlplane.launch.preflight import RefusedError
from controlplane.launch.watchdog import Watchdog
from controlplane.settings.env import ROOT, Env
from controlplane.settings.paths import DataPaths

LOG_BYTES = "5MB"
LOG_BACKUPS = 3
_PR_SET_PDEATHSIG = 1


def supervise(
    parts: list[Part], env: Env, paths: DataPaths, console: Console, engines: EnginesEnd
) -> None:
    """Run the parts until INT, TERM, QUIT or HUP; all have ended when this returns.

    The engines are begun to be ended as soon as the hands are gone.

    Raises RefusedError when the port was taken since it was checked.
    """
    config = paths.run / "supervisor.conf"
    config.write_text(configuration(parts, env, paths))
    options = _Options()
    options.realize(["-c", str(config)])
    options.first, options.test = True, False
    try:
        _House(options, paths, console, (env.host, env.port), engines).main()
    except asyncore.ExitNow:
        pass
    except ValueError as error:  # how the package says that it cannot bind
        raise RefusedError(f"Cannot listen on {env.host} port {env.port}: {error}.") from None
    finally:
        options.close_logger()


def configuration(parts: list[Part], env: Env, paths: DataPaths) -> str:
    """Return supervisor's configuration file for these parts."""
    main = {
        "nodaemon": "true",
        "silent": "true",
        "nocleanup": "true",
        "umask": "077",
        "logfile": paths.logs / "supervisor.log",
        "logfile_maxbytes": LOG_BYTES,
        "logfile_backups": LOG_BACKUPS,
        "pidfile": paths.run / "supervisor.pid",
        "childlogdir": paths.logs,
    }
    text = _section("supervisord", main)
    for group in dict.fromkeys(part.group for part in parts):
        members = [part for part in parts if part.group == group]
        text += "".join(_program(part, env, paths) for part in members)
        if group != "web":
            names = ",".join(part.name for part in members)
            text += _section(f"group:{group}", {"programs": names, "priority": members[0].order})
    return text


def _program(part: Part, env: Env, paths: DataPaths) -> str:
    """Return one part's section; web gets the listening socket, which outlives the process."""
    values: dict[str, object] = {
        "command": shlex.join(part.command),
        "directory": ROOT,
        "environment": f'SLIPWAY_PART="{part.name}"',
        "priority": part.order,
        "autorestart": "true",
        "startretries": 1_000_000,
        "stopwaitsecs": part.stop_within_s,
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": paths.logs / f"{part.name}.log",
        "stdout_logfile_maxbytes": LOG_BYTES,
        "stdout_logfile_backups": LOG_BACKUPS,
    }
    if part.name == "web":
        return _section("fcgi-program:web", values | {"socket": f"tcp://{env.host}:{env.port}"})
    return _section(f"program:{part.name}", values)


def _section(title: str, values: dict[str, object]) -> str:
    lines = [f"{key} = {str(value).replace('%', '%%')}" for key, value in values.items()]  # %h
    return "\n".join([f"[{title}]", *lines, "", ""])


class _Options(ServerOptions):  # type: ignore[misc]
    """Supervisor's dealings with the system, with our parts' lives tied to this process."""

    def __init__(self) -> None:
        super().__init__()
        self._our_pid = os.getpid()
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None  # before any fork

    def setsignals(self) -> None:
        """Take a closed terminal as a wish to stop, not to reload; `nohup` keeps its meaning."""
        ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        super().setsignals()
        stop = self.signal_receiver.receive
        action = signal.SIG_IGN if ignored else lambda _number, frame: stop(signal.SIGTERM, frame)
        signal.signal(signal.SIGHUP, action)

    def execve(self, filename: str, argv: list[str], env: dict[str, str]) -> None:
        """Become the part, which the kernel ends when this process dies, however it dies."""
        if self._libc is not None:
            self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != self._our_pid:  # it died before the line above
                os._exit(1)
        super().execve(filename, argv, env)


class _House(Supervisor):  # type: ignore[misc]
    """The supervisor's loop, telling the console and keeping the record of who is ours."""

    def __init__(
        self,
        options: _Options,
        paths: DataPaths,
        console: Console,
        address: tuple[str, int],
        engines: EnginesEnd,
    ) -> None:
        super().__init__(options)
        self._engines = engines
        self._paths = paths
        self._console = console
        self._address = address
        self.stop_groups: list[Any] = []
        self._held: list[object] = []
        self._watchdog = Watchdog(paths)
        self._first_answer: FirstAnswer | None = None

    def runforever(self) -> None:
        """Hold the web's socket while web is away, listen to the parts, and loop."""
        for group in self.process_groups.values():
            if hasattr(group, "socket_manager"):
                self._held.append(group.socket_manager.get_socket())
        self._first_answer = FirstAnswer(self._address, self._console.greet)
        events.subscribe(events.ProcessStateEvent, self._note)
        for group in sorted(self.process_groups.values()):
            group.transition()  # start now: the loop would first wait for a second
        try:
            super().runforever()
        finally:
            self._held.clear()
            self._first_answer.close()

    def get_process_map(self) -> dict[int, object]:
        """Return what the loop polls: the parts' output, and the first answer while it is due."""
        polled: dict[int, object] = super().get_process_map()
        due = self._first_answer
        if due is not None and due.pending and due.fileno() >= 0:
            polled[due.fileno()] = due
        return polled

    def tick(self, now: float | None = None) -> None:
        """End what hangs, in each round of the loop; being killed, it is started again."""
        super().tick(now)
        if self.options.mood < SupervisorStates.RUNNING:
            return
        running = {
            p.config.name: p.pid for p in self._parts() if p.get_state() == ProcessStates.RUNNING
        }
        for name in self._watchdog.silent(running):
            told = f"{name} shows no sign of life: it is ended"
            self.options.logger.critical(told)
            with suppress(ProcessLookupError):
                os.kill(running[name], signal.SIGKILL)

    def ordered_stop_groups_phase_1(self) -> None:
        """Stop all that uses the broker together, then the broker; the engines meanwhile."""
        self._engines.hear()
        groups = {group.config.name: group for group in self.stop_groups}
        if HANDS not in groups:
            self._engines.begin()
        for group in [group for name, group in groups.items() if name != BROKER] or groups.values():
            group.stop_all()

    def ordered_stop_groups_phase_2(self) -> None:
        """Forget the groups that have ended; in the round of the signal there are none yet."""
        self.stop_groups = self.stop_groups and [
            g for g in self.stop_groups if g.get_unstopped_processes()
        ]

    def _note(self, event: events.ProcessStateEvent) -> None:
        if isinstance(event, events.ProcessStateRunningEvent):
            record_parts(self._paths, {p.config.name: p.pid for p in self._parts() if p.pid})
        if isinstance(event, events.ProcessStateExitedEvent | events.ProcessStateBackoffEvent):
            name = event.process.config.name
            self._console.restarted(name, self._paths.logs / f"{name}.log")
        if isinstance(event, events.ProcessStateStoppingEvent):
            self._console.stopping()

    def _parts(self) -> list[Subprocess]:
        return [p for group in self.process_groups.values() for p in group.processes.values()]
