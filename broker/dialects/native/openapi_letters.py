"""What operators may ask for about dead letters, as operations of the OpenAPI document."""

from typing import Any

from broker.dialects.native.letter_answers import JobList, JobView, LetterPage, LettersLeaving, OutlookView
from broker.dialects.native.openapi_operations import NAME, RATES, SPAN, one_of, orders, shows
from broker.dialects.native.openapi_pieces import PAGING, TEXT, answer, refusals
from broker.domain.dead import Kind, Standing

LETTER_MODELS = (JobList, JobView, LetterPage, LettersLeaving, OutlookView)
_LETTERS = {
    "id": TEXT,
    "kind": one_of(Kind),
    **dict.fromkeys(("account", "connection", "error"), TEXT),
    **SPAN,
}


def letter_paths() -> dict[str, Any]:
    """Return the paths of dead letters, and of what is wanted of them."""
    listed = {**_LETTERS, "standing": one_of(Standing), **PAGING}
    back = orders(
        "putBackDeadLetters",
        "Have set-aside work tried again, so many a second",
        {**_LETTERS, **RATES, "reason": TEXT, "dry_run": {"type": "boolean", "default": False}},
        model=LettersLeaving,
    )
    rehearsed = {"200": answer("With `dry_run`: what would come of it.", OutlookView)}
    return {
        "/v1/dead-letters": {
            "get": shows("listDeadLetters", "List work that was set aside", LetterPage, listed)
        },
        "/v1/dead-letters/put-back": {"post": {**back, "responses": {**rehearsed, **back["responses"]}}},
        "/v1/dead-letters/discard": {
            "post": orders(
                "discardDeadLetters",
                "Have set-aside work ended, for a reason",
                {**_LETTERS, "reason": TEXT},
                needed=("reason",),
                model=LettersLeaving,
            )
        },
        "/v1/dead-letters/jobs": {
            "get": shows(
                "listJobs", "List what was wanted of set-aside work and is not done yet", JobList, {}
            )
        },
        "/v1/dead-letters/jobs/{id}": {
            "get": _of_job("showJob", "Say how far a job has come", {}),
            "delete": _of_job("stopJob", "Keep what has not left yet set aside", {"reason": TEXT}),
        },
    }


def _of_job(name: str, summary: str, filters: dict[str, Any]) -> dict[str, Any]:
    operation = shows(name, summary, JobView, filters)
    identified = {**NAME, "name": "id"}
    return {
        **operation,
        "parameters": [identified, *operation["parameters"]],
        "responses": {**operation["responses"], **refusals(404)},
    }
