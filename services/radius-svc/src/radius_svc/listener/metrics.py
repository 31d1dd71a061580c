"""Figures of the listener, for Prometheus. No label ever holds a login or an address of a subscriber.

Every worker counts for itself; the sums over all of them are what is served (PROMETHEUS_MULTIPROC_DIR).
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "isp_radius_requests_total", "Requests answered or refused", ["type", "result", "reason", "nas"]
)
REQUEST_DURATION = Histogram(
    "isp_radius_request_duration_seconds",
    "From reading a request to sending its answer, of at most 1000 requests a second",
    ["type"],
    buckets=(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
DUPLICATES = Counter("isp_radius_duplicates_total", "Retransmissions, not carried out twice", ["type"])
MALFORMED = Counter("isp_radius_malformed_total", "Packets that break their RFC", ["type", "reason"])
BAD_AUTHENTICATOR = Counter(
    "isp_radius_bad_authenticator_total", "Packets signed with another secret than ours", ["type", "nas"]
)
DROPPED = Counter("isp_radius_dropped_total", "Packets dropped without an answer", ["type", "reason"])
UNSIGNED = Counter(
    "isp_radius_unsigned_requests_total", "Access-Requests without a Message-Authenticator", ["nas"]
)
REJECTS_DELAYED = Counter(
    "isp_radius_rejects_delayed_total", "Rejects of a login and MAC refused over and over, sent later"
)
LIMITS_UNDECIDED = Counter(
    "isp_radius_limits_undecided_total", "Logins let in because the database did not say in time who is on"
)
ACCOUNTING_BATCH = Histogram(
    "isp_radius_accounting_batch_size",
    "Packets committed together",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
)
SPOOLED = Gauge(
    "isp_radius_spooled_packets",
    "Accounting packets acknowledged and kept on local disk until the database is back",
    multiprocess_mode="livesum",
)
ACCOUNTS = Gauge(
    "isp_radius_accounts", "Logins in the index at the last full comparison", multiprocess_mode="livemax"
)
INDEX_REFRESHED_AT = Gauge(
    "isp_radius_index_refreshed_timestamp_seconds",
    "When the index was last known to be up to date, of the worker that is furthest behind",
    multiprocess_mode="livemin",
)
INDEX_DIFFERENCES = Counter(
    "isp_radius_index_differences_total", "Entries the full comparison found other than the index had them"
)
WORKER_RESTARTS = Counter(
    "isp_radius_worker_restarts_total", "Workers that died and were replaced", ["worker"]
)
