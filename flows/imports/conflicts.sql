-- name: reject_conflicts
-- Write the rejections of arrived rows whose key another event has.
-- reads: occurrence_outcomes, contested_rows, arrival_bytes
insert into rejections
    (import_id, file_id, row, line, byte_offset, code, message, field, value, raw, raw_length, raw_sha256)
select :import_id, r.file_id, r.row, b.line, b.byte_offset, :code, :message, 'idempotencyKey',
       left(r.idempotency_key, 200), b.raw, b.raw_length, b.raw_sha256
from occurrence_outcomes o
join contested_rows r on r.file_id = o.file_id and r.row = o.row
join {arrival_bytes} b on b.file_id = o.file_id and b.row = o.row
where o.outcome = {Outcome.REJECTED};
