{{ config(severity='warn') }}
-- An amount in a currency without any rate up to its day is unknown and left out of every sum: somebody has to add the rate.
select
    'order' as kind,
    source_name,
    currency,
    count(*) as row_count
from {{ ref('int_order_lines') }}
where net_amount is null
group by source_name, currency

union all

select
    'correction' as kind,
    source_name,
    currency,
    count(*) as row_count
from {{ ref('int_order_corrections') }}
where net_amount is null
group by source_name, currency
