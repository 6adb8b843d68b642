{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('zendesk', 'schedule_holidays') }}
),

parsed as (
    {{ parse('source', ['id', 'schedule_id', 'name', 'start_date', 'end_date']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as holiday_number,
        try_cast(schedule_id as bigint) as schedule_number,
        name as holiday_name,
        try_cast(start_date as date) as starts_on,
        try_cast(end_date as date) as ends_on
    from parsed
)

select * from renamed
{{ newest_per_key() }}
