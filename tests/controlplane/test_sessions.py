import time

from controlplane.sessions import ABSOLUTE_S, IDLE_S, session_is_over, session_note


def test_a_session_ends_after_an_hour_of_silence_or_twelve_hours() -> None:
    session: dict[str, object] = {}
    start = time.time()
    assert not session_is_over(session, start)
    assert session_note(session, start)
    assert not session_note(session, start + 59)
    assert session_note(session, start + 61)
    assert not session_is_over(session, start + 61 + IDLE_S - 2)
    assert session_is_over(session, start + 61 + IDLE_S)
    for minute in range(0, ABSOLUTE_S, 600):
        session_note(session, start + minute)
    assert session_is_over(session, start + ABSOLUTE_S)
    assert not session_is_over(session, start + ABSOLUTE_S - 2)
