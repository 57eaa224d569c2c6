"""The embedded Postgres's configuration, for two cores and a workload of queues and appends."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

# Durability first: a commit answered is a commit on disk, page by page.
# Then: few checkpoints (the WAL may grow to 2 GiB before one is forced), no parallel or JIT plans
# (they cost more than our short queries gain), and vacuum early and often (queue tables turn over
# at once).
SETTINGS: Mapping[str, str] = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "listen_addresses": "''",
    "unix_socket_permissions": "0700",
    "password_encryption": "'scram-sha-256'",
    "max_connections": "40",
    "shared_buffers": "'128MB'",
    "work_mem": "'8MB'",
    "maintenance_work_mem": "'64MB'",
    "effective_cache_size": "'512MB'",
    "effective_io_concurrency": "16",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "0",
    "max_worker_processes": "4",
    "jit": "off",
    "wal_buffers": "'16MB'",
    "min_wal_size": "'160MB'",
    "max_wal_size": "'2GB'",
    "checkpoint_timeout": "'10min'",
    "checkpoint_completion_target": "0.9",
    "max_wal_senders": "2",
    "autovacuum_naptime": "'10s'",
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_threshold": "500",
    "autovacuum_analyze_scale_factor": "0.05",
    "autovacuum_vacuum_cost_delay": "'2ms'",
    "autovacuum_max_workers": "2",
    # A forgotten transaction holds back vacuum and our commit-order reader, so it is ended.
    "idle_in_transaction_session_timeout": "'30s'",
    "transaction_timeout": "'5min'",
    "client_connection_check_interval": "'2s'",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_min_messages": "warning",
    "log_min_duration_statement": "'1s'",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_line_prefix": "'%m [%p] '",
}

PG_HBA = "local all all scram-sha-256\nlocal replication all scram-sha-256\n"


def configuration(socket_directory: Path, extra: Mapping[str, str] | None = None) -> str:
    """Return the text of postgresql.conf; `extra` overrides these settings, its values quoted as
    postgresql.conf needs."""
    quoted = str(socket_directory).replace("'", "''")
    settings = {**SETTINGS, "unix_socket_directories": f"'{quoted}'", **(extra or {})}
    return "".join(f"{name} = {value}\n" for name, value in settings.items())
