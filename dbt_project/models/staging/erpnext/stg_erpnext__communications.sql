{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'communications') }}
),

parsed as (
    {{ parse('source', [
        'name', 'reference_name', 'communication_type', 'communication_medium', 'sent_or_received', 'sender', 'creation', '_time_zone'
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as communication_name,
        reference_name as issue_name,
        communication_type = 'Automated Message' as is_automatic,
        sent_or_received = 'Received' as is_incoming,
        communication_medium as medium,
        sender,
        -- when the site learned of it: its date is whatever a mail says
        {{ site_instant('creation') }} as said_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
