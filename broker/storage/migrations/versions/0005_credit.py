"""Credit

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('balances',
    sa.Column('account', sa.String(length=64), nullable=False),
    sa.Column('limited', sa.Boolean(), nullable=False),
    sa.Column('balance', sa.BigInteger(), nullable=False),
    sa.Column('adjusted', sa.BigInteger(), nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('account', name=op.f('pk_balances'))
    )
    op.create_table('credit_changes',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('account', sa.String(length=64), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('delta', sa.BigInteger(), nullable=False),
    sa.Column('balance', sa.BigInteger(), nullable=True),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_credit_changes'))
    )
    op.create_index('ix_credit_changes_account_id', 'credit_changes', ['account', 'id'], unique=False)
    op.add_column('messages', sa.Column('prepaid', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('messages', sa.Column('units', sa.Integer(), server_default='0', nullable=False))
    op.add_column('messages', sa.Column('ended_at', sa.BigInteger(), nullable=True))
    # What was sent before was charged by counting rows.
    op.execute("UPDATE messages SET units = 1 WHERE direction = 'out'")
    op.execute(
        "INSERT INTO balances (account, limited, balance, adjusted, version)"
        " SELECT name, true, credit - (SELECT count(*) FROM messages"
        " WHERE messages.account = accounts.name AND direction = 'out'), credit, 1"
        " FROM accounts WHERE credit IS NOT NULL"
    )
    op.drop_column('accounts', 'credit')


def downgrade() -> None:
    op.add_column('accounts', sa.Column('credit', sa.BigInteger(), nullable=True))
    op.execute(
        "UPDATE accounts SET credit = (SELECT balance FROM balances WHERE balances.account = accounts.name)"
        " + (SELECT count(*) FROM messages WHERE messages.account = accounts.name AND direction = 'out')"
        " WHERE name IN (SELECT account FROM balances WHERE limited)"
    )
    for column in ('ended_at', 'units', 'prepaid'):
        op.drop_column('messages', column)
    op.drop_table('credit_changes')
    op.drop_table('balances')
