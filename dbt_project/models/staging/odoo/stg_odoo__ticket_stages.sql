{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'helpdesk_stage') }}
),

parsed as (
    {{ parse('source', ['id', 'name', 'sequence', 'fold']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as stage_id,
        name,
        try_cast(sequence as bigint) as sequence,
        fold = 'true' as is_folded
    from parsed
)

select * from renamed
{{ newest_per_key() }}
