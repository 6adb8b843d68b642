{{ config(enabled=has_kind('salesforce'), materialized='view') }}

with
opportunity_stages as (
    select * from {{ ref('stg_salesforce__opportunity_stages') }}
),

lead_statuses as (
    select * from {{ ref('stg_salesforce__lead_statuses') }}
),

-- An organisation names its stages as it likes, but says which ones end an opportunity and how. Of a lead's statuses it says only which one converts.
final as (
    select
        source_name,
        'opportunity' as object,
        stage,
        case
            when is_won then 'won'
            when is_closed and regexp_matches(lower(label), 'cancel|disqualif|duplicate') then 'cancelled'
            when is_closed then 'lost'
            when regexp_matches(lower(stage || ' ' || label), 'offer|proposal|quot|contract|negotiat') then 'offer'
            else 'opportunity'
        end as lead_stage
    from opportunity_stages
    where not is_deleted
    union all
    select
        source_name,
        'lead',
        status,
        case
            when is_converted then 'opportunity'
            when regexp_matches(lower(label), 'cancel|duplicate|spam|junk') then 'cancelled'
            when regexp_matches(lower(label), 'unqualif|disqualif|not converted|closed|reject|lost') then 'lost'
            else 'lead'
        end
    from lead_statuses
    where not is_deleted
)

select * from final
