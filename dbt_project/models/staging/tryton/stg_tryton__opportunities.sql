{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'sale_opportunity') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'number',
        'party',
        'address',
        'employee',
        'currency',
        'amount',
        'end_date',
        'lost_reason',
        'state',
        'marketing_medium',
        'marketing_campaign',
        'create_date',
    ]) }}
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        try_cast(id as bigint) as opportunity_id,
        number,
        try_cast(party as bigint) as party_id,
        try_cast(address as bigint) as address_id,
        try_cast(employee as bigint) as employee_id,
        try_cast(currency as bigint) as currency_id,
        try_cast(amount as decimal(18, 4)) as amount,
        try_cast(end_date as date) as ended_on,
        lost_reason,
        state,
        try_cast(marketing_medium as bigint) as medium_id,
        try_cast(marketing_campaign as bigint) as campaign_id,
        {{ utc('create_date') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
