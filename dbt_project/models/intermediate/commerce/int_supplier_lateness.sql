with
receipts as (
    select * from {{ ref('fct_receipts') }}
),

-- the ninety days of supplier_late_rate
rates as (
    select
        supplier_id,
        any_value(supplier_number) as supplier_number,
        coalesce(any_value(supplier), any_value(supplier_number), supplier_id) as supplier,
        count(*) as due_count,
        count(*) filter (where is_late) as late_count
    from receipts
    where is_due and promised_on > {{ as_of() }} - 90
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
