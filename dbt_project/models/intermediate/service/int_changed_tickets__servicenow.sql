{{ config(enabled=has_kind('servicenow'), materialized='view') }}

with
changes as (
    select * from {{ ref('stg_servicenow__incident_changes') }}
),

-- a change that is gone does not say any more whose it was
concerned as (
    {{ happened_since(ref('stg_servicenow__incident_changes'), 'source_name, incident_number', 'greatest(opened_at, changed_at, resolved_at, closed_at)') }}
    union
    select source_name, incident_number from changes
    where source_name in (select source_name from changes where is_deleted and {{ landed_tonight() }})
),

final as (
    select source_name || ':' || incident_number as ticket_id
    from concerned
    where incident_number is not null
)

select * from final
