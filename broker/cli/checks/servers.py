"""The HTTP servers, asked as anybody would."""

from collections.abc import Iterator
from http import HTTPStatus

from broker.cli.client import Api, Refused, Unreachable
from broker.cli.doctor import Finding, Patient, fail, ok


def ingress(patient: Patient) -> Iterator[Finding]:
    """Check that the API would take a message."""
    url = patient.endpoints.get("ingress")
    if not isinstance(url, str):
        return
    try:
        Api(url).get("/livez")
        Api(url).get("/readyz")
    except (Refused, Unreachable) as error:
        yield fail("ingress", f"{url}: {error}", f"see {patient.folder.logs / 'ingress.log'}")
    else:
        yield ok("ingress", f"{url} is ready")


def flower(patient: Patient) -> Iterator[Finding]:
    """Check that Flower does not show itself to everybody."""
    url = patient.endpoints.get("flower")
    if not isinstance(url, str):
        return
    try:
        Api(url).get("/")
    except Refused as error:
        if error.status == HTTPStatus.UNAUTHORIZED:
            yield ok("flower", f"{url} asks for a password")
        else:
            yield fail("flower", f"{url} answers {error.status}", f"see {patient.folder.logs / 'flower.log'}")
    except Unreachable as error:
        yield fail("flower", str(error), f"see {patient.folder.logs / 'flower.log'}")
    else:
        yield fail("flower", f"{url} is open to everybody", "set BROKER_FLOWER_PASSWORD")
