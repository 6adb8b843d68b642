{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'issues') }}
),

parsed as (
    {{ parse('source', [
        'name',
        'subject',
        'status',
        'priority',
        'customer',
        'raised_by',
        'via_customer_portal',
        'email_account',
        'custom_team',
        '_assign',
        'service_level_agreement',
        'agreement_status',
        'agreement_fulfilled',
        'response_by',
        'resolution_by',
        'sla_resolution_by',
        'first_responded_on',
        'resolution_date',
        'sla_resolution_date',
        'creation',
        'modified',
        '_time_zone',
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as issue_name,
        subject,
        status,
        priority,
        customer,
        raised_by,
        via_customer_portal = '1' as is_from_portal,
        email_account,
        -- no field of ERPNext's own says which team it is that works on an issue: a custom one does
        custom_team as team,
        -- a list in a text, of those to whom it is assigned now; as one token where it was hashed
        coalesce(try_cast(_assign as json) ->> '$[0]', nullif(_assign, '[]')) as assignee,
        service_level_agreement,
        coalesce(agreement_status, agreement_fulfilled) as agreement_status,
        {{ site_instant('response_by') }} as response_due_at,
        {{ site_instant('coalesce(sla_resolution_by, resolution_by)') }} as resolution_due_at,
        {{ site_instant('first_responded_on') }} as first_responded_at,
        {{ site_instant('coalesce(sla_resolution_date, resolution_date)') }} as resolved_at,
        {{ site_instant('creation') }} as created_at,
        {{ site_instant('modified') }} as changed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
