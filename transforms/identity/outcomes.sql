-- fragment: same_content
-- Whether arrived row a and event e have the same content.
-- Properties are compared as JSON values. An omitted timestamp equals an omitted one, whatever the clock was.
a.customer_no = e.customer_no and a.event_name = e.event_name and a.is_deleted = e.is_deleted
    and a.is_timestamp_omitted = e.is_timestamp_omitted and (a.is_timestamp_omitted or a.at = e.at)
    and a.contract_no is not distinct from e.contract_no and a.properties = e.properties;

-- fragment: content_order
-- Order occurrences by content: two have the same content if they are equal in all of these.
customer_no, event_name, is_deleted, is_timestamp_omitted, case when not is_timestamp_omitted then at end,
    contract_no, properties;

-- name: number_keyless_repeats
-- Give the second and each later equal row without a key of a file the key that its ordinal makes.
-- reads: arrivals
update {arrivals} a set key = {ordinal_key}
from (
    select file_id, row, row_number() over (partition by file_id, key order by row) as ordinal
    from {arrivals}
    where is_keyless and (file_id, key) in (
        select file_id, key from {arrivals} where is_keyless group by file_id, key having count(*) > 1
    )
) numbered
where a.file_id = numbered.file_id and a.row = numbered.row and numbered.ordinal > 1;

-- name: find_repeated_keys
-- Keep the keys that several rows of the import have.
-- They are sorted before they are grouped: a hash of 5 million keys spills, and took twice as long.
-- reads: arrivals
-- leaves: repeated_keys
create temporary table repeated_keys on commit drop as
select key from (select key from {arrivals} order by key) sorted group by key having count(*) > 1;

-- name: find_known_rows
-- Keep the arrived rows whose key an event has already, and whether the content is the same.
-- reads: arrivals, events
-- leaves: known_rows
create temporary table known_rows on commit drop as
select a.ctid as arrival_ctid, a.key, a.file_id, a.row, a.is_keyless, a.record_version,
       e.file_id as version_file_id, e.row as version_row, ({same_content}) as is_same
from {arrivals} a join events e using (key);

-- name: find_contested_keys
-- Keep the contested keys: those that several rows have, or that an event has with other content.
-- The table is unlogged because no parallel worker reads a temporary one: with several processes it took half of 1.4 s
-- to find the contested rows among 5 million.
-- reads: repeated_keys, known_rows
-- leaves: parallel_contested_keys
create unlogged table parallel_contested_keys as
select key from repeated_keys union select key from known_rows where not is_same;

-- name: find_contested_rows
-- Keep the arrived rows of contested keys.
-- reads: arrivals, parallel_contested_keys
-- leaves: contested_rows
create temporary table contested_rows on commit drop as
select *, ctid as arrival_ctid from {arrivals} where key in (select key from parallel_contested_keys);

-- name: keep_contested_keys
-- Keep the contested keys in a table that goes with the transaction.
-- reads: parallel_contested_keys
-- leaves: contested_keys
create temporary table contested_keys on commit drop as select key from parallel_contested_keys;

-- name: view_plain_duplicates
-- Show the known rows that are the only ones of the import with their key, and equal to the event that has it.
-- The view goes with the tables that it reads.
-- reads: known_rows, contested_keys
-- leaves: plain_duplicates
create temporary view plain_duplicates as
select * from known_rows k where not exists (select from contested_keys c where c.key = k.key);

-- name: find_contested_occurrences
-- Keep the occurrences of contested keys: the event that has the key, if there is one, and the arrived rows.
-- An event takes the latest place and the greatest version of its duplicates. Two occurrences are a pair unless the source
-- orders them itself, by different versions.
-- reads: contested_rows, contested_keys, events, duplicates
-- leaves: contested_occurrences
create temporary table contested_occurrences on commit drop as
with occurrences as (
    select key, file_id, row, false as is_existing, file_id as place_file_id, row as place_row, record_version,
           customer_no, event_name, is_deleted, is_timestamp_omitted, at, contract_no, properties
    from contested_rows
    union all
    select e.key, e.file_id, e.row, true,
           (greatest(array[e.file_id, e.row], latest.place))[1]::int, (greatest(array[e.file_id, e.row], latest.place))[2],
           greatest(e.record_version::numeric, latest.record_version)::text,
           e.customer_no, e.event_name, e.is_deleted, e.is_timestamp_omitted, e.at, e.contract_no, e.properties
    from events e cross join lateral (
        select max(array[d.file_id, d.row]) as place, max(d.record_version::numeric) as record_version
        from duplicates d where d.key = e.key and d.version_file_id = e.file_id and d.version_row = e.row
    ) latest
    where e.key in (select key from contested_keys)
)
select key::text, file_id, row, is_existing, place_file_id, place_row, record_version, at, is_timestamp_omitted,
       dense_rank() over (partition by key order by {content_order}) as content,
       row_number() over (partition by key order by is_existing desc, place_file_id, place_row) as ordinal,
       count(*) over of_key = 2 and min(record_version::numeric) over of_key
           is not distinct from max(record_version::numeric) over of_key as is_pair
from occurrences window of_key as (partition by key);

-- name: decide_pairs
-- Write the outcomes of pairs, as decide_outcomes in outcomes.py does for all other occurrences.
-- An import of 300,000 corrections takes 20 s instead of 31 s with decide_outcomes alone.
-- reads: contested_occurrences
insert into occurrence_outcomes
with pairs as (
    select one.key, one.file_id, one.row, one.is_existing, one.at, other.file_id as other_file_id, other.row as other_row,
           case when other.content = one.content then {Outcome.DUPLICATE}
                when :is_conflict_rejected then {Outcome.REJECTED}
                when (other.place_file_id, other.place_row) > (one.place_file_id, one.place_row) then {Outcome.CORRECTED}
                else {Outcome.STALE} end as outcome,
           other.at as other_at, one.is_timestamp_omitted and other.is_timestamp_omitted as is_omitted
    from contested_occurrences one join contested_occurrences other using (key)
    where one.is_pair and one.ordinal = 1 and other.ordinal = 2
)
select key, file_id, row, is_existing, case when not is_existing then {Outcome.NEW} end, outcome <> {Outcome.CORRECTED},
       file_id, row, at, false
from pairs
union all
select key, other_file_id, other_row, false, outcome, outcome = {Outcome.CORRECTED},
       case outcome when {Outcome.DUPLICATE} then file_id else other_file_id end,
       case outcome when {Outcome.DUPLICATE} then row else other_row end,
       case when outcome = {Outcome.DUPLICATE} or (is_omitted and outcome <> {Outcome.REJECTED}) then at else other_at end,
       outcome = {Outcome.CORRECTED} and file_id = other_file_id
from pairs;

-- name: read_contested_occurrences
-- Read the occurrences that are no pairs, key by key in the order in which they are decided.
-- reads: contested_occurrences
select {columns} from contested_occurrences where not is_pair order by key, ordinal;

-- name: count_outcomes
-- Count the outcomes of contested rows and plain duplicates by file; every other row is new.
-- reads: occurrence_outcomes, contested_rows, plain_duplicates
select r.file_id, o.outcome, r.is_keyless, o.corrects_own_file, count(*) as rows
from occurrence_outcomes o join contested_rows r on r.file_id = o.file_id and r.row = o.row
where not o.is_existing group by 1, 2, 3, 4
union all
select file_id, {Outcome.DUPLICATE}, is_keyless, false, count(*) from plain_duplicates group by 1, 2, 3, 4;
