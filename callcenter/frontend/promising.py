"""A caller asks to be called back: what her flow is told.

Why: she is told once that it is promised. What is asked again after a restart is answered by what
is known, and a promise that is under way answers when it is decided.
"""

from collections.abc import Callable

from callcenter.frontend.call_record import CallRecord
from callcenter.frontend.callback import CallbackStory, Connect, promise
from callcenter.frontend.hands import Hands
from callcenter.ivr import session as ivr


def ask_callback(
    hands: Hands,
    record: CallRecord,
    wish: ivr.AskCallback,
    connected: Connect,
    tell: Callable[[ivr.CallbackAnswered], None],
) -> None:
    """Once for each call."""

    def answered(promised: bool) -> None:
        record.promised = promised
        record.callback = record.callback if promised else ""
        tell(ivr.CallbackAnswered(promised))

    if record.promised:
        tell(ivr.CallbackAnswered(True))
        return
    known = hands.stories.get(record.callback)
    story = known if isinstance(known, CallbackStory) else None
    if not record.callback:
        story = promise(hands, record, wish, connected)
        record.callback = story.id if story else ""
        if story is not None:
            story.ask()
    if story is None or story.record.promised:
        answered(story is not None)
    else:
        story.answered = answered
