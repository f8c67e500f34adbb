"""Rules of accounts: who sees to their opt-outs, and how long what is kept."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select

from broker.domain.optout import Wish
from broker.domain.rules import USUAL, Kept, Rules
from broker.storage.optout_tables import account_rules
from broker.storage.writing import upsert


def every(connection: Connection) -> dict[str, Rules]:
    """Return the rules of those accounts that have any of their own."""
    rows = connection.execute(select(account_rules)).mappings()
    return {row["account"]: _rules(row) for row in rows}


def provide(connection: Connection, account: str, row: Mapping[str, Any]) -> None:
    """Make the record say what the provisioning file says of an account."""
    values = {
        "account": account,
        "opt_outs": row.get("opt_outs", "broker"),
        **{f"{wish}_answer": row.get(f"{wish}_answer") for wish in Wish},
        **{f"keep_{kind}_days": row.get(f"keep_{kind}_days") for kind in Kept},
    }
    if _rules(values) == USUAL:
        connection.execute(delete(account_rules).where(account_rules.c.account == account))
    else:
        upsert(connection, account_rules, values)


def _rules(row: RowMapping | Mapping[str, Any]) -> Rules:
    return Rules(
        enforced=row["opt_outs"] == "broker",
        answers={wish: row[f"{wish}_answer"] for wish in Wish if row[f"{wish}_answer"]},
        days={kind: row[f"keep_{kind}_days"] for kind in Kept if row[f"keep_{kind}_days"]},
    )
