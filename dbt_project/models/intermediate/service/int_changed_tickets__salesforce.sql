{{ config(enabled=has_kind('salesforce'), materialized='view') }}

with
cases as (
    select * from {{ ref('stg_salesforce__cases') }}
),

changes as (
    select * from {{ ref('stg_salesforce__case_changes') }}
),

comments as (
    select * from {{ ref('stg_salesforce__case_comments') }}
),

emails as (
    select * from {{ ref('stg_salesforce__email_messages') }}
),

statuses as (
    select * from {{ ref('stg_salesforce__case_statuses') }}
),

groups as (
    select * from {{ ref('stg_salesforce__groups') }}
),

actors as (
    select * from {{ ref('int_actors__salesforce') }}
),

actors_as_built as (
    {{ as_built('built_actors__salesforce', {'source_name': 'varchar', 'user_id': 'varchar', 'actor': 'varchar', 'actor_kind': 'varchar'}) }}
),

history_as_built as (
    {{ as_built('int_ticket_history', {'event_id': 'varchar', 'ticket_id': 'varchar'}, schema='intermediate') }}
),

-- users of an organisation are its employees: hardly ever does one change what is shown of him
changed_actors as (
    select * from actors
    except
    select * from actors_as_built
),

concerned as (
    {{ happened_since(ref('stg_salesforce__cases'), 'source_name, case_id', 'created_at') }}
    union
    {{ happened_since(ref('stg_salesforce__case_changes'), 'source_name, case_id', 'changed_at') }}
    union
    {{ happened_since(ref('stg_salesforce__case_comments'), 'source_name, case_id', 'created_at') }}
    union
    {{ happened_since(ref('stg_salesforce__email_messages'), 'source_name, case_id', 'sent_at') }}
    union
    select source_name, case_id from cases
    where {{ has_landed_tonight('statuses') }} or {{ has_landed_tonight('groups') }} or exists (select 1 from changed_actors)
),

final as (
    select source_name || ':' || case_id as ticket_id
    from concerned
    where case_id is not null
    union
    {{ tickets_of_events_gone_tonight(['changes', 'comments', 'emails']) }}
    union
    select source_name || ':' || record_key as ticket_id
    from cases
    where is_deleted and {{ landed_tonight() }}
)

select * from final
