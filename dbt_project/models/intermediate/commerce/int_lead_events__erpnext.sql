{{ config(enabled=has_kind('erpnext'), materialized='view') }}

with
lead_changes as (
    select * from {{ ref('int_lead_changes__erpnext') }}
),

leads as (
    select * from {{ ref('int_leads__erpnext') }}
),

-- an ending that was taken back is none: endings are told by the lead, as it stands now
entered as (
    select
        source_name || ':' || opportunity_name as lead_id,
        entered_at as event_at,
        lead_stage as to_stage
    from lead_changes
    where lead_stage in ('lead', 'opportunity', 'offer')
    union
    {{ lead_beginnings_and_endings('leads') }}
),

{{ followed_lead_changes('entered', 'leads') }}

select * from final
