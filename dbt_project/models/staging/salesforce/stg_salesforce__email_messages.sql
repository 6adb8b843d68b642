{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'email_messages') }}
),

parsed as (
    {{ parse('source', ['ParentId', 'Incoming', 'Status', 'CreatedById', 'MessageDate', 'CreatedDate']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        parentid as case_id,
        coalesce(try_cast(incoming as boolean), false) as is_incoming,
        status,
        createdbyid as author_id,
        coalesce({{ utc('messagedate') }}, {{ utc('createddate') }}) as sent_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
