select
    cast(null as varchar) as correction_id,
    cast(null as varchar) as order_id,
    cast(null as varchar) as source_name,
    cast(null as timestamp) as corrected_at,
    cast(null as varchar) as kind,
    cast(null as varchar) as revenue_effect,
    cast(null as varchar) as reason,
    cast(null as boolean) as is_our_fault,
    cast(null as varchar) as business_unit,
    cast(null as varchar) as region,
    cast(null as varchar) as currency,
    cast(null as decimal(18, 4)) as amount
where false
