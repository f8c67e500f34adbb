"""The picture that some messages bring."""

import orjson

from broker.cli.chaos.ground import Ground
from broker.cli.chaos.roster import CUSTOMERS
from broker.cli.picture import postcard
from broker.domain.wire import Request


async def picture(ground: Ground) -> str:
    """Leave a picture with the first customer's uploads, and return its id."""
    headers = {"Authorization": f"Bearer {CUSTOMERS[0].key}", "Content-Type": "image/jpeg"}
    request = Request(
        method="POST", url=f"{ground.ingress}/v1/media", headers=headers, body=postcard("chaos", size=32)
    )
    answer = await ground.client.send(request, timeout_s=10)
    ident: str = orjson.loads(answer.body)["id"]
    return ident
