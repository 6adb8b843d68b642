{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('salesforce', 'cases') }}
),

parsed as (
    {{ parse('source', [
        'source', 'Id', 'CaseNumber', 'Subject', 'Status', 'Priority',
        'Origin', 'OwnerId', 'ContactId', 'AccountId', 'CreatedDate', 'ClosedDate'
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        id as case_id,
        casenumber as case_number,
        subject,
        status,
        priority,
        origin,
        ownerid as owner_id,
        contactid as contact_id,
        accountid as account_id,
        {{ utc('createddate') }} as created_at,
        {{ utc('closeddate') }} as closed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
