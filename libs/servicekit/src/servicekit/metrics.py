"""Prometheus metrics of the kit. Names start with isp_, units are base units, labels have few values."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

RPC_REQUESTS = Counter("isp_rpc_requests", "RPC requests answered", ["service", "method", "result"])
RPC_DURATION = Histogram(
    "isp_rpc_request_duration_seconds", "Time taken to answer an RPC", ["service", "method"]
)
EVENTS_HANDLED = Counter("isp_events_handled", "Events handled", ["service", "type", "result"])
INBOX_DUPLICATES = Counter("isp_inbox_duplicates", "Events received a second time", ["service"])
OUTBOX_PENDING = Gauge("isp_outbox_pending_messages", "Events that the broker has not confirmed", ["service"])
OUTBOX_AGE = Gauge(
    "isp_outbox_oldest_unsent_age_seconds",
    "Age of the oldest event that the broker has not confirmed",
    ["service"],
)
DEAD_LETTERS = Gauge("isp_dlq_messages", "Events that could not be handled (dead letters)", ["service"])
JOB_LAST_SUCCESS = Gauge("isp_job_last_success_timestamp_seconds", "When a job last succeeded", ["job"])
JOB_FAILURES = Counter("isp_job_failures", "Failed runs of a job", ["job"])
