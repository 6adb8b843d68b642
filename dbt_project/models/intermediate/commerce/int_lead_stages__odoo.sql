{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
stages as (
    select * from {{ ref('stg_odoo__lead_stages') }}
),

-- a company names its stages as it likes, but says which one wins; in the first one a lead is still to be looked at
final as (
    select
        source_name,
        stage_id,
        case
            when is_won then 'won'
            when regexp_matches(lower(name), 'offer|propos|quot|contract|negotiat') then 'offer'
            when sequence = min(sequence) over (partition by source_name) then 'lead'
            else 'opportunity'
        end as lead_stage
    from stages
    where not is_deleted
)

select * from final
