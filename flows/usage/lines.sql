-- Usage lines as they are stored.

-- name: replace_lines
-- Mark the current revision of each changed line as replaced by this publish.
-- reads: changed_lines
update usage_lines l set replaced_publish_no = :publish_no
from changed_lines c where l.line_id = c.line_id and l.replaced_publish_no is null;

-- name: has_no_line
-- Whether no line is stored yet, and no foreign key refers to the key of the lines, which could not be rebuilt then.
-- reads: usage_lines
select not exists (select from usage_lines)
    and not exists (select from pg_constraint where confrelid = 'usage_lines'::regclass);

-- fragment: line_columns
-- The columns of a line beside its revision and its publish.
contract_no, pricing_no, meter_no, customer_no, period_start_on, period_end_on, period_start, period_end, group_key,
quantity, event_count, unusable_count, first_event_at, last_event_at, is_withdrawn;

-- name: write_first_lines
-- Write all recomputed lines as first revisions.
-- reads: recomputed_lines
insert into usage_lines (line_id, revision, {line_columns}, import_id, publish_no)
select line_id, 1, {line_columns}, :import_id, :publish_no from recomputed_lines;

-- name: write_changed_lines
-- Write a revision of each changed line.
-- reads: changed_lines
insert into usage_lines (line_id, revision, {line_columns}, import_id, publish_no)
select line_id, revision, {line_columns}, :import_id, :publish_no from changed_lines order by line_id, revision;

-- fragment: changes_of_import
-- The lines that an import changed, each with its values before and after.
select k.id as customer_id, k.external_customer_id, c.id as contract_id, m.code as meter_code,
       l.group_key as "group", l.period_start_on, trim_scale(before.quantity)::text as quantity_before,
       trim_scale(l.quantity)::text as quantity, l.event_count - coalesce(before.event_count, 0) as more_events,
       l.is_withdrawn
from usage_lines l
left join usage_lines before on before.line_id = l.line_id and before.revision = l.revision - 1
join customers k on k.customer_no = l.customer_no join contracts c on c.contract_no = l.contract_no
join meters m on m.meter_no = l.meter_no
where l.import_id = :import_id;

-- name: largest_changes
-- Read the lines that an import changed with their values before and after, those with the most events first.
-- reads: usage_lines, customers, contracts, meters
{changes_of_import}
order by abs(l.event_count - coalesce(before.event_count, 0)) desc, c.id collate "C", m.code collate "C", l.period_start,
    l.group_key collate "C"
limit :limit;

-- name: withdrawn_due_lines
-- Read the lines with events that an import withdrew although they are due, those with the most events first.
-- reads: usage_lines, customers, contracts, meters, imports
{changes_of_import} and l.is_withdrawn and before.event_count > 0 and l.period_end <= :clock
order by before.event_count desc, c.id collate "C", m.code collate "C", l.period_start,
    l.group_key collate "C"
limit :limit;
