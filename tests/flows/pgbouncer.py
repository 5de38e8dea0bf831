"""Start a pgbouncer in front of a server, if the machine has one."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from tests.ports import free_port

PLACES = ("/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/opt/homebrew/bin/pgbouncer")
PATIENCE_SECONDS = 10


def program() -> str | None:
    """Return the path of pgbouncer, if the machine has it."""
    wanted = (os.environ.get("PGBOUNCER", ""), *PLACES)
    return next((place for place in wanted if place and Path(place).exists()), shutil.which("pgbouncer"))


@contextmanager
def pooled_url(database_url: str, folder: Path, *, mode: str, size: int = 5) -> Iterator[str]:
    """Give the address of a database through a pool, which ends with the context.

    mode: session or transaction; size: the number of the server's sessions.
    """
    url, port, opened = make_url(database_url), free_port(), list[int]()
    host = str(url.query.get("host") or url.host)
    if host.startswith("/"):
        # pgbouncer refuses to run as root; another account reaches the folder of the socket by what it inherits.
        opened.append(os.open(host, os.O_RDONLY))
        host = f"/proc/self/fd/{opened[0]}"
    target = f"host={host} port={url.query.get('port') or url.port or 5432} dbname={url.database} user={url.username}"
    if url.password:
        target += f" password={url.password}"
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\nours = {target}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\n"
        f"unix_socket_dir =\npool_mode = {mode}\ndefault_pool_size = {size}\n"
        "ignore_startup_parameters = extra_float_digits,options\n"
    )
    settings.chmod(0o644)
    found = program()
    assert found is not None
    is_root = os.geteuid() == 0
    with settings.open("rb") as inherited:
        pooler = subprocess.Popen(
            [found, "-q", f"/proc/self/fd/{inherited.fileno()}" if is_root else str(settings)],
            pass_fds=(inherited.fileno(), *opened),
            user=65534 if is_root else None,
            stderr=subprocess.DEVNULL,
        )
    address = f"postgresql://{url.username}@127.0.0.1:{port}/ours"
    try:
        _wait_for(address)
        yield address
    finally:
        for descriptor in opened:
            os.close(descriptor)
        pooler.terminate()
        pooler.wait(PATIENCE_SECONDS)


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            psycopg.connect(address, connect_timeout=PATIENCE_SECONDS).close()
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return
