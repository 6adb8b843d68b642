{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('servicenow', 'incidents') }}
),

parsed as (
    {{ parse('source', [
        'number',
        'incident_state',
        'reopen_count',
        'sys_mod_count',
        'made_sla',
        'caller_id',
        'opened_at',
        'sys_updated_by',
        'sys_updated_at',
        'contact_type',
        'location',
        'category',
        'priority',
        'assignment_group',
        'assigned_to',
        'resolved_at',
        'closed_at',
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        {{ servicenow_value('number') }} as incident_number,
        {{ servicenow_value('incident_state') }} as incident_state,
        try_cast({{ servicenow_value('reopen_count') }} as bigint) as reopen_count,
        try_cast({{ servicenow_value('sys_mod_count') }} as bigint) as modification_count,
        try_cast({{ servicenow_value('made_sla') }} as boolean) as made_sla,
        {{ servicenow_value('caller_id') }} as caller,
        {{ servicenow_instant('opened_at') }} as opened_at,
        {{ servicenow_value('sys_updated_by') }} as changed_by,
        {{ servicenow_instant('sys_updated_at') }} as changed_at,
        {{ servicenow_value('contact_type') }} as contact_type,
        {{ servicenow_value('location') }} as location,
        {{ servicenow_value('category') }} as category,
        {{ servicenow_value('priority') }} as priority,
        {{ servicenow_value('assignment_group') }} as assignment_group,
        {{ servicenow_value('assigned_to') }} as assigned_to,
        {{ servicenow_instant('resolved_at') }} as resolved_at,
        {{ servicenow_instant('closed_at') }} as closed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
