"""What settings of `queues.conf` have no equivalent here, and why.

Why: most of them say what a caller hears, which here is the flow's, or what a dialplan reads, which
here does not exist. A reason by name serves whoever rebuilds it elsewhere.
"""

from __future__ import annotations

FLOW = "what a caller hears while waiting is the flow's: `comfort` of its `queue` node"
DIALPLAN = "there is no dialplan that could read it"
RECORDING = "calls are not recorded"
AGENT_HEARS = "nothing is played or shown to the agent's phone; the desk shows queue and wait"
QUEUE_LOG = "there is no queue_log; the history and the journal hold every step"
UNREACHABLE = "an agent whose phone cannot be reached is offered nothing until it is heard again"

NO_EQUIVALENT: dict[str, str] = {
    "musicclass": FLOW, "music": FLOW, "musiconhold": FLOW, "queue-callerannounce": FLOW,
    "announce-frequency": FLOW, "min-announce-frequency": FLOW, "announce-to-first-user": FLOW,
    "announce-round-seconds": FLOW, "announce-holdtime": FLOW, "announce-position": FLOW,
    "announce-position-only-up": FLOW, "announce-position-limit": FLOW, "periodic-announce": FLOW,
    "periodic-announce-startdelay": FLOW, "periodic-announce-frequency": FLOW,
    "relative-periodic-announce": FLOW, "random-periodic-announce": FLOW,
    "announce": AGENT_HEARS, "reportholdtime": AGENT_HEARS, "memberdelay": AGENT_HEARS,
    "queue-reporthold": AGENT_HEARS,
    "context": "the key that leaves a queue is the flow's: `leave` of its comfort, exit `left`; it may lead to a callback",
    "setinterfacevar": DIALPLAN, "setqueuevar": DIALPLAN, "setqueueentryvar": DIALPLAN,
    "membergosub": DIALPLAN, "membermacro": DIALPLAN, "eventwhencalled": DIALPLAN,
    "eventmemberstatus": DIALPLAN,
    "monitor-format": RECORDING, "monitor-type": RECORDING,
    "retry": "nobody waits between two agents: the next one is asked at once",
    "timeoutpriority": "a wait that ends ends at once, also while a phone rings",
    "timeoutrestart": "a phone that is busy has not rung: the next agent is asked at once",
    "autopausedelay": "an agent who does not answer is not ready at once",
    "autopauseunavail": UNREACHABLE,
    "log-restricted-caller-id": QUEUE_LOG,
    "persistentmembers": "who is ready is in the journal, and outlives every restart",
    "keepstats": "figures are in the history, and outlive every restart",
    "enable_cidname_logging": QUEUE_LOG, "log_membername_as_agent": QUEUE_LOG,
    "log_unpause_on_reason_change": QUEUE_LOG, "updatecdr": QUEUE_LOG,
    "negative_penalty_invalid": "a penalty below 0 counts as 0",
    "realtime_rules": "no database is read; give the rules as queuerules.conf",
}  # fmt: skip
"""Setting, and why it has none. `queue-…` sounds are the flow's, too."""


def reason_of(key: str) -> str:
    """Why this setting has no equivalent; empty for one that is not known to have none."""
    key = key.lower()
    return NO_EQUIVALENT.get(key, FLOW if key.startswith("queue-") else "")
