"""What a person should know of each reason that we give ourselves, or that a carrier's HTTP answer gives."""

from broker.domain.cause import Again, Cause

OURS: tuple[Cause, ...] = (
    Cause(
        code="validity-over",
        text="its validity is over",
        means="It could not be sent in the time that its customer gave it.",
        again=Again.NEVER,
        do=(
            "See on its timeline what it waited for: a paused connection, a rate, a retry. Send it "
            "again if it is still of use."
        ),
    ),
    Cause(
        code="no-route",
        text="no connection can carry it",
        means="No connection owns its sender, or none may carry what it is.",
        again=Again.PERSON,
        do="Add a route or a sender to a connection in the provisioning file, then send it again.",
    ),
    Cause(
        code="opted-out",
        text="opted out*",
        means="Its recipient has told this sender to stop.",
        again=Again.NEVER,
        do=(
            "Nothing: it must not be sent. The page of opt-outs has the proof, and takes one back "
            "when the recipient wants it."
        ),
    ),
    Cause(
        code="answer-lost",
        text="the carrier's answer was lost; it may have been sent",
        means="The request went out and no answer came; its account wants nothing to be sent twice.",
        again=Again.UNCERTAIN,
        do="Ask the carrier or the recipient before you send it again: it may arrive twice.",
    ),
    Cause(
        code="tried-often",
        text="it was tried often enough; it may have been sent",
        means="Answers were lost again and again, as often as messages are tried.",
        again=Again.UNCERTAIN,
        do="Ask the carrier or the recipient before you send it again: it may arrive twice.",
    ),
    Cause(
        code="no-evidence",
        text="no evidence came",
        means=(
            "An answer was lost and nothing was heard of the message since: it is sent again, marked "
            "as a possible duplicate."
        ),
        again=Again.BY_ITSELF,
        do="Nothing. If there are many, look at the connection: its answers get lost.",
    ),
    Cause(
        code="no-answer",
        text="no answer*",
        means="The carrier took the request and did not answer in time: it may have the message.",
        again=Again.UNCERTAIN,
        do=(
            "Nothing: evidence is waited for, then the account's policy decides. If there are many, "
            "ask the carrier."
        ),
    ),
    Cause(
        code="answer-broken",
        text="the answer broke off*",
        means="The carrier's answer ended in the middle: it may have the message.",
        again=Again.UNCERTAIN,
        do="Nothing: evidence is waited for, then the account's policy decides.",
    ),
    Cause(
        code="no-connection",
        text="no connection*",
        means="The carrier could not be reached: it certainly has not got the message.",
        again=Again.BY_ITSELF,
        do=(
            "See whether the carrier's address, our network or its certificate has changed; the "
            "circuit opens by itself."
        ),
    ),
    Cause(
        code="no-slot",
        text="there is no slot*",
        means="No place was free within the connection's window.",
        again=Again.BY_ITSELF,
        do="Nothing: it goes out as soon as it can. Look at the connection if there are many.",
    ),
    Cause(
        code="no-time",
        text="there was no*",
        means="Its turn came too late to wait for an answer.",
        again=Again.BY_ITSELF,
        do="Nothing: it goes out as soon as it can. Look at the connection if there are many.",
    ),
    Cause(
        code="no-report",
        text="no report came in time",
        means="The carrier took it and never told what became of it.",
        again=Again.UNCERTAIN,
        do="See whether webhooks of this connection come in at all, and are let in.",
    ),
    Cause(
        code="not-begun",
        text="nobody had begun with it",
        means="A worker stopped before it sent it; it is put back.",
        again=Again.BY_ITSELF,
        do="Nothing. If there are many, look at the workers.",
    ),
    Cause(
        code="not-fetched",
        text="nobody took it in time",
        means="It arrived for a customer who neither fetched it nor took its callback.",
        again=Again.PERSON,
        do="Tell the customer; the page of callbacks owes it again.",
    ),
    Cause(
        code="media-late",
        text="its media did not come in time",
        means="A file of it could not be fetched from the carrier before its time was over.",
        again=Again.NEVER,
        do="See its parts for what the media host said; the text was passed on.",
    ),
    Cause(
        code="set-aside",
        text="set aside after*",
        means="It broke every take, and was set aside so that it holds up nothing else.",
        again=Again.PERSON,
        do="See what broke it among the dead letters; put it back once that is mended.",
    ),
    Cause(
        code="internal-error",
        text="internal error: *",
        means="A mistake of ours, in the middle of a submission.",
        again=Again.UNCERTAIN,
        do="The worker's log has it at that time, with its trace. Report it.",
    ),
    Cause(
        code="called-back",
        text="cancelled by an operator",
        means="Somebody cancelled it before it was sent; its page says who and why.",
        again=Again.NEVER,
        do="Nothing.",
    ),
    Cause(
        code="deleted",
        text="deleted before sending",
        means="Its customer deleted it before it was sent.",
        again=Again.NEVER,
        do="Nothing.",
    ),
    Cause(
        code="number-erased",
        text="its number was erased",
        means="Somebody had its recipient's or its sender's number erased.",
        again=Again.NEVER,
        do="Nothing.",
    ),
    Cause(
        code="limit",
        text="limit: *",
        means="It is larger, longer or of another kind than its carrier takes.",
        again=Again.NEVER,
        do=(
            "Its sender makes it smaller: what the carrier takes is said with it. Other media are "
            "made to fit by themselves."
        ),
    ),
)
"""What we say ourselves of messages."""

ANSWERS: tuple[Cause, ...] = (
    Cause(
        code="401",
        means="The carrier does not take our credentials.",
        again=Again.BY_ITSELF,
        do=("Give the connection credentials that are right: it is on hold until then, and nothing is lost."),
    ),
    Cause(
        code="403",
        means="The carrier knows us and does not allow it.",
        again=Again.BY_ITSELF,
        do=(
            "See with the carrier what the account may do: the connection is on hold until then, and "
            "nothing is lost."
        ),
    ),
    Cause(
        code="408",
        means="The carrier gave up reading the request: it has not got the message.",
        again=Again.BY_ITSELF,
        do="Nothing: it goes out as soon as it can. Look at the connection if there are many.",
    ),
    Cause(
        code="429",
        means="We send faster than the carrier allows; the sender is slowed.",
        again=Again.BY_ITSELF,
        do="If it goes on, set the connection's or the sender's rate to what the carrier agreed to.",
    ),
    Cause(
        code="503",
        means="The carrier is not there at the moment: it has not got the message.",
        again=Again.BY_ITSELF,
        do="Nothing: it goes out as soon as it can. Look at the connection if there are many.",
    ),
    Cause(
        code="4xx",
        means="The carrier refuses this message as it is.",
        again=Again.NEVER,
        do=(
            "See the exchange on the message's page for the field that is wrong; mend it at its "
            "sender, then send a new one."
        ),
    ),
    Cause(
        code="5xx",
        means="The carrier broke over the request: it may have the message.",
        again=Again.UNCERTAIN,
        do=(
            "Nothing: evidence is waited for, then the account's policy decides. If there are many, "
            "ask the carrier."
        ),
    ),
)
"""HTTP answers of carriers to a submission; the narrow ones first."""
