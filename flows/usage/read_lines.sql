-- What is asked of usage lines beside the lines themselves.

-- name: first_contracts
-- List the contracts whose lines come first, each with its customer.
-- reads: rolled_up_contracts, contracts
select contract_no, r.customer_no from rolled_up_contracts r join contracts c using (contract_no)
order by c.id collate "C" limit :contracts;
