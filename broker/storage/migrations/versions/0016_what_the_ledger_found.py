"""What the ledger found

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op


revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('ledger_checks',
    sa.Column('account', sa.String(length=64), nullable=False),
    sa.Column('hour', sa.BigInteger(), nullable=False),
    sa.Column('accepted', sa.BigInteger(), nullable=False),
    sa.Column('waiting', sa.BigInteger(), nullable=False),
    sa.Column('in_flight', sa.BigInteger(), nullable=False),
    sa.Column('final', sa.BigInteger(), nullable=False),
    sa.Column('parked', sa.BigInteger(), nullable=False),
    sa.Column('difference', sa.BigInteger(), nullable=False),
    sa.Column('checked_at', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('account', 'hour', name=op.f('pk_ledger_checks'))
    )
    op.create_index('ix_ledger_checks_hour', 'ledger_checks', ['hour'], unique=False)


def downgrade() -> None:
    op.drop_table('ledger_checks')
