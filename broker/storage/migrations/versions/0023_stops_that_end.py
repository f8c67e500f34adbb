"""Stops of connections that end by themselves

Revision ID: 0023
Revises: 0022
"""

import sqlalchemy as sa
from alembic import op


revision = '0023'
down_revision = '0022'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('connections', sa.Column('paused_until', sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column('connections', 'paused_until')
