with
final as (
    select * from {{ ref('int_lead_events__tryton') }}
)

select * from final
