-- The things that usage names, which --prune must keep. {events} are the published events and those that wait.

-- name: customers_in_use
-- Find the customers of events and of usage lines of any time.
-- reads: events, arrivals, superseded, folded_usage, usage_lines
select customer_no from {events}
union select customer_no from superseded
union select customer_no from folded_usage
union select customer_no from usage_lines;

-- name: meters_in_use
-- Find the meters of usage and of usage lines of any time.
-- reads: folded_usage, usage_lines
select meter_no from folded_usage union select meter_no from usage_lines;

-- name: plans_in_use
-- Find the plans with a pricing that usage lines of any time name.
-- reads: usage_lines, pricings
select g.plan_no from usage_lines l join pricings g using (pricing_no);

-- name: contracts_in_use
-- Find the contracts that events are pinned to, and those of usage lines of any time.
-- reads: events, arrivals, superseded, folded_usage, usage_lines
select contract_no from {events} where contract_no is not null
union select contract_no from superseded where contract_no is not null
union select pinned_contract_no from folded_usage where pinned_contract_no <> 0
union select contract_no from usage_lines;
