select
    cast(null as varchar) as currency,
    cast(null as date) as valid_from_on,
    cast(null as double) as rate
where false
