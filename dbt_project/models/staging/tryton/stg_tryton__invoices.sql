{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('tryton', 'account_invoice') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'number',
        'reference',
        'type',
        'currency',
        'description',
        'comment',
        'untaxed_amount',
        'state',
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
        try_cast(id as bigint) as invoice_id,
        number,
        reference,
        type as kind,
        try_cast(currency as bigint) as currency_id,
        description,
        comment,
        try_cast(untaxed_amount as decimal(18, 4)) as untaxed_amount,
        state,
        {{ utc('create_date') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
