{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'ir_model_fields') }}
),

parsed as (
    {{ parse('source', ['id', 'model', 'name']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as field_id,
        model,
        name
    from parsed
)

select * from renamed
{{ newest_per_key() }}
