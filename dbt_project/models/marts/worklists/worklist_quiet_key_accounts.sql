with
orders as (
    select * from {{ ref('fct_orders') }}
),

leads as (
    select * from {{ ref('fct_leads') }}
),

customers as (
    select * from {{ ref('dim_customers') }}
),

bought as (
    select
        customer_id,
        sum(net_amount) as net_amount,
        max(placed_on) as last_order_on
    from orders
    where status <> 'cancelled'
        and placed_on > {{ as_of() }} - 365
        and customer_id is not null
    group by customer_id
    -- amounts in a currency without a rate are unknown
    having sum(net_amount) > 0
),

-- one order is a purchase, not an account
accounts as (
    select
        bought.*,
        row_number() over (order by bought.net_amount desc, bought.customer_id) as place
    from bought
    inner join customers
        on bought.customer_id = customers.customer_id
    where customers.order_count > 1
),

courted as (
    select
        customer_id,
        max({{ reporting_day('created_at') }}) as last_lead_on
    from leads
    group by customer_id
),

quiet as (
    select
        accounts.customer_id,
        customers.customer_number,
        customers.region,
        accounts.place,
        accounts.net_amount,
        greatest(accounts.last_order_on, coalesce(courted.last_lead_on, accounts.last_order_on)) as last_contact_on,
        {{ as_of() }} - greatest(accounts.last_order_on, coalesce(courted.last_lead_on, accounts.last_order_on)) as quiet_days
    from accounts
    inner join customers
        on accounts.customer_id = customers.customer_id
    left join courted
        on accounts.customer_id = courted.customer_id
    where accounts.place <= {{ worklist_limit('key_accounts') }}
),

waiting as (
    select *
    from quiet
    where quiet_days > {{ worklist_limit('quiet_days') }}
),

final as (
    {{ worklist(
        'quiet_key_accounts', 'waiting', key='customer_id', subject="coalesce(customer_number, customer_id)",
        evidence_en="'Number ' || place || ' by revenue of a year (' || cast(round(net_amount) as bigint) || ' ' || " ~ reporting_currency() ~ " || '), last heard of on ' || last_contact_on",
        evidence_zh="'年营收第 ' || place || ' 名(' || cast(round(net_amount) as bigint) || ' ' || " ~ reporting_currency() ~ " || '),最近联系 ' || last_contact_on",
        owner='sales_lead', due_at=as_of() ~ ' + 1', severity="'warn'", value='quiet_days', threshold=worklist_limit('quiet_days'),
        more=['customer_id', 'region', 'last_contact_on']
    ) }}
)

select * from final
