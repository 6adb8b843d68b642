{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'stock_shipment_out') }}
),

parsed as (
    {{ parse('source', ['id', 'carrier', 'planned_date', 'origin_planned_date', 'state']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as shipment_id,
        try_cast(carrier as bigint) as carrier_id,
        try_cast(planned_date as date) as planned_on,
        try_cast(origin_planned_date as date) as first_planned_on,
        state
    from parsed
)

select * from renamed
{{ newest_per_key() }}
