"""The front door: pages, REST API, live sockets, the gateway. Never imports the hands."""
