"""Prometheus metrics of the listener. Labels never contain usernames or addresses of subscribers.

Every worker has its own counts; the metrics endpoint serves the sums (PROMETHEUS_MULTIPROC_DIR).
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "isp_radius_requests_total",
    "Requests that were accepted, rejected or otherwise handled",
    ["type", "result", "reason", "nas"],
)
REQUEST_DURATION = Histogram(
    "isp_radius_request_duration_seconds",
    "Time from reading a request to sending its answer, for at most 1000 requests a second",
    ["type"],
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
DUPLICATES = Counter(
    "isp_radius_duplicates_total", "Retransmissions, which get the first answer again", ["type"]
)
MALFORMED = Counter("isp_radius_malformed_total", "Packets that violate their RFC", ["type", "reason"])
BAD_AUTHENTICATOR = Counter(
    "isp_radius_bad_authenticator_total", "Packets signed with a wrong secret", ["type", "nas"]
)
DROPPED = Counter("isp_radius_dropped_total", "Packets dropped without an answer", ["type", "reason"])
UNSIGNED = Counter(
    "isp_radius_unsigned_requests_total", "Access-Requests without a Message-Authenticator", ["nas"]
)
REJECTS_DELAYED = Counter(
    "isp_radius_rejects_delayed_total",
    "Rejects sent with a delay, because the same login and MAC address was refused over and over",
)
LIMITS_UNDECIDED = Counter(
    "isp_radius_limits_undecided_total",
    "Logins accepted because their online sessions could not be counted in time",
)
ACCOUNTING_BATCH = Histogram(
    "isp_radius_accounting_batch_size",
    "Accounting packets per commit",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
)
SPOOLED = Gauge(
    "isp_radius_spooled_packets",
    "Acknowledged accounting packets on local disk, waiting for the database",
    multiprocess_mode="livesum",
)
LOGINS = Gauge(
    "isp_radius_accounts",
    "Logins in memory at the last full comparison with the database",
    multiprocess_mode="livemax",
)
INDEX_REFRESHED_AT = Gauge(
    "isp_radius_index_refreshed_timestamp_seconds",
    "When the data in memory was last known to be up to date (of the worker furthest behind)",
    multiprocess_mode="livemin",
)
INDEX_DIFFERENCES = Counter(
    "isp_radius_index_differences_total",
    "Entries in memory that differed from the database in a full comparison",
)
WORKER_RESTARTS = Counter(
    "isp_radius_worker_restarts_total", "Workers that died and were restarted", ["worker"]
)
