"""Which contact a callback belongs to.

Why: the two are one conversation, and a record must say so years later.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Contacts of an earlier release are nobody's callback."""
    op.add_column(
        "contact",
        sa.Column("origin", sa.String(length=200), nullable=False, server_default=""),
    )


def downgrade() -> None:
    """Forget what belongs together."""
    with op.batch_alter_table("contact") as contact:
        contact.drop_column("origin")
