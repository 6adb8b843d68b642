{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'purchase_order') }}
),

parsed as (
    {{ parse('source', ['id', 'name', 'partner_id', 'date_order', 'date_approve', 'state', 'picking_type_id', 'create_date', 'write_date']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as purchase_id,
        name as number,
        try_cast(partner_id as bigint) as partner_id,
        {{ utc('date_order') }} as ordered_at,
        {{ utc('date_approve') }} as approved_at,
        state,
        try_cast(picking_type_id as bigint) as picking_type_id,
        {{ utc('create_date') }} as created_at,
        {{ utc('write_date') }} as changed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
