"""Who gets whom: the longest idle able agent for a contact, the first contact for an agent.

Theory. Contacts with the same channel and requirement form a *class*, agents with the same
proficiencies a *profile*. Whether a class and a profile fit is computed once, when the younger of
the two appears, and kept on both sides as one big integer: bit p of `class.profiles`, bit c of
`profile.classes`. With two more integers, "profiles with a free agent" and "classes with a waiting
contact", the question "is there anyone?" is one AND.

- Terms (`terms`) that name people are exceptions to those bits, noted beside the person: classes
  that she may serve though her profile does not fit, may not though it does, and classes of hers.
- A queue may have free agents kept for it: while no more of them are free than that, classes of
  other queues are masked for these people, in both questions.
- A class holds its contacts in a heap by (key, order). Keys never change (`place`), so a contact
  that leaves is only forgotten (lazy deletion) and the heap drops it when it reaches the top.
  `_heads` keeps the first contact of each class in order.
- A profile holds its free agents in order of idleness, per channel; so does the engine over all.
- To choose, few candidates are compared head by head. With many, the overall order is walked for
  at most `PROBES` steps (the first that fits is the answer) before falling back to the heads: at
  worst the unpopular pile up in front, and an unbounded walk was the one slow case measured.

Why: the cost of a decision depends on how many *different* needs and people there are, not on how
many wait. All answers are exact and depend only on what was put in, never on the path taken, so a
restored engine decides as the old one did. Nothing here knows of time, offers or presence.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from heapq import heapify, heappop, heappush
from itertools import islice
from typing import Any

from callcenter.domain.center import Channel
from callcenter.domain.units import AgentId, ContactId, Micros, QueueId
from callcenter.routing.choice import Order
from callcenter.routing.place import used_up
from callcenter.routing.skills import SkillBits
from callcenter.routing.terms import PLAIN, Reserve, Terms

PROBES = 48
CANDIDATES_FEW = 12
CLASSES_KEPT = 4096
"""Classes beyond this many are recycled once nobody of theirs waits."""
PROFILES_KEPT = 1024
"""Profiles beyond this many are recycled once nobody has them any more."""

CHANNELS: tuple[Channel, ...] = tuple(Channel)

Waiting = tuple[Micros, int, ContactId]
"""Key, order (unique, breaks ties), contact."""
Idle = tuple[Micros, AgentId]
"""Idle since, agent."""
Need = tuple[Channel, int, Terms]
"""Channel, requirement, terms: what makes a class."""


class RequirementClass:
    """Contacts that need the same of the same channel, on the same terms.

    `options` are the requirements of which one must be met; `personal` tells that terms name
    people.
    """

    __slots__ = (
        "channel", "head", "heap", "index", "live", "need", "options", "personal", "profiles",
        "terms",
    )  # fmt: skip

    def __init__(self, index: int, need: "Need", options: tuple[int, ...]) -> None:
        self.index = index
        self.need = need
        self.channel, _, self.terms = need
        self.options = options
        self.personal = self.terms.names_people
        self.profiles = 0
        self.heap: list[Waiting] = []
        self.live = 0
        self.head: Waiting | None = None


class Profile:
    """Agents who can do the same."""

    __slots__ = ("bits", "classes", "idle", "index", "seats", "staffed")

    def __init__(self, index: int, bits: int) -> None:
        self.index = index
        self.bits = bits
        self.classes = 0
        self.idle: dict[Channel, list[Idle]] = {channel: [] for channel in CHANNELS}
        self.seats = 0
        self.staffed = 0


class Seat:
    """Where an agent stands in the indexes."""

    __slots__ = ("channels", "profile", "since", "staffed")

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.channels: tuple[Channel, ...] = ()
        self.since: Micros = 0
        self.staffed = False


class Exceptions:
    """Classes whose terms name one person, as bits."""

    __slots__ = ("allowed", "forbidden", "own")

    def __init__(self) -> None:
        self.allowed = 0
        self.forbidden = 0
        self.own = 0


class Kept:
    """A reserve at work: which profiles it is about, and how many of them are free."""

    __slots__ = ("classes", "count", "free", "options", "profiles", "queue")

    def __init__(self, queue: QueueId, options: tuple[int, ...], count: int) -> None:
        self.queue = queue
        self.options = options
        self.count = count
        self.profiles = 0
        self.classes = 0
        self.free = dict.fromkeys(CHANNELS, 0)

    def holds(self, profile: int, channel: Channel) -> bool:
        """May people of this profile serve nobody but its own queue now?"""
        return bool(self.profiles >> profile & 1) and self.free[channel] <= self.count


def meets(bits: int, options: tuple[int, ...]) -> bool:
    """Does somebody who can do `bits` meet one of these requirements?"""
    return any(bits & option == option for option in options)


def bits_of(value: int) -> Iterator[int]:
    """The positions of the ones in `value`, lowest first."""
    while value:
        low = value & -value
        yield low.bit_length() - 1
        value ^= low


def remove_sorted(items: list[tuple[Micros, AgentId]], item: Idle) -> None:
    """Take `item` out of a sorted list that holds it."""
    del items[bisect_left(items, item)]


class Engine:
    """The indexes over who waits and who is free, and the two questions asked of them."""

    def __init__(
        self, teams: frozenset[str] = frozenset(), reserves: Iterable[Reserve] = ()
    ) -> None:
        """`teams` are those that terms may name; `reserves` keep people for a queue."""
        self.skills = SkillBits(team_skill(team) for team in sorted(teams))
        self._teams = teams
        self._reserves = [
            Kept(reserve.queue, (self.skills.requirement(reserve.needs),), reserve.agents)
            for reserve in reserves
        ]
        self._exceptions: dict[AgentId, Exceptions] = {}
        self._owned_classes = 0
        self._targeted_classes = 0
        self._unused: list[int] = []
        self._profiles: list[Profile] = []
        self._profile_by_bits: dict[int, Profile] = {}
        self._seats: dict[AgentId, Seat] = {}
        self._classes: list[RequirementClass] = []
        self._class_by_need: dict[Need, RequirementClass] = {}
        self._contacts: dict[ContactId, tuple[RequirementClass, Waiting]] = {}
        self._heads: list[tuple[Micros, int, int]] = []
        self._waiting_classes = 0
        self._channel_classes = dict.fromkeys(CHANNELS, 0)
        self._free_profiles = dict.fromkeys(CHANNELS, 0)
        self._idle: dict[Channel, list[tuple[Micros, AgentId, int]]] = {c: [] for c in CHANNELS}
        self._staffed_profiles = 0

    # --- contacts -------------------------------------------------------------------------

    def __contains__(self, contact: ContactId) -> bool:
        return contact in self._contacts

    def put(
        self,
        contact: ContactId,
        channel: Channel,
        needs: Mapping[str, int],
        key: Micros,
        order: int,
        terms: Terms = PLAIN,
    ) -> None:
        """Let a contact wait. `order` is unique and breaks ties of `key`."""
        group = self._class_for((channel, self.skills.requirement(needs), terms))
        entry = (key, order, contact)
        self._contacts[contact] = (group, entry)
        heappush(group.heap, entry)
        group.live += 1
        if not group.head or entry < group.head:
            self._set_head(group, entry)

    def take(self, contact: ContactId) -> None:
        """The contact waits no more. Nothing happens when it did not."""
        found = self._contacts.pop(contact, None)
        if found is None:
            return
        group, entry = found
        group.live -= 1
        if group.head is entry:
            self._set_head(group, self._first_live(group))
            if group.personal and not group.live:
                self._forget_class(group)
                self._unused.append(group.index)
        elif len(group.heap) > 64 and len(group.heap) > 2 * group.live:
            group.heap = [e for e in group.heap if self._is_live(e)]
            heapify(group.heap)

    def _is_live(self, entry: Waiting) -> bool:
        found = self._contacts.get(entry[2])
        return found is not None and found[1] is entry

    def _first_live(self, group: RequirementClass) -> Waiting | None:
        heap = group.heap
        while heap and not self._is_live(heap[0]):
            heappop(heap)
        return heap[0] if heap else None

    def _set_head(self, group: RequirementClass, head: Waiting | None) -> None:
        if group.head is not None:
            old = (group.head[0], group.head[1], group.index)
            del self._heads[bisect_left(self._heads, old)]
        group.head = head
        if head is None:
            self._waiting_classes &= ~(1 << group.index)
        else:
            insort(self._heads, (head[0], head[1], group.index))
            self._waiting_classes |= 1 << group.index

    def _class_for(self, need: Need) -> RequirementClass:
        group = self._class_by_need.get(need)
        if group is None:
            channel, requirement, terms = need
            options = self._options(requirement, terms)
            group = RequirementClass(self._class_index(), need, options)
            if group.index == len(self._classes):
                self._classes.append(group)
            else:
                self._classes[group.index] = group
            self._class_by_need[need] = group
            self._channel_classes[channel] |= 1 << group.index
            for profile in self._profiles:
                self._relate(group, profile)
            self._note_terms(group)
        return group

    def _note_terms(self, group: RequirementClass) -> None:
        bit, terms = 1 << group.index, group.terms
        for agent in terms.agents:
            self._exceptions.setdefault(agent, Exceptions()).allowed |= bit
        for agent in terms.excluded:
            self._exceptions.setdefault(agent, Exceptions()).forbidden |= bit
        if terms.only:
            self._exceptions.setdefault(terms.only, Exceptions()).own |= bit
            self._owned_classes |= bit
        if terms.target:
            self._targeted_classes |= bit
        for kept in self._reserves:
            if kept.queue == terms.queue:
                kept.classes |= bit

    def _class_index(self) -> int:
        """A new index, or that of a class where nobody waits once there are very many."""
        if self._unused:
            return self._unused.pop()
        if len(self._classes) >= CLASSES_KEPT:
            for group in self._classes:
                if not group.live:
                    self._forget_class(group)
                    return group.index
        return len(self._classes)

    def _forget_class(self, group: RequirementClass) -> None:
        gone, terms = ~(1 << group.index), group.terms
        del self._class_by_need[group.need]
        self._channel_classes[group.channel] &= gone
        self._owned_classes &= gone
        self._targeted_classes &= gone
        for kept in self._reserves:
            kept.classes &= gone
        for index in bits_of(group.profiles):
            self._profiles[index].classes &= gone
        for agent in {*terms.agents, *terms.excluded, terms.only} - {""}:
            noted = self._exceptions[agent]
            noted.allowed &= gone
            noted.forbidden &= gone
            noted.own &= gone
            if not (noted.allowed or noted.forbidden or noted.own):
                del self._exceptions[agent]

    @staticmethod
    def _relate(group: RequirementClass, profile: Profile) -> None:
        """Note on both sides whether the people of `profile` can do what `group` needs."""
        if meets(profile.bits, group.options):
            group.profiles |= 1 << profile.index
            profile.classes |= 1 << group.index

    # --- agents ---------------------------------------------------------------------------

    def seat(self, agent: AgentId, skills: Mapping[str, int], team: str = "") -> None:
        """Know an agent and what she can do. A second time moves her; she is busy afterwards."""
        self.unseat(agent)
        bits = self.skills.profile(skills)
        if team in self._teams:
            bits |= self.skills.profile({team_skill(team): 1})
        profile = self._profile_for(bits)
        profile.seats += 1
        self._seats[agent] = Seat(profile)

    def unseat(self, agent: AgentId) -> None:
        """Forget an agent. Nothing happens when she was not known."""
        seat = self._seats.get(agent)
        if seat is not None:
            self.free(agent, (), 0)
            self.staff(agent, False)
            seat.profile.seats -= 1
            del self._seats[agent]

    def free(self, agent: AgentId, channels: tuple[Channel, ...], since: Micros) -> None:
        """The agent may be offered contacts of exactly these channels, idle `since` then."""
        seat = self._seats[agent]
        if seat.channels == channels and (seat.since == since or not channels):
            return
        for channel in seat.channels:
            self._make_busy(agent, seat, channel)
        seat.channels, seat.since = channels, since
        for channel in channels:
            insort(seat.profile.idle[channel], (since, agent))
            insort(self._idle[channel], (since, agent, seat.profile.index))
            self._free_profiles[channel] |= 1 << seat.profile.index
            for kept in self._reserves:
                kept.free[channel] += kept.profiles >> seat.profile.index & 1

    def _make_busy(self, agent: AgentId, seat: Seat, channel: Channel) -> None:
        idle = seat.profile.idle[channel]
        remove_sorted(idle, (seat.since, agent))
        everyone = self._idle[channel]
        del everyone[bisect_left(everyone, (seat.since, agent, seat.profile.index))]
        if not idle:
            self._free_profiles[channel] &= ~(1 << seat.profile.index)
        for kept in self._reserves:
            kept.free[channel] -= kept.profiles >> seat.profile.index & 1

    def staff(self, agent: AgentId, logged_in: bool) -> None:
        """Count the agent among those who are there at all."""
        seat = self._seats[agent]
        if seat.staffed == logged_in:
            return
        seat.staffed = logged_in
        profile = seat.profile
        profile.staffed += 1 if logged_in else -1
        if profile.staffed:
            self._staffed_profiles |= 1 << profile.index
        else:
            self._staffed_profiles &= ~(1 << profile.index)

    def _profile_index(self) -> int:
        """A new index, or that of a profile that nobody has once there are very many."""
        if len(self._profiles) >= PROFILES_KEPT:
            for profile in self._profiles:
                if not profile.seats:
                    self._forget_profile(profile)
                    return profile.index
        return len(self._profiles)

    def _forget_profile(self, profile: Profile) -> None:
        gone = ~(1 << profile.index)
        del self._profile_by_bits[profile.bits]
        for index in bits_of(profile.classes):
            self._classes[index].profiles &= gone
        for kept in self._reserves:
            kept.profiles &= gone

    def _profile_for(self, bits: int) -> Profile:
        profile = self._profile_by_bits.get(bits)
        if profile is None:
            profile = Profile(self._profile_index(), bits)
            if profile.index == len(self._profiles):
                self._profiles.append(profile)
            else:
                self._profiles[profile.index] = profile
            self._profile_by_bits[bits] = profile
            for group in self._class_by_need.values():
                self._relate(group, profile)
            for kept in self._reserves:
                kept.profiles |= meets(bits, kept.options) << profile.index
        return profile

    # --- questions ------------------------------------------------------------------------

    def staffed(self, channel: Channel, needs: Mapping[str, int], terms: Terms = PLAIN) -> bool:
        """Is anybody who can do this logged in, free or not?"""
        requirement = self.skills.requirement(needs)
        if not terms.names_people:
            group = self._class_for((channel, requirement, terms))
            return bool(group.profiles & self._staffed_profiles)
        return self._staffed_by_name(requirement, terms)

    def _staffed_by_name(self, requirement: int, terms: Terms) -> bool:
        """The same where it depends on who somebody is."""
        options = self._options(requirement, terms)
        named: dict[int, int] = {}
        for agent in {*terms.agents, *terms.excluded, terms.only} - {""}:
            seat = self._seats.get(agent)
            if seat is None or not seat.staffed:
                continue
            able = agent in terms.agents or meets(seat.profile.bits, options)
            if able and self._allowed(agent, terms):
                return True
            named[seat.profile.index] = named.get(seat.profile.index, 0) + 1
        if terms.only:
            return False
        return any(
            profile.staffed > named.get(index, 0) and meets(profile.bits, options)
            for index in bits_of(self._staffed_profiles)
            for profile in [self._profiles[index]]
        )

    def _options(self, requirement: int, terms: Terms) -> tuple[int, ...]:
        teams = (self.skills.requirement({team_skill(team): 1}) for team in terms.teams)
        return (requirement, *teams)

    def agents_for(
        self, contact: ContactId, most: int = 2, order: Order | None = None
    ) -> list[AgentId]:
        """The first `most` free agents who can take this waiting contact.

        Without an order the longest idle comes first, and the second is the runner-up.
        """
        group, _ = self._contacts[contact]
        channel = group.channel
        able = group.profiles & self._free_profiles[channel]
        held = self._held_profiles(group) if self._reserves else 0
        able &= ~held
        if group.personal or order is not None:
            return self._choose(group, able, held, most, order or Order())
        if not able:
            return []
        found: list[AgentId] | None = None
        if able.bit_count() > CANDIDATES_FEW:
            found = self._walk_idle(channel, able, most)
        return found or self._compare_idle(channel, able, most)

    def _held_profiles(self, group: RequirementClass) -> int:
        """Profiles whose free people are all kept for other queues."""
        held = 0
        for kept in self._reserves:
            if kept.queue != group.terms.queue and kept.free[group.channel] <= kept.count:
                held |= kept.profiles
        return 0 if group.terms.only else held

    def _walk_idle(self, channel: Channel, able: int, most: int) -> list[AgentId] | None:
        """The first able in order of idleness, or None when not all are near the front."""
        found: list[AgentId] = []
        for _, agent, profile in self._idle[channel][:PROBES]:
            if able >> profile & 1:
                found.append(agent)
                if len(found) == most:
                    return found
        return None

    def _compare_idle(self, channel: Channel, able: int, most: int) -> list[AgentId]:
        first: list[Idle] = []
        for index in bits_of(able):
            first += self._profiles[index].idle[channel][:most]
        first.sort()
        return [agent for _, agent in first[:most]]

    def _choose(
        self, group: RequirementClass, able: int, held: int, most: int, order: Order
    ) -> list[AgentId]:
        """As `order` says, among those that the terms allow."""
        terms, channel = group.terms, group.channel
        found: list[tuple[Any, Any, Micros, AgentId]] = []
        for index in bits_of(able):
            profile = self._profiles[index]
            cost = order.penalty(profile.bits) if order.penalty else 0
            fit = (idle for idle in profile.idle[channel] if self._allowed(idle[1], terms))
            # Within a profile only idleness differs, unless each agent has a rank of her own.
            for since, agent in fit if order.rank else islice(fit, most):
                found.append((cost, order.rank(agent) if order.rank else 0, since, agent))
        for agent in terms.agents:
            seat = self._seats.get(agent)
            if seat is None or channel not in seat.channels or not self._allowed(agent, terms):
                continue
            if not (able | held) >> seat.profile.index & 1:
                found.append(self.standing(agent, order))
        found.sort()
        return [agent for _, _, _, agent in found[:most]]

    def standing(self, agent: AgentId, order: Order) -> tuple[Any, Any, Micros, AgentId]:
        """Where an agent stands among those who could take a contact; smaller comes first."""
        seat = self._seats[agent]
        cost = order.penalty(seat.profile.bits) if order.penalty else 0
        return cost, order.rank(agent) if order.rank else 0, seat.since, agent

    def keepers(self, agent: AgentId, channel: Channel, queue: QueueId) -> list[QueueId]:
        """Queues with a reserve that keeps this agent, free or were she free, from others than
        `queue`."""
        seat = self._seats[agent]
        more = channel not in seat.channels
        return [
            kept.queue
            for kept in self._reserves
            if kept.queue != queue
            and kept.profiles >> seat.profile.index & 1
            and kept.free[channel] + more <= kept.count
        ]

    @staticmethod
    def _allowed(agent: AgentId, terms: Terms) -> bool:
        return agent not in terms.excluded and terms.only in ("", agent)

    def contact_for(self, agent: AgentId, now: Micros = 0) -> ContactId | None:
        """The first of all waiting contacts that this agent is free for and can take.

        `now` is needed where contacts are compared by the share of their target that is used up.
        """
        mine = self._classes_of(agent)
        if not mine:
            return None
        if mine & self._targeted_classes:
            return min(self._used_up(index, now) for index in bits_of(mine))[3]
        if mine.bit_count() > CANDIDATES_FEW:
            for _, _, index in self._heads[:PROBES]:
                if mine >> index & 1:
                    return self._head_of(index)[2]
        return min(self._head_of(index) for index in bits_of(mine))[2]

    def _classes_of(self, agent: AgentId) -> int:
        """The classes with a waiting contact that this agent may be offered now."""
        seat = self._seats[agent]
        fit = seat.profile.classes
        others = self._owned_classes
        noted = self._exceptions.get(agent)
        if noted is not None:
            fit = (fit | noted.allowed) & ~noted.forbidden
            others &= ~noted.own
        fit &= self._waiting_classes & ~others
        if not fit:
            return 0
        mine = 0
        for channel in seat.channels:
            of_channel = self._channel_classes[channel]
            for kept in self._reserves:
                if kept.holds(seat.profile.index, channel):
                    of_channel &= kept.classes | self._owned_classes
            mine |= of_channel
        return mine & fit

    def _used_up(self, index: int, now: Micros) -> tuple[int, Micros, int, ContactId]:
        """The head of a class, most of its target used up first."""
        key, order, contact = self._head_of(index)
        return -used_up(key, self._classes[index].terms.target, now), key, order, contact

    def awaited(self, agent: AgentId) -> bool:
        """May anybody wait for this agent alone? False when surely nobody does."""
        noted = self._exceptions.get(agent)
        return noted is not None and bool(noted.own)

    @property
    def reserving(self) -> bool:
        """Are free agents kept for some queue?"""
        return bool(self._reserves)

    def unlocked(self) -> list[AgentId]:
        """Free agents whom a reserve may have kept from waiting contacts, the longest idle first.

        Without reserves this is never needed: then only who comes free can have anything to do.
        """
        found: set[Idle] = set()
        for channel in CHANNELS:
            waiting = self._waiting_classes & self._channel_classes[channel]
            for index in bits_of(self._free_profiles[channel]) if waiting else ():
                if self._profiles[index].classes & waiting:
                    found.update(self._profiles[index].idle[channel])
        for agent in self._exceptions:
            seat = self._seats.get(agent)
            if seat is not None and seat.channels:
                found.add((seat.since, agent))
        return [agent for _, agent in sorted(found) if self._classes_of(agent)]

    def _head_of(self, index: int) -> Waiting:
        head = self._classes[index].head
        assert head is not None
        return head


def team_skill(team: str) -> str:
    """A team among the skills: no skill has a blank in its name."""
    return f"team {team}"
