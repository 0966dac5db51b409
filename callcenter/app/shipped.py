"""Where the files are that come with the program: flows with their prompts, deployment files.

Why: in a checkout they lie at the top, where people look for them; in an installed wheel they lie
inside the package. Whoever needs them asks here and cannot tell the difference.
"""

from pathlib import Path

from callcenter.app.config import shipped


def flows_directory() -> Path:
    """The shipped flows, `*.yaml`, with their audio below `prompts/`."""
    return shipped("ivr_flows")


def deploy_directory() -> Path:
    """The shipped deployment files."""
    return shipped("deploy")
