"""What all tables share: the collection they are in, and the type of numbers that count rows."""

from sqlalchemy import BigInteger, Integer, MetaData

SHARED = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"},
)

Serial = BigInteger().with_variant(Integer, "sqlite")
