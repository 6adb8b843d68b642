-- An order is taken apart into its lines here, once.
{{ config(unique_key=['source_name', 'record_key']) }}

with
source as (
    select * from {{ source('shopify', 'orders') }}
),

parsed as (
    {{ parse('source', ['taxesIncluded', 'lineItems'], nested=['lineItems']) }}
),

newest as (
    select * from parsed
    {{ newest_per_key() }}
),

-- one without any keeps one row, or a later reading of it could not replace an earlier one
opened as (
    select
        *,
        unnest(coalesce(nullif(json_transform(lineitems, '[{
                "id": "VARCHAR", "sku": "VARCHAR", "title": "VARCHAR", "quantity": "DECIMAL(18,4)", "currentQuantity": "DECIMAL(18,4)",
                "variant": {"id": "VARCHAR"}, "discountedTotalSet": {"shopMoney": {"amount": "DECIMAL(18,4)", "currencyCode": "VARCHAR"}},
                "taxLines": [{"priceSet": {"shopMoney": {"amount": "DECIMAL(18,4)"}}}]
            }]'), []), [null])) as line
    from newest
),

renamed as (
    select
        source_name,
        record_key,
        batch_id,
        ordinal,
        is_deleted,
        {{ shopify_number('record_key') }} as order_number,
        {{ shopify_number('line.id') }} as line_number,
        {{ shopify_number('line.variant.id') }} as variant_number,
        nullif(line.sku, '') as sku,
        line.title as name,
        line.quantity,
        line.currentquantity as current_quantity,
        -- net of tax, after every discount
        line.discountedtotalset.shopmoney.amount
        - case
            when try_cast(taxesincluded as boolean) then coalesce(list_sum([tax.priceSet.shopMoney.amount for tax in line.taxlines]), 0)
            else 0
        end as amount,
        line.discountedtotalset.shopmoney.currencycode as currency
    from opened
)

select * from renamed
