{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('freshdesk', 'contacts') }}
),

parsed as (
    {{ parse('source', ['id', 'name', 'email', 'company_id', 'unique_external_id', 'deleted', 'created_at', 'updated_at']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as contact_number,
        name as contact_name,
        email,
        try_cast(company_id as bigint) as company_number,
        unique_external_id as external_id,
        coalesce(try_cast(deleted as boolean), false) as is_in_trash,
        {{ utc('created_at') }} as created_at,
        {{ utc('updated_at') }} as updated_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
