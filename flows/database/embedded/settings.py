"""Choose the settings of the embedded Postgres."""

import os
from pathlib import Path

from flows.database.embedded.installation import IS_LINUX

SHARED_MEMORY_BYTES = 1 << 30
"""With less shared memory than this, parallel queries use files instead."""

EMBEDDED_LOCALE = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")

# fsync, synchronous_commit and full_page_writes keep their defaults, so that every commit survives a crash.
SETTINGS: dict[str, str] = {
    "listen_addresses": "",  # no port: nobody else on the machine or network can connect
    "unix_socket_directories": ".",  # relative to the data directory, so its path may have any length
    "unix_socket_permissions": "0700",
    "port": "5432",  # only the socket's name; an inherited PGPORT must not change it
    "cluster_name": "usage-import",  # in the process list
    "timezone": "UTC",  # the same answers on every machine
    "log_timezone": "UTC",
    "wal_level": "minimal",  # no replica: rows and indexes of a table made in the same transaction skip the WAL
    "max_wal_senders": "0",  # demanded by wal_level=minimal
    # wal_compression stays off: the wheel's only method is pglz, which neither cost nor won time on 1 million rows
    "max_wal_size": "4GB",  # at 1 GB a bulk load checkpoints every few seconds and writes whole pages again after each
    "min_wal_size": "512MB",  # written WAL files are used again instead of made anew
    "checkpoint_timeout": "15min",  # as above; a crash then costs minutes of replay at worst
    "maintenance_work_mem": "256MB",  # the unique index is built by sorting in memory
    "work_mem": "64MB",  # deduplication and rollup sort and hash whole imports
    "jit": "off",  # compiling expressions costs more than these statements gain
    "client_connection_check_interval": "1s",  # a killed command's statement ends, and with it its locks
}


def settings_of_machine() -> dict[str, str]:
    """Return the settings that depend on the memory of the machine."""
    memory = _memory_bytes()
    # 1 GB holds the unique index of some 30 million events.
    buffers = min(max(memory // 8, 32 << 20), 1 << 30)
    settings = {"shared_buffers": f"{buffers >> 20}MB"}
    if _shared_memory_bytes() < SHARED_MEMORY_BYTES:  # containers give 64 MB, and a parallel hash then fails
        settings["dynamic_shared_memory_type"] = "mmap"
    return settings


def _memory_bytes() -> int:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            memory = min(memory, int(Path(limit).read_text()))
        except (OSError, ValueError):  # no such control group, or 'max'
            continue
    return memory


def _shared_memory_bytes() -> int:
    try:
        shared = os.statvfs("/dev/shm")  # noqa: S108 (where the server's shared memory goes)
    except OSError:
        return 0 if IS_LINUX else SHARED_MEMORY_BYTES
    return shared.f_bavail * shared.f_frsize
