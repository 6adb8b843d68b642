-- One query for all: each relation test of its own would cost its 40 ms every night. Of lines, which are many, only those of tonight's orders are looked
-- at where the rest was looked at when it was written.
{%- set is_narrow, changed = not works_all_out() and not is_audit(), ref('int_changed_orders') %}
with
known as (
    select order_id from {{ ref('int_orders__stated') }}
){{ ',' if is_narrow }}
{%- if is_narrow %}

unknown as (
    select order_id from {{ changed }}
    where order_id not in (select order_id from known)
)
{%- endif %}

select
    'int_order_lines names an order that is not in int_orders' as broken_relation,
    count(*) as row_count
from {{ ref('int_order_lines') }}
where order_id {{ 'in (select order_id from unknown)' if is_narrow else 'not in (select order_id from known)' }}
having count(*) > 0

union all

select
    'fct_orders names a customer who is not in dim_customers' as broken_relation,
    count(*) as row_count
from {{ ref('fct_orders') }}
where customer_id is not null and customer_id not in (select customer_id from {{ ref('dim_customers') }})
having count(*) > 0

union all

select
    'fct_receipts names a supplier who is not in dim_suppliers' as broken_relation,
    count(*) as row_count
from {{ ref('fct_receipts') }}
where supplier_id not in (select supplier_id from {{ ref('dim_suppliers') }})
having count(*) > 0

union all

select
    'the entries of fct_revenue_daily do not add up to fct_revenue_entries' as broken_relation,
    1 as row_count
where (select coalesce(sum(net_amount), 0) from {{ ref('fct_revenue_daily') }}) <> (select coalesce(sum(net_amount), 0) from {{ ref('fct_revenue_entries') }})
