"""The exports, catalogs and loaded databases that the cases share."""

import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from tests.bench.contenders import ours_on
from tests.bench.exports import CLOCK, Export, ExportOrder, write_export
from tests.bench.meters import BenchMeter, bench_meters, write_catalog
from tests.bench.servers import Server


@dataclass(frozen=True)
class Bench:
    """The settings of a run: its folder, sizes, rounds, servers and loaders."""

    folder: Path
    rows: int
    base_rows: int
    sizes: tuple[int, ...]
    rounds: int
    servers: Sequence[Server]
    loaders: Path | None

    @property
    def usual(self) -> tuple[BenchMeter, ...]:
        """The meters that an import is measured with."""
        return bench_meters(3)

    @property
    def embedded(self) -> Server:
        """The server with our settings."""
        return self.servers[0]

    def export(self, order: ExportOrder) -> Export:
        """An export, made once."""
        folder = self.folder / "exports" / sha256(repr(order).encode()).hexdigest()[:12]
        kept = folder / "export.pickle"
        if not kept.exists():
            sys.stderr.write(f"making an export of {order.rows:,} rows\n")
            kept.write_bytes(pickle.dumps(write_export(order, folder)))
        export: Export = pickle.loads(kept.read_bytes())
        return export

    def catalog(self, meters: int) -> Path:
        """A folder with a catalog of so many meters."""
        folder = self.folder / f"catalog-{meters}"
        write_catalog(folder, meters=meters, customers=ExportOrder(0).customers)
        return folder

    def ready(self, server: Server) -> str:
        """A database with the schema and the usual catalog, and nothing else."""
        name = "bench_ready"
        server.copy_database("template0", name)
        ours_on(server, name, "catalog", str(self.catalog(3)), "--clock", CLOCK)
        return name

    def loaded(self, server: Server, export: Export) -> str:
        """A database that an export has been imported into."""
        name = f"bench_loaded_{export.order.rows}"
        server.copy_database(self.ready(server), name)
        ours_on(server, name, "run", str(export.source()), "--clock", CLOCK)
        server.rows(name, "vacuum analyze")
        return name
