"""How a call becomes a fax: by its number, or by the tone of the machine that called.

Why: both ways end in the same story, and what the fax worker tells of it comes back here.
"""

from __future__ import annotations

from callcenter.domain.center import Number
from callcenter.frontend.call import CallStory
from callcenter.frontend.fax import FaxRecord, FaxStory, takes_fax
from callcenter.frontend.fax_out import FaxOutStory
from callcenter.frontend.hands import Hands
from callcenter.frontend.media_leg import LegRecord, owner_of
from callcenter.sip import endpoint as sip


class FaxDoor:
    """The faxes among the calls of one front end."""

    def __init__(self, hands: Hands) -> None:
        self.hands = hands

    def arrived(self, call: sip.Call, caller: str, number: Number) -> None:
        """At a number that takes faxes and nothing else."""
        name = self.hands.new_contact()
        record = FaxRecord(
            media=LegRecord(id=f"{name}/c"),
            dialled=number.number,
            queue=number.fax,
            caller=caller,
            began=self.hands.center_now(),
        )
        story = FaxStory(self.hands, name, call, record)
        story.media.tell(call.flow)
        self.hands.follow(call, story)
        self.hands.begin(story)
        story.arrive()

    def heard(self, leg: str) -> None:
        """A voice call turns out to be a fax: it goes on as one, if its number takes any."""
        story = self.hands.stories.get(owner_of(leg))
        if not isinstance(story, CallStory):
            return
        number = next(
            (n for n in self.hands.center.numbers if n.number == story.record.dialled), None
        )
        if number is None or not takes_fax(number) or not story.becomes_fax(leg):
            return
        self.hands.counts["fax.heard"] += 1
        record = FaxRecord(
            media=story.record_of_media(),
            dialled=story.record.dialled,
            queue=number.fax,
            caller=story.record.caller,
            began=story.record.arrived,
            answered=True,
        )
        fax = FaxStory(self.hands, story.id, story.caller, record)
        self.hands.follow(story.caller, fax)
        self.hands.begin(fax)
        fax.take_over()

    def over(self, leg: str) -> None:
        """The fax worker says that its machine has ended."""
        story = self.hands.stories.get(owner_of(leg))
        if isinstance(story, FaxStory):
            self.hands.touch(story)
            story.over()
        elif isinstance(story, FaxOutStory):
            self.hands.touch(story)
            story.fax_over()
