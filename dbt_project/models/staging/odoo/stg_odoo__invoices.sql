{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('odoo', 'account_move') }}
),

parsed as (
    {{ parse('source', [
        'id',
        'move_type',
        'state',
        'currency_id',
        'amount_untaxed',
        'reversed_entry_id',
        'ref',
        'invoice_origin',
        'x_reason',
        'x_fault',
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
        move_type as kind,
        state,
        try_cast(currency_id as bigint) as currency_id,
        try_cast(amount_untaxed as decimal(18, 4)) as untaxed_amount,
        try_cast(reversed_entry_id as bigint) as reversed_invoice_id,
        ref as reference,
        invoice_origin as origin,
        x_reason as reason,
        x_fault as fault,
        {{ utc('create_date') }} as created_at
    from parsed
)

select * from renamed
{{ newest_per_key() }}
