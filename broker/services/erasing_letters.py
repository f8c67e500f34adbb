"""Find a number in the sealed content of dead letters."""

from broker.domain.dead import Kind
from broker.keyspace import content
from broker.runtime import Runtime
from broker.storage import dead
from broker.storage.dead import Sealed
from broker.storage.erasing import needle_of


def letters_of(runtime: Runtime, number: str) -> list[str]:
    """Return the letters that wait for somebody and hold a message from or to a number, or a webhook that names it.

    What cannot be read counts if the number is anywhere in it.
    """
    sealed = runtime.database.read(dead.sealed)
    return [one.id for one in sealed if _is_of(one, runtime.vault.open(one.content), number)]


def _is_of(one: Sealed, body: str, number: str) -> bool:
    named = needle_of(number) in body
    if one.kind is Kind.MESSAGE and named:
        try:
            message = content.decode(body.encode("latin-1"))
        except (ValueError, TypeError, KeyError, AttributeError):
            return True
        return number in (message.originator, message.recipient)
    return named
