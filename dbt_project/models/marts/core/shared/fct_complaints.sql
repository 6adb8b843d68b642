with
complaints as (
    select * from {{ ref('int_complaints') }}
),

orders as (
    select * from {{ ref('fct_orders') }}
),

tickets as (
    select * from {{ ref('fct_tickets') }}
),

-- what happens after the end of the as_of day has not happened yet
known as (
    select
        * exclude (resolved_at),
        case when resolved_at < {{ end_of_as_of() }} then resolved_at end as resolved_at
    from complaints
    where opened_at < {{ end_of_as_of() }}
),

-- people write the number down without saying which helpdesk: with two of them it may be nobody's
numbered as (
    select
        source_ticket_id,
        any_value(ticket_id) as ticket_id,
        any_value(team) as team
    from tickets
    group by source_ticket_id
    having count(*) = 1
),

-- 64, #64, T00064, RT#64, ticket 64: who writes a number down does it in his own way; other letters before it are of another document
written as (
    select
        complaint_id,
        ticket_id,
        nullif(regexp_extract(lower(ticket_id), '^(?:t|rt|ticket|case)?[ #-]*0*([1-9][0-9]*)$', 1), '') as number
    from known
),

final as (
    select
        known.complaint_id,
        known.source_name,
        known.complaint_number,
        known.order_id,
        numbered.ticket_id,
        coalesce(known.kind, 'unknown') as kind,
        coalesce(orders.region, 'unknown') as region,
        coalesce(numbered.team, 'unknown') as team,
        coalesce(known.is_major, false) as is_major,
        known.opened_at,
        {{ reporting_day('known.opened_at') }} as opened_on,
        known.due_at,
        {{ reporting_day('known.due_at') }} as due_on,
        known.resolved_at,
        {{ reporting_day('known.resolved_at') }} as resolved_on,
        case when known.resolved_at is not null then known.is_agreed end as is_agreed,
        -- decided by the deed or by the limit, whichever comes first
        case
            when known.resolved_at <= known.due_at then true
            when known.due_at < {{ end_of_as_of() }} then false
        end as is_on_time
    from known
    left join orders
        on known.order_id = orders.order_id
    left join written
        on known.complaint_id = written.complaint_id
    left join numbered
        on coalesce(written.number, known.ticket_id) = numbered.source_ticket_id
)

select * from final
