"""Commands about dead letters."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer

from broker.cli import printing
from broker.cli.client import Api
from broker.cli.operators import open_api
from broker.cli.options import Data, Json, Login, Most, Since, Until, Url

dead = typer.Typer(help="Work that broke every take and was set aside.", no_args_is_help=True)

Id = Annotated[str | None, typer.Option("--id", help="Only this letter, message, webhook or callback.")]
Kind = Annotated[str | None, typer.Option(help="Only message, webhook, media or callback.")]
Account = Annotated[str | None, typer.Option(help="Only of this account.")]
Connection = Annotated[str | None, typer.Option(help="Only of this connection.")]
Error = Annotated[str | None, typer.Option(help="Only of this cause, as the list says it.")]
JobId = Annotated[str, typer.Argument(help="The job's id, as put-back and discard say it.")]


@dead.command("list")
def list_letters(
    id_: Id = None,
    kind: Kind = None,
    account: Account = None,
    connection: Connection = None,
    error: Error = None,
    standing: Annotated[str | None, typer.Option(help="parked, leaving, put_back or discarded.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Most = 50,
    data: Data = None,
    url: Url = "",
    login: Login = "",
    json: Json = False,
) -> None:
    """List dead letters, the oldest first."""
    wanted = _wanted(id_, kind, account, since, until, connection, error) | {"standing": standing}
    rows = open_api(data, url, login).rows("/v1/dead-letters", limit=limit, **wanted)
    printing.rows(rows, _told, json=json)


@dead.command("put-back")
def put_back(
    id_: Id = None,
    kind: Kind = None,
    account: Account = None,
    connection: Connection = None,
    error: Error = None,
    since: Since = None,
    until: Until = None,
    rate: Annotated[float, typer.Option(help="Most a second.")] = 10.0,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would come of it.")] = False,
    data: Data = None,
    url: Url = "",
    login: Login = "",
) -> None:
    """Have parked letters tried again."""
    wanted = _wanted(id_, kind, account, since, until, connection, error) | {
        "rate": str(rate),
        "reason": reason or None,
    }
    if dry_run:
        rehearse(open_api(data, url, login), wanted)
    else:
        settle(open_api(data, url, login), "put-back", wanted)


@dead.command("discard")
def discard(
    reason: Annotated[str, typer.Option(help="Why; it is kept, and customers are told.")],
    id_: Id = None,
    kind: Kind = None,
    account: Account = None,
    connection: Connection = None,
    error: Error = None,
    since: Since = None,
    until: Until = None,
    data: Data = None,
    url: Url = "",
    login: Login = "",
) -> None:
    """End parked letters for good."""
    settle(
        open_api(data, url, login),
        "discard",
        _wanted(id_, kind, account, since, until, connection, error) | {"reason": reason},
    )


@dead.command("jobs")
def jobs(data: Data = None, url: Url = "", login: Login = "", json: Json = False) -> None:
    """List what was wanted of dead letters and is not done yet."""
    rows = open_api(data, url, login).get("/v1/dead-letters/jobs")["data"]
    printing.rows(rows, _job_told, json=json)


@dead.command("job")
def job(name: JobId, data: Data = None, url: Url = "", login: Login = "", json: Json = False) -> None:
    """Say how far a job has come."""
    printing.rows([open_api(data, url, login).get(_job_path(name))], _job_told, json=json)


@dead.command("stop")
def stop(
    name: JobId,
    reason: Annotated[str, typer.Option(help="Why; it is kept.")] = "",
    data: Data = None,
    url: Url = "",
    login: Login = "",
) -> None:
    """Keep those of a job's letters set aside that have not left yet."""
    path = _job_path(name) + (f"?{urlencode({'reason': reason})}" if reason else "")
    print(_job_told(open_api(data, url, login).call("DELETE", path).body))


def rehearse(api: Api, wanted: Mapping[str, str | None]) -> None:
    """Say what would come of letters if they were put back."""
    asked = {name: value for name, value in wanted.items() if value is not None}
    found = api.call("POST", f"/v1/dead-letters/put-back?{urlencode({**asked, 'dry_run': 'true'})}").body
    said = [
        f"{found[name]} {words}"
        for name, words in (
            ("lost", "lost"),
            ("expired", "expired"),
            ("opted_out", "opted out"),
            ("done", "done already"),
        )
    ]
    shown = "" if found["looked_at"] == found["count"] else f" (of the first {found['looked_at']})"
    print(f"{found['count']} letters: {found['left']} would be tried again, {', '.join(said)}{shown}")


def settle(api: Api, what: str, wanted: Mapping[str, str | None]) -> None:
    """Have letters put back or discarded, and say how many that are."""
    asked = {name: value for name, value in wanted.items() if value is not None}
    done = api.call("POST", f"/v1/dead-letters/{what}?{urlencode(asked)}").body
    told = "are put back" if what == "put-back" else "are discarded"
    job = f"; job {done['job']}" if done["job"] else ""
    print(f"{done['count']} letters {told}, the last of them by {done['until']}{job}")


def _wanted(
    id_: str | None,
    kind: str | None,
    account: str | None,
    since: str | None,
    until: str | None,
    connection: str | None,
    error: str | None,
) -> dict[str, str | None]:
    wanted = {"id": id_, "kind": kind, "account": account, "since": since, "until": until}
    return {**wanted, "connection": connection, "error": error}


def _told(row: Mapping[str, Any]) -> str:
    by = f"  by {row['settled_by']}: {row['reason']}" if row["settled_by"] else ""
    whose = row["account"] or row["connection"] or "-"
    return f"{row['at'][:19]}  {row['kind']:<8}  {row['subject']}  {whose}  {row['standing']}  {row['error']}{by}"


def _job_told(row: Mapping[str, Any]) -> str:
    what = {"put_back": "put back"}.get(row["wanted"], row["wanted"])
    return (
        f"{row['id']}  {what}: {row['gone']} of {row['count']} gone, {row['leaving']} on their way, "
        f"{row['parked']} parked again  by {row['by']}: {row['reason']}"
    )


def _job_path(name: str) -> str:
    return f"/v1/dead-letters/jobs/{quote(name, safe='')}"
