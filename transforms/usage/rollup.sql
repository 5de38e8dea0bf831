-- What a rollup folds anew.

-- name: find_ranges_to_refold
-- Find what of older layers is folded anew: intervals that lost an event, and customers whose usage a new boundary cuts.
-- reads: folded_usage, folded_matches, customer_boundaries, customers_to_recompute, removed_events, files
-- leaves: ranges_to_refold
create temporary table ranges_to_refold on commit drop as
with folded as not materialized (
    select customer_no, layer, first_at, last_at from folded_usage
    union all select customer_no, layer, first_at, last_at from folded_matches
), cut_anew as (
    select distinct customer_no
    from customers_to_recompute join folded using (customer_no) join customer_boundaries using (customer_no)
    where width_bucket(first_at, boundaries) <> width_bucket(last_at, boundaries)
)
select distinct customer_no, layer, timestamptz '-infinity' as from_at, timestamptz 'infinity' as until_at
from folded where customer_no in (select customer_no from cut_anew)
union all
select distinct customer_no, layer, coalesce(boundaries[width_bucket(at, boundaries)], '-infinity'),
       coalesce(boundaries[width_bucket(at, boundaries) + 1], 'infinity')
from removed_events join files using (file_id) left join customer_boundaries using (customer_no)
where customer_no not in (select customer_no from cut_anew);

-- name: delete_usage_to_refold
-- Delete the usage of the intervals that are folded anew.
-- reads: ranges_to_refold
delete from {table} u using ranges_to_refold r
where u.customer_no = r.customer_no and u.layer = r.layer and u.first_at >= r.from_at and u.first_at < r.until_at;
