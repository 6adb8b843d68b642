{{ config(enabled=has_kind('request_tracker')) }}

with
transactions as (
    select * from {{ ref('stg_request_tracker__transactions') }}
    where not is_deleted and object_type = 'RT::Ticket'
),

users as (
    select * from {{ ref('stg_request_tracker__users') }}
),

tickets as (
    select * from {{ ref('stg_request_tracker__tickets') }}
),

requestors as (
    select distinct
        source_name,
        unnest(requestors) as user_name
    from tickets
),

owners as (
    select source_name, owner as user_name from tickets
    union
    select
        transactions.source_name,
        users.user_name
    from transactions
    inner join users
        on transactions.source_name = users.source_name
        and transactions.new_value = cast(users.user_number as varchar)
    where transactions.transaction_type = 'Set' and transactions.field = 'Owner'
),

-- Accounts do not say whose they are. Who asked for something somewhere and never owned a ticket is a customer, also where he
-- answers on a ticket that a colleague of his opened.
customers as (
    select * from requestors
    except
    select * from owners
),

final as (
    select
        users.source_name,
        users.user_name,
        cast(users.user_number as varchar) as user_number,
        coalesce(users.email, users.user_name) as actor,
        case
            when users.user_name in ('RT_System', 'Nobody') then 'system'
            when users.is_robot then 'bot'
            when customers.user_name is not null then 'requester'
            else 'agent'
        end as actor_kind
    from users
    left join customers using (source_name, user_name)
)

select * from final
