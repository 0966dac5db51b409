"""What follows when an agent learns something, or when what she learned runs out.

Why: from the instant a certificate expires she is offered nothing that needs it, whatever else
happens at that moment; so expiry is decided before any other input, and not by a job at night.
"""

from callcenter.agents.training import looked_at, refusal
from callcenter.control.people import answer
from callcenter.control.turn import Turn
from callcenter.domain import commands as c
from callcenter.domain import events as e
from callcenter.domain.center import PROFICIENCY_MAX
from callcenter.domain.names import quoted
from callcenter.domain.skills import Qualification
from callcenter.domain.units import AgentId


def on_training(turn: Turn, command: c.TrainingRequested) -> None:
    """Record a training; passed for a skill, she has it from now on."""
    refused = unknown_agent(turn, command.agent) or refusal(
        course=command.course,
        day=command.date,
        trainer=command.trainer,
        skill=command.skill,
        level=command.level,
        expires=command.expires,
        known=turn.state.center.skills,
        now=turn.now,
    )
    if refused:
        answer(turn, command.request, refused)
        return
    turn.emit(
        e.TrainingRecorded(
            at=turn.now,
            agent=command.agent,
            course=command.course,
            date=command.date,
            passed=command.passed,
            trainer=command.trainer,
            skill=command.skill,
            level=command.level,
            expires=command.expires,
            by=command.by,
        )
    )
    turn.touch(command.agent)
    on_certificates_due(turn)
    answer(turn, command.request)


def on_skills(turn: Turn, command: c.SkillsRequested) -> None:
    """Other proficiencies than the configured ones, from this moment on."""
    refused = unknown_agent(turn, command.agent) or bad_skills(turn, command)
    if refused:
        answer(turn, command.request, refused)
        return
    found = turn.state.people.get(command.agent, Qualification())
    if found.by_hand != command.skills:
        turn.emit(
            e.SkillsChanged(at=turn.now, agent=command.agent, skills=command.skills, by=command.by)
        )
        turn.touch(command.agent)
    answer(turn, command.request)


def unknown_agent(turn: Turn, agent: AgentId) -> str:
    return "" if agent in turn.world.agents else f"there is no agent {quoted(agent)}"


def bad_skills(turn: Turn, command: c.SkillsRequested) -> str:
    for skill, level in command.skills.items():
        if skill not in turn.world.known_skills:
            known = ", ".join(turn.state.center.skills) or "none"
            return f"skill {quoted(skill)} is not known; known are: {known}"
        if not 0 <= level <= PROFICIENCY_MAX:
            return f"skill {skill!r}: {level} is not within 0 (none) to {PROFICIENCY_MAX}"
    return ""


def on_certificates_due(turn: Turn) -> None:
    """Warn of what expires soon, and end what has expired."""
    while (due := turn.world.certificates.pop(turn.now)) is not None:
        agent = AgentId(due[1])
        for skill, certificate in sorted(turn.state.people[agent].certificates.items()):
            when = looked_at(certificate)
            if when is None or when > turn.now:
                continue
            if certificate.expires <= turn.now:
                turn.emit(e.CertificateExpired(at=turn.now, agent=agent, skill=skill))
            else:
                turn.emit(
                    e.CertificateExpiring(
                        at=turn.now, agent=agent, skill=skill, expires=certificate.expires
                    )
                )
        turn.touch(agent)
