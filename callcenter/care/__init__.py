"""Customer, case, policy, clock, escalation, remedy, survey."""
