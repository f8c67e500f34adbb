"""Quiet hours of accounts

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op


revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('accounts', sa.Column('quiet_hours', sa.String(length=11), nullable=True))


def downgrade() -> None:
    op.drop_column('accounts', 'quiet_hours')
