{{ config(severity='warn') }}
-- A record may outlive the order it names: the ERP deletes, and streams of one source are read one after the other.
select
    'int_complaints names an order that is not in int_orders' as broken_relation,
    count(*) as row_count
from {{ ref('int_complaints') }}
where order_id is not null and order_id not in (select order_id from {{ ref('int_orders__stated') }})
having count(*) > 0

union all

select
    'int_order_corrections names an order that is not in int_orders' as broken_relation,
    count(*) as row_count
from {{ ref('int_order_corrections') }}
where order_id is not null and order_id not in (select order_id from {{ ref('int_orders__stated') }})
having count(*) > 0
