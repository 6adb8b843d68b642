{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'stock_picking') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'picking_type_id',
        'state',
        'scheduled_date',
        'date_done',
        'sale_id',
        'carrier_id',
        'x_delivered_at',
        'x_reason',
        'x_fault',
        'create_date',
    ], present=['x_delivered_at']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as picking_id,
        try_cast(picking_type_id as bigint) as picking_type_id,
        state,
        {{ utc('scheduled_date') }} as scheduled_at,
        {{ utc('date_done') }} as done_at,
        try_cast(sale_id as bigint) as sale_id,
        try_cast(carrier_id as bigint) as carrier_id,
        {{ utc('x_delivered_at') }} as delivered_at,
        -- whether this company records deliveries at all: Odoo itself knows when a parcel left
        has_x_delivered_at as tells_delivery,
        x_reason as reason,
        x_fault as fault,
        {{ utc('create_date') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
