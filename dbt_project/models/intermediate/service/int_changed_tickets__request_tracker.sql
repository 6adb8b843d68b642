{{ config(enabled=has_kind('request_tracker'), materialized='view') }}

with
tickets as (
    select * from {{ ref('stg_request_tracker__tickets') }}
),

transactions as (
    select * from {{ ref('stg_request_tracker__transactions') }}
),

queues as (
    select * from {{ ref('stg_request_tracker__queues') }}
),

custom_fields as (
    select * from {{ ref('stg_request_tracker__custom_fields') }}
),

actors as (
    select * from {{ ref('int_actors__request_tracker') }}
),

actors_as_built as (
    {{ as_built('built_actors__request_tracker', {
        'source_name': 'varchar',
        'user_name': 'varchar',
        'user_number': 'varchar',
        'actor': 'varchar',
        'actor_kind': 'varchar',
    }) }}
),

-- who is a customer is told by all tickets together, so one ticket may change what a person was on another
changed_actors as (
    select source_name, user_name, user_number from (
        select source_name, user_name, user_number, actor, actor_kind from actors
        except
        select * from actors_as_built
    )
),

concerned as (
    {{ happened_since(ref('stg_request_tracker__tickets'), 'source_name, ticket_number', 'created_at') }}
    union
    {{ happened_since(ref('stg_request_tracker__transactions'), 'source_name, ticket_number', 'created_at') }}
    union
    select source_name, ticket_number from tickets where {{ has_landed_tonight('queues') }} or {{ has_landed_tonight('custom_fields') }}
    union
    select tickets.source_name, tickets.ticket_number
    from tickets
    semi join changed_actors on tickets.source_name = changed_actors.source_name and tickets.owner = changed_actors.user_name
    union
    select transactions.source_name, transactions.ticket_number
    from transactions
    semi join changed_actors on transactions.source_name = changed_actors.source_name and transactions.creator = changed_actors.user_name
    {%- for owner in ['old_value', 'new_value'] %}
    union
    select transactions.source_name, transactions.ticket_number
    from transactions
    semi join changed_actors on transactions.source_name = changed_actors.source_name and transactions.{{ owner }} = changed_actors.user_number
    where transactions.transaction_type = 'Set' and transactions.field = 'Owner'
    {%- endfor %}
),

final as (
    select source_name || ':' || ticket_number as ticket_id
    from concerned
    where ticket_number is not null
    union
    select source_name || ':' || record_key as ticket_id
    from tickets
    where is_deleted and {{ landed_tonight() }}
)

select * from final
