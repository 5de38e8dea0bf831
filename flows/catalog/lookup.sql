-- name: customers_named
-- Find the customers with an id, their own or the caller's.
-- reads: customers
select customer_no from customers where {is_id} or {is_external_id};

-- name: is_contract_known
-- Answer whether there is a contract with an id.
-- reads: contracts
select exists (select from contracts where {is_id});

-- name: is_meter_known
-- Answer whether there is a meter with a code, or lines have been made from one.
-- reads: meters, rolled_up_meters
select exists (
    select from meters where code = :meter union all select from rolled_up_meters where code = :meter
);
