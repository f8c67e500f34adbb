"""Callbacks that were not told

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index('ix_callbacks_state_id', 'callbacks', ['state', 'id'], unique=False, sqlite_where=sa.text("state IN ('given_up', 'held')"), postgresql_where=sa.text("state IN ('given_up', 'held')"))


def downgrade() -> None:
    op.drop_index('ix_callbacks_state_id', table_name='callbacks')
