{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('erpnext', 'opportunities') }}
),

parsed as (
    {{ parse('source', [
        'name',
        'opportunity_from',
        'party_name',
        'status',
        'sales_stage',
        'opportunity_owner',
        'opportunity_amount',
        'currency',
        'territory',
        'source',
        'utm_source',
        'campaign',
        'utm_campaign',
        'lost_reasons',
        'order_lost_reason',
        'creation',
        'modified',
        '_time_zone',
    ], nested=['lost_reasons']) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        name as opportunity_name,
        opportunity_from,
        party_name,
        status,
        sales_stage,
        opportunity_owner as owner,
        try_cast(opportunity_amount as decimal(18, 4)) as amount,
        currency,
        territory,
        coalesce(utm_source, source) as channel,
        coalesce(utm_campaign, campaign) as campaign,
        coalesce(json_transform(lost_reasons, '[{"lost_reason": "VARCHAR"}]')[1].lost_reason, order_lost_reason) as lost_reason,
        {{ site_instant('creation') }} as created_at,
        {{ site_instant('modified') }} as changed_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
