{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'sale_order') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'name',
        'partner_id',
        'partner_shipping_id',
        'date_order',
        'state',
        'commitment_date',
        'warehouse_id',
        'currency_id',
        'company_id',
        'opportunity_id',
        'campaign_id',
        'medium_id',
        'x_requested_on',
        'create_date',
        'write_date',
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as sale_id,
        name as number,
        try_cast(partner_id as bigint) as partner_id,
        try_cast(partner_shipping_id as bigint) as shipping_partner_id,
        {{ utc('date_order') }} as ordered_at,
        state,
        {{ utc('commitment_date') }} as promised_at,
        try_cast(warehouse_id as bigint) as warehouse_id,
        try_cast(currency_id as bigint) as currency_id,
        try_cast(company_id as bigint) as company_id,
        try_cast(opportunity_id as bigint) as lead_number,
        try_cast(campaign_id as bigint) as campaign_id,
        try_cast(medium_id as bigint) as medium_id,
        try_cast(x_requested_on as date) as requested_on,
        {{ utc('create_date') }} as created_at,
        {{ utc('write_date') }} as changed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
