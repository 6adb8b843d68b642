{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'sale_complaint') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'number',
        'reference',
        'type',
        'origin',
        'description',
        'state',
        'create_date',
        'write_date',
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as complaint_id,
        number,
        reference,
        try_cast(type as bigint) as complaint_type_id,
        nullif(split_part(origin, ',', 1), '') as origin_model,
        try_cast(split_part(origin, ',', 2) as bigint) as origin_id,
        description,
        state,
        {{ utc('create_date') }} as created_at,
        {{ utc('write_date') }} as changed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
