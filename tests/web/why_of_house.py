"""`why` over a house of the tests: decided again from its inputs, without any journal."""

from __future__ import annotations

from callcenter.control.center import ENGINE
from callcenter.control.explained import Explaining
from callcenter.control.replay import decide_again
from callcenter.control.story import TOLD, AgentStory, ContactStory, Moment
from callcenter.control.why import Lens
from callcenter.domain import events as e
from callcenter.domain.units import AgentId, ContactId, Micros, QueueId
from callcenter.web.problems import Refused
from callcenter.web.why import agent_view, contact_view
from callcenter.web.why_views import AgentWhy, ContactWhy
from tests.control.house import House


class WhyOfHouse:
    """Tells at once what the real one tells from the files."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.asked: list[tuple[str, Micros]] = []

    async def contact(self, contact: str, at: Micros, by: str = "") -> ContactWhy:
        self.asked.append((contact, at))
        return contact_view(contact_story(self._house, contact))

    async def agent(self, agent: str, at: Micros, by: str = "") -> AgentWhy:
        self.asked.append((agent, at))
        return agent_view(agent_story(self._house, agent))


def again(house: House) -> Explaining:
    """The house's center, having decided everything once more with somebody looking on."""
    control = Explaining(epoch=1)
    decide_again(control, house.inputs, house.commands)
    return control


def moments(control: Explaining, events: list[e.Event]) -> tuple[Moment, ...]:
    return tuple(
        Moment(
            event=event,
            engine=ENGINE,
            redecided=True if isinstance(event, e.OfferMade) else None,
            choice=control.seen.choices.get(event.offer)
            if isinstance(event, e.OfferMade)
            else None,
            refusal=control.seen.refusals.get(event.contact)
            if isinstance(event, e.QueueRefused)
            else None,
        )
        for event in events
    )


def contact_story(house: House, name: str) -> ContactStory:
    """The story of a contact, now."""
    control = again(house)
    told: list[e.Event] = [x for x in house.journal if isinstance(x, TOLD) and x.contact == name]
    if not told:
        raise Refused(404, f"there is no contact or agent {name!r} in the journal")
    contact = control.state.contacts.get(ContactId(name))
    segment = control.state.segments.get(contact.segment) if contact else None
    lens = Lens(control.world, house.now)
    return ContactStory(
        contact=ContactId(name),
        at=house.now,
        center=control.state.center,
        moments=moments(control, told),
        stage=contact.stage if contact else None,
        queue=contact.queue if contact else QueueId(""),
        agent=segment.agent if segment else AgentId(""),
        waiting=lens.waiting(contact) if contact else None,
    )


def agent_story(house: House, name: str) -> AgentStory:
    """The story of an agent, now."""
    control = again(house)
    agent = control.state.agents.get(AgentId(name))
    if agent is None:
        raise Refused(404, f"there is no agent {name!r}")
    offers: list[e.Event] = [x for x in house.all(e.OfferMade) if x.agent == name]
    return AgentStory(
        at=house.now,
        center=control.state.center,
        desk=Lens(control.world, house.now).desk(agent),
        offers=moments(control, offers[-1:]),
    )
