{{ config(enabled=has_kind('salesforce')) }}

with
cases as (
    select * from {{ ref('stg_salesforce__cases') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || case_id", 'ticket_id') }}
),

changes as (
    select * from {{ ref('stg_salesforce__case_changes') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || case_id", 'ticket_id') }}
),

comments as (
    select * from {{ ref('stg_salesforce__case_comments') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || case_id", 'ticket_id') }}
),

emails as (
    select * from {{ ref('stg_salesforce__email_messages') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || case_id", 'ticket_id') }}
),

owners as (
    select * from {{ ref('int_case_owners__salesforce') }}
    where owner_number > 1
),

words as (
    select * from {{ ref('int_case_words__salesforce') }}
),

actors as (
    select * from {{ ref('int_actors__salesforce') }}
),

happened as (
    select
        source_name,
        case_id,
        record_key,
        created_at as event_at,
        'created' as event_kind,
        contact_id as actor_id,
        cast(null as varchar) as from_value,
        cast(null as varchar) as to_value
    from cases
    where not is_deleted
    union all
    select
        changes.source_name,
        changes.case_id,
        changes.record_key,
        changes.changed_at,
        'status',
        changes.changed_by,
        coalesce(words_before.ticket_status, 'open'),
        coalesce(words.ticket_status, 'open')
    from changes
    left join words
        on changes.source_name = words.source_name
        and changes.new_value = words.status
    left join words as words_before
        on changes.source_name = words_before.source_name
        and changes.old_value = words_before.status
    where not changes.is_deleted and changes.field = 'Status'
        -- two statuses of the organisation may be one of ours
        and coalesce(words_before.ticket_status, 'open') <> coalesce(words.ticket_status, 'open')
    union all
    select
        source_name,
        case_id,
        record_key,
        changed_at,
        'priority',
        changed_by,
        {{ priority_by_word('old_value') }},
        {{ priority_by_word('new_value') }}
    from changes
    where not is_deleted and field = 'Priority'
    {%- for kind in ['team', 'assignee'] %}
    union all
    select
        source_name,
        case_id,
        record_key,
        since,
        '{{ kind }}',
        changed_by,
        previous_{{ kind }},
        {{ kind }}
    from owners
    where {{ kind }} is distinct from previous_{{ kind }}
    {%- endfor %}
    union all
    select
        source_name,
        case_id,
        record_key,
        created_at,
        if(is_public, 'public_reply', 'private_note'),
        author_id,
        null,
        null
    from comments
    where not is_deleted
    union all
    select
        source_name,
        case_id,
        record_key,
        sent_at,
        'public_reply',
        if(is_incoming, '', author_id),
        null,
        null
    from emails
    -- "EmailMessage", Status: 5 is a draft
    where not is_deleted and status is distinct from '5'
),

final as (
    select
        happened.source_name || ':' || happened.record_key || ':' || happened.event_kind as event_id,
        happened.source_name || ':' || happened.case_id as ticket_id,
        happened.source_name,
        happened.event_at,
        row_number() over (
            partition by happened.source_name, happened.case_id
            order by happened.event_at, happened.event_kind <> 'created', happened.record_key, happened.event_kind
        ) as sequence,
        happened.event_kind,
        -- an e-mail that came in was sent by no user of ours
        case
            when happened.event_kind = 'created' or happened.actor_id = '' then 'requester'
            else coalesce(actors.actor_kind, 'system')
        end as actor_kind,
        actors.actor,
        happened.from_value,
        happened.to_value
    from happened
    left join actors
        on happened.source_name = actors.source_name
        and happened.actor_id = actors.user_id
    where happened.case_id is not null
)

select * from final
