"""What stands in for an engine where its connections are counted: threads, and nothing kept."""

import socketserver
import threading
from typing import Self


class CountingEngine(socketserver.ThreadingTCPServer):
    """Listens on a port of its own while it is entered; its handler counts under `lock`."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.address = f"127.0.0.1:{self.server_address[1]}"
        self.running = 0  # requests under way
        self.lock = threading.Lock()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
