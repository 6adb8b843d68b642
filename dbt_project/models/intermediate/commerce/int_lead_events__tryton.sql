{{ config(enabled=has_kind('tryton'), materialized='view') }}

with
logs as (
    select * from {{ ref('stg_tryton__logs') }}
),

leads as (
    select * from {{ ref('int_leads__tryton') }}
),

logged as (
    select
        source_name || ':' || resource_id as lead_id,
        logged_at as event_at,
        case target when 'state:converted' then 'offer' else split_part(target, ':', 2) end as to_stage
    from logs
    where not is_deleted
        and resource_model = 'sale.opportunity'
        and event = 'transition'
        and target in ('state:lead', 'state:opportunity', 'state:converted')
),

-- beginning and end are not logged as changes of state
entered as (
    select * from logged
    union
    {{ lead_beginnings_and_endings('leads') }}
),

final as (
    select
        entered.lead_id,
        entered.event_at,
        {{ lead_stage_before('entered') }} as from_stage,
        entered.to_stage
    from entered
    inner join leads
        on entered.lead_id = leads.lead_id
)

select * from final
