{{ config(severity='warn') }}
-- A record may outlive the order it names: the ERP deletes, and streams of one source are read one after the other. The few that name one are looked for
-- among the many: to look the other way lays all orders down first.
{%- for relation in ['int_complaints', 'int_order_corrections'] %}
select
    '{{ relation }} names an order that is not in int_orders' as broken_relation,
    count(*) as row_count
from {{ ref(relation) }} as naming
anti join {{ ref('int_orders__stated') }} as orders
    on naming.order_id = orders.order_id
where naming.order_id is not null
having count(*) > 0
{{ 'union all' if not loop.last }}
{%- endfor %}
