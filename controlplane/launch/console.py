"""What a person sees in the terminal: a few lines, never a log."""

import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

QUIET_S = 30.0  # between two lines about the same troubled part
CONNECT_S = 1.0
_QUESTION = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


class Console:
    """Says when Slipway answers, when a part had to be started again, and when it stops."""

    def __init__(self, greeting: Callable[[], str]) -> None:
        self._greeting = greeting
        self._stopping = False
        self._said: dict[str, float] = {}

    def say(self, line: str) -> None:
        """Print one line; a closed terminal is no reason to fail."""
        with suppress(OSError, ValueError):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def greet(self) -> None:
        """Tell that the front door answers, and where it is."""
        self.say(self._greeting())

    def restarted(self, part: str, log: Path) -> None:
        """Tell that a part ended by itself and is started again."""
        now = time.monotonic()
        if self._stopping or now - self._said.get(part, -QUIET_S) < QUIET_S:
            return
        self._said[part] = now
        self.say(f"Slipway: {part} ended unexpectedly and is started again; see {log}")

    def stopping(self) -> None:
        """Tell, once, that the stop was heard."""
        if not self._stopping:
            self._stopping = True
            self.say("Slipway is stopping.")


class FirstAnswer:
    """One request to the front door, sent before web runs: the listening socket keeps it waiting.

    Has the methods that supervisor's loop wants of what it polls; the loop reads the answer.
    """

    def __init__(self, address: tuple[str, int], then: Callable[[], None]) -> None:
        self._address = address
        self._then = then
        self._connection: socket.socket | None = None
        self.pending = True
        self._ask()

    def fileno(self) -> int:
        """Return the descriptor to poll, -1 when there is none."""
        return self._connection.fileno() if self._connection else -1

    def readable(self) -> bool:
        """Tell the loop to wait for the answer."""
        return self.pending

    def writable(self) -> bool:
        """Nothing is left to send."""
        return False

    def handle_read_event(self) -> None:
        """Take the answer; ask again when web died before giving one."""
        answer = b""
        with suppress(OSError):
            answer = self._connection.recv(12) if self._connection else b""
        if answer:
            self.pending = False
            self._then()
        else:
            self._ask()

    def handle_error(self) -> None:
        """The poller saw trouble on the connection: ask again."""
        self._ask()

    def close(self) -> None:
        """Drop the connection."""
        if self._connection:
            self._connection.close()

    def _ask(self) -> None:
        self.close()
        try:
            self._connection = socket.create_connection(self._address, CONNECT_S)
            self._connection.sendall(_QUESTION)
        except OSError:
            self._connection = None
