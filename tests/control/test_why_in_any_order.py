"""Whatever comes in whatever order: every offer is explained, and every reason is true."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from callcenter.control.replay import same
from callcenter.domain.events import InputKind
from tests.control.explaining import Checker, decide_checked
from tests.control.test_any_order import AnyOrder


class Explained(AnyOrder):
    """The same mercy: none. At its end everything is decided again with somebody looking on."""

    def teardown(self) -> None:
        if not hasattr(self, "house"):
            return
        commands = iter(self.house.commands)
        fed = [
            (1, given, next(commands) if given.kind is InputKind.COMMAND else None)
            for given in self.house.inputs
        ]
        again = decide_checked(fed, Checker(agents_looked_at=4))
        assert same(again, self.house.journal)


TestExplained = Explained.TestCase
TestExplained.settings = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
