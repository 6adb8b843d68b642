{{ config(enabled=has_kind('erpnext')) }}

-- What Frappe keeps of an Issue: a Version for whatever a saved document says otherwise than before (status, priority, a custom team), and its
-- Communications. One that comes in opens the issue again without a Version, whatever its status was ("update_parent_document_on_communication" of
-- frappe.core.doctype.communication). What is not told: who was assigned before, and ratings.
with
issues as (
    select * from {{ ref('stg_erpnext__issues') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || issue_name", 'ticket_id') }} and not is_deleted
),

changes as (
    select * from {{ ref('stg_erpnext__changes') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || document_name", 'ticket_id') }} and doctype = 'Issue' and not is_deleted
),

communications as (
    select * from {{ ref('stg_erpnext__communications') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || issue_name", 'ticket_id') }} and not is_deleted
),

-- the words that an issue began with are no reply: a mail is there just before its issue, what the portal makes of them just after
said as (
    select
        communications.*,
        case
            when communications.is_automatic then 'bot'
            when communications.is_incoming then 'requester'
            else 'agent'
        end as actor_kind
    from communications
    inner join issues using (source_name, issue_name)
    where not (communications.is_incoming and communications.said_at <= issues.created_at + interval 1 minute)
),

stated as (
    select
        source_name,
        document_name as issue_name,
        record_key,
        changed_at as event_at,
        {{ erpnext_issue_status('old_value') }} as status_before,
        {{ erpnext_issue_status('new_value') }} as status
    from changes
    where field = 'status'
    union all
    select
        source_name,
        issue_name,
        record_key,
        said_at,
        null,
        'open'
    from said
    where is_incoming and not is_automatic
),

-- a new issue is Open; two statuses of the site's may be one of ours
followed as (
    select
        * replace (lag(status, 1, coalesce(status_before, 'open')) over (
            partition by source_name, issue_name order by event_at, status <> 'open', record_key
        ) as status_before)
    from stated
),

-- an answer that was no message, by telephone say: somebody set the status, and the site noted when
answered as (
    select issues.*
    from issues
    anti join said
        on issues.source_name = said.source_name
        and issues.issue_name = said.issue_name
        and said.actor_kind = 'agent'
    where issues.first_responded_at is not null
),

happened as (
    select
        source_name,
        issue_name,
        record_key,
        created_at as event_at,
        'created' as event_kind,
        'requester' as actor_kind,
        cast(null as varchar) as actor,
        cast(null as varchar) as from_value,
        cast(null as varchar) as to_value
    from issues
    union all
    select
        source_name,
        issue_name,
        record_key,
        event_at,
        'status',
        'system',
        null,
        status_before,
        status
    from followed
    where status <> status_before
    {%- for field, kind in [('priority', 'priority'), ('custom_team', 'team')] %}
    union all
    select
        source_name,
        document_name,
        record_key,
        changed_at,
        '{{ kind }}',
        'system',
        null,
        {{ priority_by_word('old_value') if kind == 'priority' else 'old_value' }},
        {{ priority_by_word('new_value') if kind == 'priority' else 'new_value' }}
    from changes
    where field = '{{ field }}'
    {%- endfor %}
    union all
    select
        source_name,
        issue_name,
        record_key,
        said_at,
        'public_reply',
        actor_kind,
        sender,
        null,
        null
    from said
    union all
    select
        source_name,
        issue_name,
        record_key,
        first_responded_at,
        'public_reply',
        'agent',
        null,
        null,
        null
    from answered
),

final as (
    select
        source_name || ':' || record_key || ':' || event_kind as event_id,
        source_name || ':' || issue_name as ticket_id,
        source_name,
        event_at,
        row_number() over (
            partition by source_name, issue_name
            order by event_at, event_kind <> 'created', record_key, event_kind
        ) as sequence,
        event_kind,
        actor_kind,
        actor,
        from_value,
        to_value
    from happened
)

select * from final
