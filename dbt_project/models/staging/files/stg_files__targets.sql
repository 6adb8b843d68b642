{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('files', 'targets') }}
),

parsed as (
    {{ parse('source', ['kpi', 'segment_type', 'segment', 'effective_from', 'target', 'warn_at', 'act_at']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        nullif(trim(kpi), '') as kpi,
        coalesce(nullif(trim(segment_type), ''), 'all') as segment_type,
        coalesce(nullif(trim(segment), ''), 'all') as segment,
        try_cast(effective_from as date) as effective_from,
        try_cast(target as double) as target,
        try_cast(warn_at as double) as warn_at,
        try_cast(act_at as double) as act_at,
        {{ unread({'effective_from': 'date', 'target': 'double', 'warn_at': 'double', 'act_at': 'double'}) }} as unread
    from parsed
)

select * from renamed
{{ newest_per_key() }}
