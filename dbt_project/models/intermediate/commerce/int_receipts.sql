with
final as (
    select * from {{ ref('int_receipts__tryton') }}
    union all by name
    select * from {{ ref('int_receipts__supplier_deliveries') }}
)

select * from final
