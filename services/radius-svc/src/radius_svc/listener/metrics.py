"""Figures of the listener, for Prometheus. No label ever holds a login or an address of a subscriber."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter(
    "isp_radius_requests_total", "Requests answered or refused", ["type", "result", "reason", "nas"]
)
REQUEST_DURATION = Histogram(
    "isp_radius_request_duration_seconds",
    "From reading a request to sending its answer",
    ["type"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
DUPLICATES = Counter("isp_radius_duplicates_total", "Retransmissions answered from the cache", ["type"])
MALFORMED = Counter("isp_radius_malformed_total", "Packets that break their RFC", ["type", "reason"])
BAD_AUTHENTICATOR = Counter(
    "isp_radius_bad_authenticator_total", "Packets signed with another secret than ours", ["type", "nas"]
)
DROPPED = Counter("isp_radius_dropped_total", "Packets dropped without an answer", ["type", "reason"])
UNSIGNED = Counter(
    "isp_radius_unsigned_requests_total", "Access-Requests without a Message-Authenticator", ["nas"]
)
ACCOUNTING_BATCH = Histogram(
    "isp_radius_accounting_batch_size",
    "Packets committed together",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
)
ACCOUNTS = Gauge("isp_radius_accounts", "Logins in the index at the last full comparison")
INDEX_REFRESHED_AT = Gauge(
    "isp_radius_index_refreshed_timestamp_seconds", "When the index was last known to be up to date"
)
INDEX_DIFFERENCES = Counter(
    "isp_radius_index_differences_total", "Entries the full comparison found other than the index had them"
)
