"""Traces

Revision ID: 0021
Revises: 0020
"""

import sqlalchemy as sa
from alembic import op


revision = '0021'
down_revision = '0020'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('messages', sa.Column('trace', sa.String(length=55), nullable=True))


def downgrade() -> None:
    op.drop_column('messages', 'trace')
