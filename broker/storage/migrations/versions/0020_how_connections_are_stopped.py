"""How connections are stopped

Revision ID: 0020
Revises: 0019
"""

import sqlalchemy as sa
from alembic import op


revision = '0020'
down_revision = '0019'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('connections', sa.Column('paused_how', sa.String(length=8), server_default='pause', nullable=False))


def downgrade() -> None:
    op.drop_column('connections', 'paused_how')
