"""Whatever is refused, dropped or tried is counted under a name."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from callcenter.app.config import Settings
from callcenter.app.context import HolderLine, RoleContext
from callcenter.app.figures import frontend_figures, media_figures
from callcenter.app.roles.frontend import ASKED_EARLY_MAX, FrontendRole
from callcenter.domain.units import ContactId
from callcenter.frontend.turn import LookedUp, LookUp
from callcenter.records.published import Family
from tests.frontend.world import World


def samples(families: list[Family], name: str) -> dict[tuple[str, ...], float]:
    [family] = [family for family in families if family.name == name]
    return dict(family.samples)


def test_wrong_passwords_are_counted_and_those_that_never_came_are_nought() -> None:
    world = World("ana", ready=False)
    world.phone("ana").register(password="wrong")
    found = samples(frontend_figures(world.frontend), "callcenter_sip_logins_rejected_total")
    nought = dict.fromkeys((("locked",), ("malformed",), ("other_name",), ("unencrypted",)), 0)
    assert found == nought | {("wrong",): 1}


def test_a_code_is_counted_with_how_its_call_ended() -> None:
    world = World("ana")
    ana = world.agents["ana"]
    ana.dial("*11")
    world.said(ana)
    ana.dial("*12")
    ana.hang_up()
    found = samples(frontend_figures(world.frontend), "callcenter_feature_calls_ended_total")
    assert found == {("ready", "flow_hung_up"): 1, ("not_ready", "caller_hung_up"): 1}


def test_calls_that_the_endpoint_refused_are_refused_calls() -> None:
    world = World()
    world.frontend.endpoint.counters["calls_refused"] = 3
    world.frontend.counts["refused.overloaded"] = 2
    found = samples(frontend_figures(world.frontend), "callcenter_calls_refused_total")
    assert found == {("overloaded",): 5}


def test_what_the_endpoint_met_with_is_counted() -> None:
    world = World()
    world.phone("caller").dial("+15559999")
    found = samples(frontend_figures(world.frontend), "callcenter_sip_events_total")
    assert found[("requests_received",)] >= 1


def test_dropped_packets_of_all_engines_are_added_up() -> None:
    one = {"currentstatistics": {"sessionstotal": 2}, "dropped": {"stray": 3, "short": 1}}
    families = media_figures([one, {"dropped": {"stray": 4}}, {}])
    found = samples(families, "callcenter_media_packets_dropped_total")
    assert (found[("stray",)], found[("short",)], found[("malformed",)]) == (7, 1, 0)
    assert samples(families, "callcenter_media_legs") == {(): 2}


class Ear:
    """Takes what the front end's machine is fed."""

    def __init__(self) -> None:
        self.fed: list[Any] = []

    def feed(self, what: Any) -> None:
        self.fed.append(what)


def test_questions_before_the_database_is_there_are_bounded_and_answered(tmp_path: Path) -> None:
    async def story() -> None:
        context = RoleContext(
            role="frontend", index=0, settings=Settings(state_directory=tmp_path), sockets={},
            addresses={}, store_url="", state_directory=tmp_path, epoch=1, line=HolderLine(None),
        )  # fmt: skip
        role, ear = FrontendRole(context), Ear()
        role.loop = ear  # type: ignore[assignment]
        for number in range(ASKED_EARLY_MAX + 2):
            role._look(LookUp(ContactId(f"c{number}"), "caller_number", "1"))
        assert role.unasked == 2
        assert [type(what) for what in ear.fed] == [LookedUp, LookedUp]
        assert ear.fed[-1] == LookedUp(ContactId(f"c{ASKED_EARLY_MAX + 1}"), False, {}, "")

    asyncio.run(story())
