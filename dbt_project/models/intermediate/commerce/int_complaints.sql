with
final as (
    select * from {{ ref('int_complaints__tryton') }}
)

select * from final
