"""What each minute brought, for charts that outlive processes

Revision ID: 0025
Revises: 0024
"""

import sqlalchemy as sa
from alembic import op


revision = '0025'
down_revision = '0024'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'minutes',
        sa.Column('at', sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column('depth', sa.Text(), nullable=True),
        sa.Column('made', sa.Integer(), nullable=True),
        sa.Column('sent', sa.Integer(), nullable=True),
        sa.Column('good', sa.Integer(), nullable=True),
        sa.Column('bad', sa.Integer(), nullable=True),
        sa.Column('waits', sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint('at', name='pk_minutes'),
    )


def downgrade() -> None:
    op.drop_table('minutes')
