with
final as (
    select * from {{ ref('int_customers__tryton') }}
    union all by name
    select * from {{ ref('int_customers__online_retail') }}
)

select * from final
