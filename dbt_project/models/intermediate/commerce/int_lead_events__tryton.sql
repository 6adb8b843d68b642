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
    select
        lead_id,
        created_at as event_at,
        'lead' as to_stage
    from leads
    {%- for stage in ['won', 'lost', 'cancelled'] %}
    union
    select
        lead_id,
        {{ stage }}_at as event_at,
        '{{ stage }}' as to_stage
    from leads
    where {{ stage }}_at is not null
    {%- endfor %}
),

final as (
    select
        entered.lead_id,
        entered.event_at,
        lag(entered.to_stage) over (
            partition by entered.lead_id
            order by entered.event_at, list_position(['lead', 'opportunity', 'offer', 'won', 'lost', 'cancelled'], entered.to_stage)
        ) as from_stage,
        entered.to_stage
    from entered
    inner join leads
        on entered.lead_id = leads.lead_id
)

select * from final
