{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'case_comments') }}
),

parsed as (
    {{ parse('source', ['ParentId', 'IsPublished', 'CreatedById', 'CreatedDate']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        parentid as case_id,
        coalesce(try_cast(ispublished as boolean), false) as is_public,
        createdbyid as author_id,
        {{ utc('createddate') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
