{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('request_tracker', 'users') }}
),

parsed as (
    {{ parse('source', ['id', 'Name', 'EmailAddress', 'RealName', 'Organization', 'Timezone']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as user_number,
        Name as user_name,
        nullif(EmailAddress, '') as email,
        RealName as real_name,
        nullif(Organization, '') as organization,
        {{ request_tracker_is_robot('Name') }} as is_robot,
        nullif(Timezone, '') as time_zone
    from parsed
)

select * from renamed
{{ newest_per_key() }}
