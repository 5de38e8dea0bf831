-- The corrections of an import: the events that they change, and how.

-- name: find_corrections
-- Find the rows that correct an event or an earlier row of the import and count in the end, with what they change.
-- reads: occurrence_outcomes, contested_rows, events, files, customer_boundaries
-- leaves: corrections
create temporary table corrections on commit drop as
with counted as (
    select r.* from occurrence_outcomes o join contested_rows r on r.file_id = o.file_id and r.row = o.row
    where o.outcome = {Outcome.CORRECTED} and o.is_current
)
select r.file_id, r.row, r.idempotency_key,
       e.customer_no <> r.customer_no or exists (
           select from contested_rows x where x.key = r.key and x.customer_no <> r.customer_no
       ) as moves_customer,
       f.mapping_digest <> :mapping_digest or e.event_name <> r.event_name as is_of_other_feed,
       e.customer_no = r.customer_no and width_bucket(e.at, b.boundaries) <> width_bucket(r.at, b.boundaries)
           and b.boundaries[width_bucket(e.at, b.boundaries) + 1] <= :clock as leaves_due_line
from counted r left join events e on e.key = r.key left join files f on f.file_id = e.file_id
left join customer_boundaries b on b.customer_no = e.customer_no;

-- name: count_corrections
-- Count the corrections by what they change, each with the first keys.
-- reads: corrections
select kind, count(*) as rows, (array_agg(idempotency_key order by file_id, row))[1:3] as keys
from corrections cross join lateral (
    values ('moves_customer', moves_customer), ('is_of_other_feed', is_of_other_feed), ('leaves_due_line', leaves_due_line)
) as change (kind, is_so)
where is_so group by kind;

-- name: find_own_corrections
-- Find the first rows of each file that correct another row of it, with their keys and the first row of the key.
-- reads: occurrence_outcomes, contested_rows
select file_id, idempotency_key, first_row, row from (
    select r.file_id, r.idempotency_key, r.row, first_row,
           row_number() over (partition by r.file_id order by r.row) as ordinal
    from occurrence_outcomes o join contested_rows r on r.file_id = o.file_id and r.row = o.row
    cross join lateral (
        select min(x.row) as first_row from contested_rows x where x.key = r.key and x.file_id = r.file_id
    ) earliest
    where o.corrects_own_file
) numbered where ordinal <= 3 order by file_id, row;
