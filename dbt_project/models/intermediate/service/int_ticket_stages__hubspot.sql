{{ config(enabled=has_kind('hubspot'), materialized='view') }}

with
stages as (
    select * from {{ ref('stg_hubspot__pipeline_stages') }}
),

-- An account names its stages as it likes, but says which ones end a ticket. Where a pipeline begins is new; of the stages that every account begins with,
-- "Waiting on contact" waits for the customer, "Waiting on us" does not.
final as (
    select
        source_name,
        stage,
        case
            when is_closed then 'solved'
            when display_order = min(display_order) filter (where not is_closed) over (partition by source_name, pipeline) then 'new'
            when regexp_matches(lower(label), 'contact|customer|client|pending') then 'pending'
            when regexp_matches(lower(label), 'hold') then 'hold'
            else 'open'
        end as ticket_status
    from stages
    where not is_deleted and object_type = 'tickets' and stage <> ''
)

select * from final
