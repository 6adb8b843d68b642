{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'users') }}
),

parsed as (
    {{ parse('source', ['Id', 'Email', 'UserType', 'IsActive']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        id as user_id,
        email,
        usertype as user_type,
        coalesce(try_cast(isactive as boolean), false) as is_active
    from parsed
)

select * from renamed
{{ newest_per_key() }}
