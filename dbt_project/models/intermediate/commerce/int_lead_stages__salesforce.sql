{{ config(enabled=has_kind('salesforce'), materialized='view') }}

with
opportunity_stages as (
    select * from {{ ref('stg_salesforce__opportunity_stages') }}
),

lead_statuses as (
    select * from {{ ref('stg_salesforce__lead_statuses') }}
),

named as (
    select source_name, 'opportunity' as object, stage, label, is_closed, is_won, false as is_converted from opportunity_stages where not is_deleted
    union
    select source_name, 'opportunity', label, label, is_closed, is_won, false from opportunity_stages where not is_deleted
    union
    select source_name, 'lead', status, label, false, false, is_converted from lead_statuses where not is_deleted
    union
    select source_name, 'lead', label, label, false, false, is_converted from lead_statuses where not is_deleted
),

worded as (
    select
        source_name,
        object,
        stage,
        bool_or(is_closed) as is_closed,
        bool_or(is_won) as is_won,
        bool_or(is_converted) as is_converted,
        lower(string_agg(stage || ' ' || label, ' ')) as words
    from named
    group by source_name, object, stage
),

-- An organisation names its stages as it likes, but says which ones end an opportunity and how; of a lead's statuses it says only which one converts.
-- Records hold names, histories may hold labels.
final as (
    select
        source_name,
        object,
        stage,
        case
            when is_won then 'won'
            when is_converted then 'opportunity'
            when (is_closed or object = 'lead') and regexp_matches(words, 'cancel|disqualif|duplicate|spam|junk') then 'cancelled'
            when is_closed then 'lost'
            when object = 'lead' then if(regexp_matches(words, 'unqualif|not converted|closed|reject|lost'), 'lost', 'lead')
            when regexp_matches(words, 'offer|proposal|quot|contract|negotiat') then 'offer'
            else 'opportunity'
        end as lead_stage
    from worded
)

select * from final
