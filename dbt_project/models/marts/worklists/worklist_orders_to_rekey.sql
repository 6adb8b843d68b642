{%- set said_en -%}
    ', not in the portal of ' || partner || ': ' || pieces || ' pieces (lines: ' || line_count || '), wanted by ' || coalesce(cast(requested_on as varchar), '?')
{%- endset %}
{%- set said_zh -%}
    ' 已确认，尚未录入 ' || partner || ' 的门户：' || line_count || ' 行共 ' || pieces || ' 件，要求交货日 ' || coalesce(cast(requested_on as varchar), '?')
{%- endset %}

with
orders as (
    select * from {{ ref('fct_orders') }}
),

order_lines as (
    select * from {{ ref('fct_order_lines') }}
),

customers as (
    select * from {{ ref('dim_customers') }}
),

partner_items as (
    select * from {{ ref('stg_files__partner_items') }}
),

partner_orders as (
    select * from {{ ref('stg_files__partner_orders') }}
),

-- what the portal cancelled has to be entered again
entered as (
    select distinct reference
    from partner_orders
    where not is_deleted
        and status is distinct from 'cancelled'
        and entered_on <= {{ as_of() }}
),

pieces as (
    select
        order_lines.order_id,
        partner_items.partner,
        partner_items.partner_item,
        sum(order_lines.quantity) as quantity
    from order_lines
    inner join partner_items
        on order_lines.product = partner_items.product
        and order_lines.placed_on >= partner_items.valid_from
    where not order_lines.is_cancelled
        and not partner_items.is_deleted
    group by order_lines.order_id, partner_items.partner, partner_items.partner_item
),

asked as (
    select
        order_id,
        partner,
        count(*) as line_count,
        regexp_replace(cast(sum(quantity) as varchar), '\.?0+$', '') as pieces,
        -- text, whole where it is whole: the robot must not round what it types
        '[' || string_agg(
            '{"item":' || cast(to_json(partner_item) as varchar) || ',"pieces":"'
            || case when quantity = trunc(quantity) then cast(cast(quantity as bigint) as varchar) else cast(quantity as varchar) end || '"}',
            ',' order by partner_item
        ) || ']' as lines
    from pieces
    group by order_id, partner
),

waiting as (
    select
        orders.order_id,
        orders.order_number as reference,
        customers.customer_number,
        asked.partner,
        asked.line_count,
        asked.pieces,
        asked.lines,
        coalesce(orders.requested_on, orders.promised_on) as requested_on,
        {{ reporting_day('orders.confirmed_at') }} as confirmed_on,
        date_diff('day', {{ reporting_day('orders.confirmed_at') }}, {{ as_of() }}) as waiting_days
    from asked
    inner join orders
        on asked.order_id = orders.order_id
    left join customers
        on orders.customer_id = customers.customer_id
    where orders.confirmed_at is not null
        and orders.cancelled_at is null
        and orders.delivered_at is null
        -- when it was delivered may be set aside: nobody enters what is with the customer
        and orders.has_bad_values is distinct from true
        and orders.order_number not in (select entered.reference from entered where entered.reference is not null)
),

final as (
    {{ worklist(
        'orders_to_rekey', 'waiting', key="partner || '/' || order_id", subject='reference',
        evidence_en="'Confirmed on ' || confirmed_on || " ~ said_en, evidence_zh="confirmed_on || " ~ said_zh,
        owner='fulfilment_lead', due_at='confirmed_on + ' ~ worklist_limit('rekey_days'),
        severity="case when waiting_days > " ~ worklist_limit('rekey_days') ~ " then 'warn' else 'inform' end", value='waiting_days', threshold=worklist_limit('rekey_days'),
        more=['order_id', 'partner', 'reference', 'customer_number', 'requested_on', 'lines']
    ) }}
)

select * from final
