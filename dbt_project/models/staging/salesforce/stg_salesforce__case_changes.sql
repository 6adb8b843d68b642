{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'case_history') }}
),

parsed as (
    {{ parse('source', ['CaseId', 'Field', 'OldValue', 'NewValue', 'CreatedById', 'CreatedDate']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        caseid as case_id,
        field,
        oldvalue as old_value,
        newvalue as new_value,
        createdbyid as changed_by,
        {{ utc('createddate') }} as changed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
