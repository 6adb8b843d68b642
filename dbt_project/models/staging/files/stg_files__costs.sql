{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'costs') }}
),

parsed as (
    {{ parse('source', ['month', 'unit', 'category', 'amount', 'currency']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        cast(date_trunc('month', try_cast(month as date)) as date) as month,
        nullif(trim(unit), '') as unit,
        nullif(trim(category), '') as category,
        try_cast(amount as double) as amount,
        nullif(trim(currency), '') as currency,
        {{ unread({'month': 'date', 'amount': 'double'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
