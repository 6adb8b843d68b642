with
receipts as (
    select * from {{ ref('int_receipts') }}
),

-- what happens after the as_of day has not happened yet; a line whose day of ordering nobody noted is known from its first date on
known as (
    select
        * exclude (received_at, received_on),
        case when received_on <= {{ as_of() }} then received_at end as received_at,
        case when received_on <= {{ as_of() }} then received_on end as received_on
    from receipts
    where coalesce(ordered_on, least(promised_on, received_on)) <= {{ as_of() }}
),

final as (
    select
        receipt_id,
        source_name,
        purchase_number,
        supplier_id,
        supplier_number,
        supplier,
        item,
        coalesce(warehouse, 'unknown') as warehouse,
        quantity,
        ordered_at,
        ordered_on,
        promised_on,
        received_at,
        received_on,
        is_cancelled,
        coalesce(promised_on <= {{ as_of() }}, false) and not is_cancelled as is_due,
        -- decided at the end of the promised day, for good: what came later was late, what has not come is late already
        case
            when promised_on <= {{ as_of() }} and not is_cancelled then coalesce(received_on > promised_on, true)
        end as is_late,
        coalesce(promised_on <= {{ as_of() }}, false) and received_on is null and not is_cancelled as is_overdue,
        date_diff('day', ordered_on, received_on) as lead_days
    from known
)

select * from final
