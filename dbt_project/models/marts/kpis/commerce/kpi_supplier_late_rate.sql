with
receipts as (
    select * from {{ ref('fct_receipts') }}
),

due as (
    select *
    from receipts
    where is_due
),

final as (
    {{ kpi_trailing_ratio(
        'supplier_late_rate',
        'due',
        day='promised_on',
        numerator='cast(is_late as integer)',
        denominator='1',
        segments=['supplier'],
        days=90
    ) }}
)

select * from final
