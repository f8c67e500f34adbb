"""Messages in the answers to callbacks

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('accounts', sa.Column('callback_replies', sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column('accounts', 'callback_replies')
