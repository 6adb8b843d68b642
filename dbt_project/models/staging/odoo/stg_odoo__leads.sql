{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'crm_lead') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'name',
        'type',
        'partner_id',
        'user_id',
        'stage_id',
        'active',
        'expected_revenue',
        'company_id',
        'country_id',
        'lost_reason_id',
        'campaign_id',
        'medium_id',
        'date_conversion',
        'date_closed',
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
        try_cast(id as bigint) as lead_number,
        name,
        type as kind,
        try_cast(partner_id as bigint) as partner_id,
        try_cast(user_id as bigint) as user_id,
        try_cast(stage_id as bigint) as stage_id,
        active = 'true' as is_active,
        try_cast(expected_revenue as decimal(18, 4)) as amount,
        try_cast(company_id as bigint) as company_id,
        try_cast(country_id as bigint) as country_id,
        try_cast(lost_reason_id as bigint) as lost_reason_id,
        try_cast(campaign_id as bigint) as campaign_id,
        try_cast(medium_id as bigint) as medium_id,
        {{ utc('date_conversion') }} as converted_at,
        {{ utc('date_closed') }} as closed_at,
        {{ utc('create_date') }} as created_at,
        {{ utc('write_date') }} as changed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
