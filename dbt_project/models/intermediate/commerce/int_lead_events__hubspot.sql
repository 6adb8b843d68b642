{{ config(enabled=has_kind('hubspot'), materialized='view') }}

with
stage_changes as (
    select * from {{ ref('stg_hubspot__deal_stage_changes') }}
),

lead_stages as (
    select * from {{ ref('int_lead_stages__hubspot') }}
),

leads as (
    select * from {{ ref('int_leads__hubspot') }}
),

-- an ending that was taken back is none: endings are told by the lead, as it stands now
entered as (
    select
        stage_changes.source_name || ':' || stage_changes.deal_number as lead_id,
        stage_changes.entered_at as event_at,
        lead_stages.lead_stage as to_stage
    from stage_changes
    inner join lead_stages
        on stage_changes.source_name = lead_stages.source_name
        and stage_changes.stage = lead_stages.stage
    where not stage_changes.is_deleted and lead_stages.lead_stage in ('lead', 'opportunity', 'offer')
    union
    {{ lead_beginnings_and_endings('leads') }}
),

{{ followed_lead_changes('entered', 'leads') }}

select * from final
