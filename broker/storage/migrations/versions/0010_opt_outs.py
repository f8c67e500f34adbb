"""Opt-outs

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('account_rules',
    sa.Column('account', sa.String(length=64), nullable=False),
    sa.Column('opt_outs', sa.String(length=8), nullable=False),
    sa.Column('stop_answer', sa.Text(), nullable=True),
    sa.Column('start_answer', sa.Text(), nullable=True),
    sa.Column('help_answer', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('account', name=op.f('pk_account_rules'))
    )
    op.create_table('opt_out_changes',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('wish', sa.String(length=5), nullable=False),
    sa.Column('account', sa.String(length=64), nullable=False),
    sa.Column('sender', sa.String(length=255), nullable=False),
    sa.Column('recipient', sa.String(length=255), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('message_id', sa.String(length=36), nullable=True),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('answer', sa.String(length=36), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_opt_out_changes'))
    )
    op.create_index('ix_opt_out_changes_account_id', 'opt_out_changes', ['account', 'id'], unique=False)
    op.create_index('ix_opt_out_changes_key_at', 'opt_out_changes', ['key', 'at'], unique=False)
    op.create_index('ix_opt_out_changes_recipient', 'opt_out_changes', ['recipient'], unique=False)
    op.create_table('opt_outs',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), autoincrement=True, nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('account', sa.String(length=64), nullable=False),
    sa.Column('sender', sa.String(length=255), nullable=False),
    sa.Column('recipient', sa.String(length=255), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('who', sa.String(length=64), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('message_id', sa.String(length=36), nullable=True),
    sa.Column('text', sa.Text(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_opt_outs'))
    )
    op.create_index('ix_opt_outs_account_id', 'opt_outs', ['account', 'id'], unique=False)
    op.create_index('ix_opt_outs_key', 'opt_outs', ['key'], unique=True)
    op.create_index('ix_opt_outs_recipient', 'opt_outs', ['recipient'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_opt_outs_recipient', table_name='opt_outs')
    op.drop_index('ix_opt_outs_key', table_name='opt_outs')
    op.drop_index('ix_opt_outs_account_id', table_name='opt_outs')
    op.drop_table('opt_outs')
    op.drop_index('ix_opt_out_changes_recipient', table_name='opt_out_changes')
    op.drop_index('ix_opt_out_changes_key_at', table_name='opt_out_changes')
    op.drop_index('ix_opt_out_changes_account_id', table_name='opt_out_changes')
    op.drop_table('opt_out_changes')
    op.drop_table('account_rules')
