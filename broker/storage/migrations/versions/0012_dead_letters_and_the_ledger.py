"""Dead letters, the ledger, and a deadline for every open message

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op


revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

OPEN = "standing IN ('parked', 'leaving')"


def upgrade() -> None:
    op.create_table('dead_letters',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('subject', sa.String(length=64), nullable=False),
    sa.Column('family', sa.String(length=36), nullable=True),
    sa.Column('account', sa.String(length=64), nullable=True),
    sa.Column('connection', sa.String(length=64), nullable=True),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.Column('error', sa.String(length=255), nullable=False),
    sa.Column('trace', sa.Text(), nullable=False),
    sa.Column('content', sa.Text(), nullable=True),
    sa.Column('standing', sa.String(length=9), nullable=False),
    sa.Column('wanted', sa.String(length=9), nullable=True),
    sa.Column('due_at', sa.BigInteger(), nullable=True),
    sa.Column('settled_at', sa.BigInteger(), nullable=True),
    sa.Column('settled_by', sa.String(length=64), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dead_letters'))
    )
    op.create_index('ix_dead_letters_kind_subject', 'dead_letters', ['kind', 'subject'], unique=True, sqlite_where=sa.text(OPEN), postgresql_where=sa.text(OPEN))
    op.create_index('ix_dead_letters_subject', 'dead_letters', ['subject'], unique=False)
    op.create_table('ledger',
    sa.Column('epoch', sa.String(length=36), nullable=False),
    sa.Column('account', sa.String(length=64), nullable=False),
    sa.Column('hour', sa.BigInteger(), nullable=False),
    sa.Column('accepted', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('epoch', 'account', 'hour', name=op.f('pk_ledger'))
    )
    op.create_index('ix_ledger_hour', 'ledger', ['hour'], unique=False)
    op.add_column('callbacks', sa.Column('begun', sa.Integer(), server_default='0', nullable=False))
    # Arrivals that waited for their customer had no deadline.
    op.execute("UPDATE messages SET due_at = valid_until WHERE due_at IS NULL AND status IN ('ready', 'incomplete', 'received')")


def downgrade() -> None:
    op.drop_column('callbacks', 'begun')
    op.drop_table('ledger')
    op.drop_table('dead_letters')
