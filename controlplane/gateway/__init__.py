"""The routing core: finds a ready replica, speaks to its engine, and says honestly how it went.

The playground uses it through its socket; the OpenAI-compatible `/v1` will through HTTP.
"""
