select
    cast(null as varchar) as customer_id,
    cast(null as varchar) as source_name,
    cast(null as varchar) as customer_number,
    cast(null as varchar) as country,
    cast(null as varchar) as region,
    cast(null as timestamp) as created_at
where false
