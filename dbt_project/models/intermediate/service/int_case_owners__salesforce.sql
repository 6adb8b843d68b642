{{ config(enabled=has_kind('salesforce'), materialized='view') }}

with
cases as (
    select * from {{ ref('stg_salesforce__cases') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || case_id", 'ticket_id') }}
),

changes as (
    select * from {{ ref('stg_salesforce__case_changes') }}
    where {{ only_changed('int_changed_tickets', "source_name || ':' || case_id", 'ticket_id') }}
),

groups as (
    select * from {{ ref('stg_salesforce__groups') }}
),

actors as (
    select * from {{ ref('int_actors__salesforce') }}
),

-- a change of owner is told twice, by names and by ids
moves as (
    select * from changes
    where not is_deleted and field = 'Owner' and regexp_full_match(new_value, '00[5G]\w{12,15}')
),

first_owners as (
    select
        source_name,
        case_id,
        arg_min(old_value, (changed_at, record_key)) as owner_id
    from moves
    group by source_name, case_id
),

stretches as (
    select
        cases.source_name,
        cases.case_id,
        '' as record_key,
        cases.created_at as since,
        coalesce(first_owners.owner_id, cases.owner_id) as owner_id,
        cast(null as varchar) as changed_by
    from cases
    left join first_owners
        on cases.source_name = first_owners.source_name
        and cases.case_id = first_owners.case_id
    where not cases.is_deleted
    union all
    select
        source_name,
        case_id,
        record_key,
        changed_at,
        new_value,
        changed_by
    from moves
),

named as (
    select
        stretches.*,
        groups.group_name,
        case when stretches.owner_id like '005%' then coalesce(actors.actor, 'user ' || stretches.owner_id) end as assignee
    from stretches
    left join groups
        on stretches.source_name = groups.source_name
        and stretches.owner_id = groups.group_id
        and not groups.is_deleted
    left join actors
        on stretches.source_name = actors.source_name
        and stretches.owner_id = actors.user_id
),

-- whoever takes a case out of a queue works for that queue's team
teamed as (
    select
        *,
        last_value(group_name ignore nulls) over (
            partition by source_name, case_id
            order by since, record_key
            rows between unbounded preceding and current row
        ) as team
    from named
),

final as (
    select
        source_name,
        case_id,
        record_key,
        since,
        changed_by,
        team,
        assignee,
        lag(team) over owners as previous_team,
        lag(assignee) over owners as previous_assignee,
        row_number() over owners as owner_number,
        lead(since) over owners is null as is_last
    from teamed
    window owners as (partition by source_name, case_id order by since, record_key)
)

select * from final
