"""A contact center: calls arrive, are greeted, wait by skill, and reach a trained agent."""

__version__ = "0.1.0"
