{{ config(enabled=has_kind('odoo'), materialized='view') }}

with
tickets as (
    select * from {{ ref('stg_odoo__tickets') }}
),

tracking_values as (
    select * from {{ ref('stg_odoo__tracking_values') }}
),

messages as (
    select * from {{ ref('stg_odoo__messages') }}
),

stages as (
    select * from {{ ref('stg_odoo__ticket_stages') }}
),

teams as (
    select * from {{ ref('stg_odoo__ticket_teams') }}
),

users as (
    select * from {{ ref('stg_odoo__users') }}
),

history_as_built as (
    {{ as_built('int_ticket_history', {'event_id': 'varchar', 'ticket_id': 'varchar'}, schema='intermediate') }}
),

concerned as (
    {{ happened_since(ref('stg_odoo__tickets'), 'source_name, ticket_id', 'greatest(created_at, closed_at)') }}
    union
    {{ happened_since(ref('stg_odoo__tracking_values'), 'source_name, document_id as ticket_id', 'changed_at', also="model = 'helpdesk.ticket'") }}
    union
    {{ happened_since(ref('stg_odoo__messages'), 'source_name, ticket_id', 'said_at') }}
    union
    select source_name, ticket_id from tickets
    where {{ has_landed_tonight('stages') }} or {{ has_landed_tonight('teams') }} or {{ has_landed_tonight('users') }}
),

-- what is gone does not say any more of which ticket it told
gone as (
    select source_name || ':change:' || record_key as event_key from tracking_values where is_deleted and {{ landed_tonight() }}
    union all
    select source_name || ':message:' || record_key as event_key from messages where is_deleted and {{ landed_tonight() }}
),

final as (
    select source_name || ':' || ticket_id as ticket_id
    from concerned
    where ticket_id is not null
    union
    select history_as_built.ticket_id
    from history_as_built
    semi join gone
        on regexp_replace(history_as_built.event_id, ':[a-z_]+$', '') = gone.event_key
    union
    select source_name || ':' || record_key as ticket_id
    from tickets
    where is_deleted and {{ landed_tonight() }}
)

select * from final
