"""The command `watch`: the progress of a session that another process measures."""

import sys
import time
from pathlib import Path
from typing import Annotated, Final

import typer

from loopbench.commands.options import session_folders
from loopbench.commands.reporting import newest_session
from loopbench.console import say
from loopbench.showable import showable

POLL_S: Final = 0.5


def watch(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="A session; the newest if absent.", autocompletion=session_folders),
    ] = None,
) -> None:
    """Follow a session that is being measured, until it ends.

    It reads the session's folder only. Ctrl-C ends it and not the measurement.
    """
    from loopbench.live_session import LiveSession
    from loopbench.measure.events import SessionEnded
    from loopbench.progress import progress_on
    from loopbench.records.codec import foreign_content

    place = folder or newest_session()
    session = LiveSession(place)
    notify = progress_on(sys.stdout, session.now)
    while True:
        is_measured = session.is_measured()  # before reading: what is written until then is read
        with foreign_content(place):
            for event in session.new_events():
                notify(event)
                if isinstance(event, SessionEnded):
                    say(f"measured: {event.finished_runs} of {event.planned_runs} runs are complete")
                    say(showable(f"next: loopbench report {place}"))
                    return
        if not is_measured:
            notify(SessionEnded(place, 0, 0, None, None))  # removes the display
            say(showable(f"no process measures {place}; its last event is missing"))
            say(showable(f"next: loopbench report {place}"))
            return
        time.sleep(POLL_S)
