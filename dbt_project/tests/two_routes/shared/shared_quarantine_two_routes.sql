-- What came in stands in a mart or in quarantine. The second route: keys of what the sources say against keys of what is published, and the rows whose values
-- contradict each other looked for by themselves.
with
stated as (
    select 'order' as entity, order_id as row_key from {{ ref('int_orders__stated') }} where placed_at < {{ end_of_as_of() }}
    union all
    select 'order_line', lines.order_line_id
    from {{ ref('int_order_lines__stated') }} as lines
    inner join {{ ref('fct_orders') }} as orders
        on lines.order_id = orders.order_id
    union all
    select 'receipt', receipt_id from {{ ref('int_receipts__stated') }} where coalesce(ordered_on, least(promised_on, received_on)) <= {{ as_of() }}
    union all
    select 'lead', lead_id from {{ ref('int_leads__stated') }} where created_at < {{ end_of_as_of() }}
    union all
    select 'complaint', complaint_id from {{ ref('int_complaints__stated') }} where opened_at < {{ end_of_as_of() }}
    union all
    select 'ticket', ticket_id from {{ ref('int_ticket_headers__stated') }}
    where created_at < {{ end_of_as_of() }} and ticket_id not in (select suggestion_id from {{ ref('fct_suggestions') }})
),

published as (
    select 'order' as entity, order_id as row_key from {{ ref('fct_orders') }}
    union all
    select 'order_line', order_line_id from {{ ref('fct_order_lines') }}
    union all
    select 'receipt', receipt_id from {{ ref('fct_receipts') }}
    union all
    select 'lead', lead_id from {{ ref('fct_leads') }}
    union all
    select 'complaint', complaint_id from {{ ref('fct_complaints') }}
    union all
    select 'ticket', ticket_id from {{ ref('fct_tickets') }}
),

left_out as (
    select distinct entity, row_key from {{ ref('quarantine') }} where is_left_out
),

places as (
    select entity, row_key, 1 as came_in, 0 as was_placed from stated
    union all
    select entity, row_key, 0, 1 from published
    union all
    select entity, row_key, 0, 1 from left_out semi join stated using (entity, row_key)
),

contradictory as (
    select 'order' as entity, order_id as row_key from {{ ref('int_orders__stated') }}
    where epoch(placed_at) - epoch(delivered_at) > 1 and placed_at < {{ end_of_as_of() }}
    union
    select 'order_line', order_line_id from {{ ref('int_order_lines__stated') }} where sign(quantity) = -1 and priced_on <= {{ as_of() }}
    union
    select 'receipt', receipt_id from {{ ref('int_receipts__stated') }} where date_diff('day', ordered_on, received_on) < 0 and ordered_on <= {{ as_of() }}
    union
    select 'ticket', ticket_id from {{ ref('int_ticket_headers__stated') }}
    where epoch(created_at) - epoch(least(source_resolved_at, first_done_at)) > 1 and created_at < {{ end_of_as_of() }}
),

quarantined as (
    select distinct entity, row_key from {{ ref('quarantine') }}
    where reason in ('delivered_before_ordered', 'negative_quantity', 'received_before_ordered', 'resolved_before_created')
        and entity in ('order', 'order_line', 'receipt', 'ticket')
),

disagreeing as (
    (select entity, row_key from contradictory except select entity, row_key from quarantined)
    union
    select entity, row_key from (
        select entity, row_key from quarantined
        except
        (select entity, row_key from contradictory union select 'receipt', receipt_id from {{ ref('int_receipts__stated') }} where sign(quantity) = -1)
    )
),

-- by their hashes first: the keys themselves of a hundred million rows are more than a build's memory
suspected as (
    select hash(entity, row_key) as place
    from places
    group by hash(entity, row_key)
    having sum(came_in) <> 1 or sum(was_placed) <> 1
)

select
    entity,
    row_key,
    'came in ' || sum(came_in) || ' times, is placed ' || sum(was_placed) || ' times' as what
from places
where hash(entity, row_key) in (select place from suspected)
group by entity, row_key
having sum(came_in) <> 1 or sum(was_placed) <> 1

union all

select
    entity,
    row_key,
    'contradicts itself, and is not in quarantine or is there without reason' as what
from disagreeing
