{{ config(materialized='view') }}

with
stated as (
    select * from {{ ref('int_orders__stated') }}
),

sound as (
    {{ sound_rows('order', 'stated') }}
),

final as (
    select
        sound.*,
        -- told from what happened and not from the source's word, so that it can be told again for an earlier day
        case
            when sound.cancelled_at is not null then 'cancelled'
            when sound.delivered_at is not null then 'done'
            when coalesce(sound.picked_at, sound.packed_at, sound.shipped_at) is not null then 'processing'
            when sound.confirmed_at is not null then 'confirmed'
            when sound.placed_at is not null then 'placed'
            else 'draft'
        end as status
    from sound
)

select * from final
