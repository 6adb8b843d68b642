select
    cast(null as varchar) as complaint_id,
    cast(null as varchar) as source_name,
    cast(null as varchar) as order_id,
    cast(null as varchar) as ticket_id,
    cast(null as varchar) as kind,
    cast(null as boolean) as is_major,
    cast(null as timestamp) as opened_at,
    cast(null as timestamp) as due_at,
    cast(null as timestamp) as resolved_at
where false
