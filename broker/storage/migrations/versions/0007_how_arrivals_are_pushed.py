"""How arrivals are pushed

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('accounts', sa.Column('inbound_mode', sa.String(length=8), nullable=True))
    op.add_column('accounts', sa.Column('date_form', sa.String(length=8), nullable=True))


def downgrade() -> None:
    for name in ('date_form', 'inbound_mode'):
        op.drop_column('accounts', name)
