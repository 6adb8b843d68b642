-- An order is taken apart into its refunds and their lines here, once.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('shopify', 'orders') }}
),

parsed as (
    {{ parse('source', ['taxesIncluded', 'refunds'], nested=['refunds']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

-- one without any keeps one row, or a later reading of it could not replace an earlier one
opened as (
    select
        *,
        unnest(coalesce(nullif(json_transform(refunds, '[{
                "id": "VARCHAR", "createdAt": "VARCHAR", "note": "VARCHAR",
                "totalRefundedSet": {"shopMoney": {"amount": "DECIMAL(18,4)", "currencyCode": "VARCHAR"}},
                "refundLineItems": [{
                    "id": "VARCHAR", "restockType": "VARCHAR", "lineItem": {"id": "VARCHAR"}, "subtotalSet": {"shopMoney": {"amount": "DECIMAL(18,4)"}},
                    "totalTaxSet": {"shopMoney": {"amount": "DECIMAL(18,4)"}}
                }]
            }]'), []), [null])) as refund
    from newest
),

-- nor may a refund of no line be lost
lines as (
    select
        *,
        unnest(coalesce(nullif(refund.refundlineitems, []), [null])) as line
    from opened
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        {{ shopify_number('record_key') }} as order_number,
        {{ shopify_number('refund.id') }} as refund_number,
        nullif(refund.note, '') as note,
        {{ utc('refund.createdAt') }} as refunded_at,
        refund.totalrefundedset.shopmoney.amount as total_amount,
        refund.totalrefundedset.shopmoney.currencycode as currency,
        {{ shopify_number('line.id') }} as refund_line_number,
        {{ shopify_number('line.lineItem.id') }} as line_number,
        line.restocktype as restock_type,
        -- net of tax
        line.subtotalset.shopmoney.amount
        - case when try_cast(taxesincluded as boolean) then coalesce(line.totaltaxset.shopmoney.amount, 0) else 0 end as amount
    from lines
)

select * from renamed
