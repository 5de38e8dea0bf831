-- name: inactive_since
-- Find the clock of the catalog that first saw each of some meters inactive, since it was last active.
-- reads: catalog_changes, catalog_versions
select distinct on (c.id) c.id, v.clock
from catalog_changes c join catalog_versions v using (catalog_version)
where c.kind = {Kind.METER} and c.id = any(:ids) and c.after ->> 'status' = {MeterStatus.INACTIVE} and not exists (
    select from catalog_changes later
    where later.kind = c.kind and later.id = c.id and later.catalog_version > c.catalog_version
      and later.after ->> 'status' is distinct from {MeterStatus.INACTIVE}
)
order by c.id, c.catalog_version;
