-- name: holds_anything
-- Return whether a schema holds a table, a view or a sequence.
select exists (select from pg_class where relnamespace = to_regnamespace(:schema));
