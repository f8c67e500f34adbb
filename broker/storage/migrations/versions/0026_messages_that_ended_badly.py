"""Messages that ended badly are found without looking at the others

Revision ID: 0026
Revises: 0025
"""

import sqlalchemy as sa
from alembic import op


revision = '0026'
down_revision = '0025'
branch_labels = None
depends_on = None

ENDED_BADLY = sa.text("status IN ('rejected', 'failed', 'undelivered', 'expired')")


def upgrade() -> None:
    op.create_index(
        'ix_messages_ended_badly', 'messages', ['id'], sqlite_where=ENDED_BADLY, postgresql_where=ENDED_BADLY
    )


def downgrade() -> None:
    op.drop_index('ix_messages_ended_badly', table_name='messages')
