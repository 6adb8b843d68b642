with
receipts as (
    select * from {{ ref('int_receipts') }}
),

-- the ninety days of supplier_late_rate
rates as (
    select
        supplier_id,
        any_value(supplier_number) as supplier_number,
        coalesce(any_value(supplier), any_value(supplier_number), supplier_id) as supplier,
        count(*) as due_count,
        -- what has not come is late, and what came after the as_of day came after a day before it
        count(*) filter (where coalesce(received_on > promised_on, true)) as late_count
    from receipts
    where promised_on between {{ as_of() }} - 89 and {{ as_of() }}
        and not is_cancelled
        and coalesce(ordered_on, promised_on) <= {{ as_of() }}
    group by supplier_id
),

final as (
    select
        *,
        late_count / due_count as late_rate,
        {{ wilson_bound('late_count', 'due_count', 'lower') }} as surely_late_rate
    from rates
)

select * from final
