select
    cast(null as varchar) as lead_id,
    cast(null as timestamp) as event_at,
    cast(null as varchar) as from_stage,
    cast(null as varchar) as to_stage
where false
