"""What follows when an owner of contacts starts, vanishes, or comes back.

A contact is offered only while its owner holds its lease. When the lease runs out, its waiting
contacts keep their place for 30 s and its talking ones (their media runs on in another process)
for 120 s; its agents' phones cannot be rung. When it starts again it names what it still holds:
the rest ends as `owner_lost`, offers it forgot are rescinded, and what it names goes on as if
nothing had happened.
"""

from callcenter.control import faxes
from callcenter.control.contacts import end_contact, rescind
from callcenter.control.turn import Turn
from callcenter.domain.commands import FrontendReported
from callcenter.domain.events import AgentReachable, AgentUnreachable, FrontendLost, FrontendStarted
from callcenter.domain.termination import Reason, ended
from callcenter.domain.units import FrontendId, OfferId


def on_frontend(turn: Turn, command: FrontendReported) -> None:
    """A front end (re)started and holds exactly what it names."""
    frontend = turn.state.frontends.get(command.frontend)
    if frontend is not None and command.epoch < frontend.epoch:
        turn.note("frontend_of_an_older_epoch")
        return
    turn.emit(FrontendStarted(at=turn.now, frontend=command.frontend, epoch=command.epoch))
    drop_unnamed_contacts(turn, command)
    drop_unnamed_offers(turn, command)
    faxes.drop_unnamed(turn, command)
    adopt_agents(turn, command)


def drop_unnamed_contacts(turn: Turn, command: FrontendReported) -> None:
    named = set(command.contacts)
    living = turn.state.contacts
    for contact in [c for c in living.values() if c.frontend == command.frontend]:
        if contact.id not in named:
            end_contact(turn, contact, ended(Reason.OWNER_LOST))
        else:
            turn.touch_contact(contact.id)
    for _ in named - living.keys():
        turn.note("unknown_contact")


def drop_unnamed_offers(turn: Turn, command: FrontendReported) -> None:
    named = set(command.offers)
    for offer in forgotten_offers(turn, command.frontend, named):
        rescind(turn, offer, "its owner started again")


def forgotten_offers(turn: Turn, frontend: FrontendId, named: set[OfferId]) -> list[OfferId]:
    contacts = turn.state.contacts
    return [
        offer
        for offer, found in turn.state.offers.items()
        if contacts[found.contact].frontend == frontend
        and offer not in named
        and found.preview is None  # not in its hands yet
    ]


def adopt_agents(turn: Turn, command: FrontendReported) -> None:
    """The named agents are reachable by it, others that were are no more."""
    named = set(command.agents)
    for agent in list(turn.state.agents.values()):
        if agent.id in named and agent.reachable_by != command.frontend:
            turn.emit(AgentReachable(at=turn.now, agent=agent.id, frontend=command.frontend))
        elif agent.id not in named and agent.reachable_by == command.frontend:
            turn.emit(
                AgentUnreachable(at=turn.now, agent=agent.id, cause="its front end started again")
            )
        else:
            continue
        turn.touch(agent.id)
    for _ in named - turn.state.agents.keys():
        turn.note("unknown_agent")


def on_lost(turn: Turn, frontend: FrontendId) -> None:
    """Its lease ran out. A front end that never was, or is lost already, changes nothing."""
    found = turn.state.frontends.get(frontend)
    if found is None or found.lost:
        turn.note("lost_twice")
        return
    turn.emit(FrontendLost(at=turn.now, frontend=frontend))
    for agent in list(turn.state.agents.values()):
        if agent.reachable_by == frontend:
            turn.emit(AgentUnreachable(at=turn.now, agent=agent.id, cause="its front end is lost"))
