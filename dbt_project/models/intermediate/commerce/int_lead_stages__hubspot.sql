{{ config(enabled=has_kind('hubspot'), materialized='view') }}

with
stages as (
    select * from {{ ref('stg_hubspot__pipeline_stages') }}
),

-- An account names its stages as it likes, but says which ones end a deal and with what chance. Where a pipeline begins is a lead.
final as (
    select
        source_name,
        stage,
        case
            when is_closed and probability >= 1 then 'won'
            when is_closed and regexp_matches(lower(label), 'cancel|disqualif|duplicate') then 'cancelled'
            when is_closed then 'lost'
            when display_order = min(display_order) filter (where not is_closed) over (partition by source_name, pipeline) then 'lead'
            when regexp_matches(lower(stage || ' ' || label), 'offer|proposal|quot|contract|negotiat') then 'offer'
            else 'opportunity'
        end as lead_stage
    from stages
    where not is_deleted and object_type = 'deals' and stage <> ''
)

select * from final
