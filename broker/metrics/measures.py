"""Everything that is measured, and by which process."""

from broker.metrics.measure import CALL_S, QUICK_S, STAY_S, counter, gauge, histogram

BUILD = gauge("broker_build_info", "Which version runs, in which role.", "version", "role")

SQL_COMMITS = histogram("broker_sql_commit_seconds", "Time of one transaction that wrote.", bounds=QUICK_S)
SQL_WAITING = gauge("broker_sql_jobs_waiting", "Jobs that wait for this process's writer.")
SQL_ERRORS = counter("broker_sql_errors", "Transactions that SQL did not serve.")
REDIS_CALLS = histogram("broker_redis_call_seconds", "Time of one round trip to Redis.", bounds=QUICK_S)
REDIS_ERRORS = counter("broker_redis_errors", "Round trips that Redis did not answer.")

ATTEMPTS = counter(
    "broker_attempts",
    "Submissions by what came of them; those not sent are tried again.",
    "connection",
    "outcome",
    "code_class",
)
CARRIER_CALLS = histogram(
    "broker_carrier_call_seconds", "From a submission's first byte to its end.", "connection", bounds=CALL_S
)
END_TO_END = histogram(
    "broker_end_to_end_seconds", "From acceptance to the carrier's receipt.", "type", bounds=STAY_S
)
RATE_WAITS = histogram(
    "broker_rate_wait_seconds", "How long messages waited in lanes.", "connection", bounds=STAY_S
)
FINAL = counter("broker_messages_final", "Messages that came to an end.", "type", "status", "connection")
ACCEPTED = counter(
    "broker_messages_accepted", "Messages taken in, by which way they go.", "type", "direction"
)
EVENTS = counter(
    "broker_events",
    "Carriers' news by what came of it.",
    "outcome",
    start=("moved", "parked", "found", "repeated", "contradictory"),
)
WEBHOOK_OUT = counter(
    "broker_webhook_out",
    "Tries to tell customers by what came of them.",
    "outcome",
    start=("told", "tried_again", "held_back", "given_up"),
)
MEDIA_BYTES = counter(
    "broker_media_bytes", "Bytes of parts that were stored.", "op", start=("fetch", "prepare")
)
MEDIA_PARTS = counter(
    "broker_media_parts",
    "Parts by what came of a try.",
    "outcome",
    start=("stored", "pending", "lost", "refused"),
)
MEDIA_TIMES = histogram(
    "broker_media_process_seconds", "Time that a message's media took.", "op", bounds=CALL_S
)
SWEPT = counter("broker_messages_swept", "Messages whose time was over, by what was done.", "event")
SWEEPS = histogram("broker_sweep_seconds", "Time of one sweep.", bounds=CALL_S)
TASKS = counter("broker_tasks", "Rings that were heard, by how they ended.", "job", "outcome")
TASK_TIMES = histogram("broker_task_seconds", "Time of one ring.", "job", bounds=CALL_S)
HEARTBEAT = gauge("broker_worker_heartbeat_seconds", "Unix time at which the worker's own loop ran last.")

SCHEDULER_ACTIVE = gauge("broker_scheduler_active", "1 for the scheduler that is active, 0 for a standby.")
TICKS = histogram("broker_scheduler_tick_seconds", "Time of one look at lanes and schedule.", bounds=QUICK_S)
RELEASED = counter("broker_ids_released", "Ids that were given a slot and left their lanes.")
DUE = counter("broker_ids_due", "Ids whose time came.", "queue")
PUT_BACK = counter("broker_ids_put_back", "Ids that a worker had dropped.", "queue")

WORKER = (
    BUILD, SQL_COMMITS, SQL_WAITING, SQL_ERRORS, REDIS_CALLS, REDIS_ERRORS, ATTEMPTS, CARRIER_CALLS, END_TO_END,
    RATE_WAITS, FINAL, ACCEPTED, EVENTS, WEBHOOK_OUT, MEDIA_BYTES, MEDIA_PARTS, MEDIA_TIMES, SWEPT, SWEEPS, TASKS,
    TASK_TIMES, HEARTBEAT,
)  # fmt: skip
SCHEDULER = (
    BUILD, SQL_ERRORS, REDIS_CALLS, REDIS_ERRORS, SCHEDULER_ACTIVE, TICKS, RELEASED, DUE, PUT_BACK,
)  # fmt: skip
