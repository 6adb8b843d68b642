{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'sales_orders') }}
),

parsed as (
    {{ parse('source', [
        'name',
        'customer',
        'company',
        'currency',
        'territory',
        'source',
        'utm_source',
        'campaign',
        'utm_campaign',
        'delivery_date',
        'set_warehouse',
        'docstatus',
        'workflow_state',
        'amended_from',
        'custom_requested_on',
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
        name as order_name,
        customer as customer_name,
        company,
        currency,
        territory,
        -- Lead Source became UTM Source in version 15
        coalesce(utm_source, source) as channel,
        coalesce(utm_campaign, campaign) as campaign,
        try_cast(delivery_date as date) as delivery_on,
        set_warehouse as warehouse_key,
        try_cast(docstatus as bigint) as docstatus,
        workflow_state,
        amended_from,
        try_cast(custom_requested_on as date) as requested_on,
        {{ site_instant('creation') }} as created_at,
        {{ site_instant('modified') }} as changed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
