"""A phone that is to answer by itself, and what its agent hears then.

Why: there is no one header that all phones understand, so it is a setting of the agent's which of
them hers does. A phone that knows none of it rings; nothing is worse then than without. Whoever is
connected without lifting a finger must be warned: a short tone, and the name of the queue where
somebody has recorded it.

Sources: RFC 5373 (Answer-Mode, without `require`: who cannot is to ring); RFC 3261 20.4 and 20.9
with the parameters that phones gave them (`info=alert-autoanswer`, `answer-after=0`).
"""

from callcenter.domain.center import AutoAnswer
from callcenter.domain.units import AgentId, QueueId
from callcenter.frontend.hands import Hands

TONE = "tones/attention"
WHISPERS = "queues"
"""Folder of the prompts that name queues: `queues/<language>/<id of the queue>`."""


def answer_headers(hands: Hands, agent: AgentId) -> tuple[tuple[str, str], ...]:
    """What an INVITE to her phone says so that it answers; nothing for a phone that cannot."""
    how = next((a.auto_answer for a in hands.center.agents if a.id == agent), AutoAnswer.OFF)
    domain = hands.rules.domain
    if how is AutoAnswer.CALL_INFO:
        return (("Call-Info", f"<sip:{domain}>;answer-after=0"),)
    if how is AutoAnswer.ALERT_INFO:
        return (("Alert-Info", f"<sip:{domain}>;info=alert-autoanswer;delay=0"),)
    return (("Answer-Mode", "Auto"),) if how is AutoAnswer.ANSWER_MODE else ()


def attention(hands: Hands, queue: QueueId) -> list[str]:
    """The files that she hears before she is connected; what nobody has recorded is left out."""
    audio = hands.config.audio
    names = (TONE, f"{WHISPERS}/{hands.rules.voice}/{queue}")
    return [audio[name] for name in names if name in audio]
