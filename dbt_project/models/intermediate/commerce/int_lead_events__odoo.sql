{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
changes as (
    select * from {{ ref('int_tracked_changes__odoo') }}
),

lead_stages as (
    select * from {{ ref('int_lead_stages__odoo') }}
),

leads as (
    select * from {{ ref('int_leads__odoo') }}
),

-- an ending that was taken back is none: endings are told by the lead, as it stands now
entered as (
    select
        changes.source_name || ':' || changes.document_id as lead_id,
        changes.changed_at as event_at,
        lead_stages.lead_stage as to_stage
    from changes
    inner join lead_stages
        on changes.source_name = lead_stages.source_name
        and changes.new_number = lead_stages.stage_id
    where changes.model = 'crm.lead' and changes.field = 'stage_id' and lead_stages.lead_stage in ('lead', 'opportunity', 'offer')
    union
    select
        lead_id,
        converted_at as event_at,
        'opportunity' as to_stage
    from leads
    where converted_at is not null
    union
    {{ lead_beginnings_and_endings('leads') }}
),

followed as (
    select
        entered.lead_id,
        entered.event_at,
        {{ lead_stage_before('entered') }} as from_stage,
        entered.to_stage
    from entered
    inner join leads
        on entered.lead_id = leads.lead_id
),

-- two stages of the company may be one of ours
final as (
    select * from followed
    where from_stage is distinct from to_stage
)

select * from final
