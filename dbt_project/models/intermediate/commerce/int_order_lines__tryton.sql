select
    cast(null as varchar) as order_line_id,
    cast(null as varchar) as order_id,
    cast(null as varchar) as source_name,
    cast(null as varchar) as product,
    cast(null as varchar) as product_name,
    cast(null as decimal(18, 4)) as quantity,
    cast(null as decimal(18, 4)) as unit_price,
    cast(null as decimal(18, 4)) as amount,
    cast(null as varchar) as currency,
    cast(null as decimal(18, 4)) as cost_amount_stated,
    cast(null as varchar) as cost_currency,
    cast(null as date) as priced_on,
    cast(null as boolean) as is_cancelled
where false
