"""Who gets whom: the longest idle able agent for a contact, the first contact for an agent.

Theory. Contacts with the same channel and requirement form a *class*, agents with the same
proficiencies a *profile*. Whether a class and a profile fit is computed once, when the younger of
the two appears, and kept on both sides as one big integer: bit p of `class.profiles`, bit c of
`profile.classes`. With two more integers, "profiles with a free agent" and "classes with a waiting
contact", the question "is there anyone?" is one AND.

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
from collections.abc import Iterator, Mapping
from heapq import heapify, heappop, heappush

from callcenter.domain.center import Channel
from callcenter.domain.units import AgentId, ContactId, Micros
from callcenter.routing.skills import SkillBits

PROBES = 48
CANDIDATES_FEW = 12
CLASSES_KEPT = 4096
"""Classes beyond this many are recycled once nobody of theirs waits."""

CHANNELS: tuple[Channel, ...] = tuple(Channel)

Waiting = tuple[Micros, int, ContactId]
"""Key, order (unique, breaks ties), contact."""
Idle = tuple[Micros, AgentId]
"""Idle since, agent."""


class RequirementClass:
    """Contacts that need the same of the same channel."""

    __slots__ = ("channel", "head", "heap", "index", "live", "profiles", "requirement")

    def __init__(self, index: int, channel: Channel, requirement: int) -> None:
        self.index = index
        self.channel = channel
        self.requirement = requirement
        self.profiles = 0
        self.heap: list[Waiting] = []
        self.live = 0
        self.head: Waiting | None = None


class Profile:
    """Agents who can do the same."""

    __slots__ = ("bits", "classes", "idle", "index", "staffed")

    def __init__(self, index: int, bits: int) -> None:
        self.index = index
        self.bits = bits
        self.classes = 0
        self.idle: dict[Channel, list[Idle]] = {channel: [] for channel in CHANNELS}
        self.staffed = 0


class Seat:
    """Where an agent stands in the indexes."""

    __slots__ = ("channels", "profile", "since", "staffed")

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.channels: tuple[Channel, ...] = ()
        self.since: Micros = 0
        self.staffed = False


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

    def __init__(self) -> None:
        self._skills = SkillBits()
        self._profiles: list[Profile] = []
        self._profile_by_bits: dict[int, Profile] = {}
        self._seats: dict[AgentId, Seat] = {}
        self._classes: list[RequirementClass] = []
        self._class_by_need: dict[tuple[Channel, int], RequirementClass] = {}
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
    ) -> None:
        """Let a contact wait. `order` is unique and breaks ties of `key`."""
        group = self._class_for(channel, self._skills.requirement(needs))
        entry = (key, order, contact)
        self._contacts[contact] = (group, entry)
        heappush(group.heap, entry)
        group.live += 1
        if group.head is None or entry < group.head:
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

    def _class_for(self, channel: Channel, requirement: int) -> RequirementClass:
        group = self._class_by_need.get((channel, requirement))
        if group is None:
            group = RequirementClass(self._class_index(), channel, requirement)
            if group.index == len(self._classes):
                self._classes.append(group)
            else:
                self._classes[group.index] = group
            self._class_by_need[channel, requirement] = group
            self._channel_classes[channel] |= 1 << group.index
            for profile in self._profiles:
                self._relate(group, profile)
        return group

    def _class_index(self) -> int:
        """A new index, or that of a class where nobody waits once there are very many."""
        if len(self._classes) >= CLASSES_KEPT:
            for group in self._classes:
                if not group.live:
                    self._forget_class(group)
                    return group.index
        return len(self._classes)

    def _forget_class(self, group: RequirementClass) -> None:
        del self._class_by_need[group.channel, group.requirement]
        self._channel_classes[group.channel] &= ~(1 << group.index)
        for index in bits_of(group.profiles):
            self._profiles[index].classes &= ~(1 << group.index)

    @staticmethod
    def _relate(group: RequirementClass, profile: Profile) -> None:
        """Note on both sides whether the people of `profile` can do what `group` needs."""
        if profile.bits & group.requirement == group.requirement:
            group.profiles |= 1 << profile.index
            profile.classes |= 1 << group.index

    # --- agents ---------------------------------------------------------------------------

    def seat(self, agent: AgentId, skills: Mapping[str, int]) -> None:
        """Know an agent and what she can do. A second time moves her; she is busy afterwards."""
        self.unseat(agent)
        self._seats[agent] = Seat(self._profile_for(self._skills.profile(skills)))

    def unseat(self, agent: AgentId) -> None:
        """Forget an agent. Nothing happens when she was not known."""
        seat = self._seats.get(agent)
        if seat is not None:
            self.free(agent, (), 0)
            self.staff(agent, False)
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

    def _make_busy(self, agent: AgentId, seat: Seat, channel: Channel) -> None:
        idle = seat.profile.idle[channel]
        remove_sorted(idle, (seat.since, agent))
        everyone = self._idle[channel]
        del everyone[bisect_left(everyone, (seat.since, agent, seat.profile.index))]
        if not idle:
            self._free_profiles[channel] &= ~(1 << seat.profile.index)

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

    def _profile_for(self, bits: int) -> Profile:
        profile = self._profile_by_bits.get(bits)
        if profile is None:
            profile = Profile(len(self._profiles), bits)
            self._profiles.append(profile)
            self._profile_by_bits[bits] = profile
            for group in self._classes:
                self._relate(group, profile)
        return profile

    # --- questions ------------------------------------------------------------------------

    def staffed(self, channel: Channel, needs: Mapping[str, int]) -> bool:
        """Is anybody who can do this logged in, free or not?"""
        group = self._class_for(channel, self._skills.requirement(needs))
        return bool(group.profiles & self._staffed_profiles)

    def agents_for(self, contact: ContactId) -> list[AgentId]:
        """The longest idle free agent who can take this waiting contact, and the runner-up."""
        group, _ = self._contacts[contact]
        able = group.profiles & self._free_profiles[group.channel]
        if not able:
            return []
        found: list[AgentId] | None = None
        if able.bit_count() > CANDIDATES_FEW:
            found = self._walk_idle(group.channel, able)
        return found or self._compare_idle(group.channel, able)

    def _walk_idle(self, channel: Channel, able: int) -> list[AgentId] | None:
        """The first two able in order of idleness, or None when not both are near the front."""
        found: list[AgentId] = []
        for _, agent, profile in self._idle[channel][:PROBES]:
            if able >> profile & 1:
                found.append(agent)
                if len(found) == 2:
                    return found
        return None

    def _compare_idle(self, channel: Channel, able: int) -> list[AgentId]:
        first: list[Idle] = []
        for index in bits_of(able):
            first += self._profiles[index].idle[channel][:2]
        first.sort()
        return [agent for _, agent in first[:2]]

    def contact_for(self, agent: AgentId) -> ContactId | None:
        """The first of all waiting contacts that this agent is free for and can take."""
        seat = self._seats[agent]
        mine = 0
        for channel in seat.channels:
            mine |= self._channel_classes[channel]
        mine &= seat.profile.classes & self._waiting_classes
        if not mine:
            return None
        if mine.bit_count() > CANDIDATES_FEW:
            for _, _, index in self._heads[:PROBES]:
                if mine >> index & 1:
                    return self._head_of(index)[2]
        return min(self._head_of(index) for index in bits_of(mine))[2]

    def _head_of(self, index: int) -> Waiting:
        head = self._classes[index].head
        assert head is not None
        return head
