"""`/v1` and the Ollama face: plain ASGI in front of the routing core, with no Django on the way.

Bytes go through as they came: a request is read for a handful of fields, an answer for its end.
"""
