{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'lead_history') }}
),

parsed as (
    {{ parse('source', ['LeadId', 'Field', 'OldValue', 'NewValue', 'CreatedDate']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        leadid as lead_id,
        field,
        oldvalue as old_value,
        newvalue as new_value,
        {{ utc('createddate') }} as changed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
