{{ config(materialized='view') }}

with
stated as (
    select * from {{ ref('int_ticket_headers__stated') }}
),

-- what one of us suggests is no customer's ticket
asked as (
    select * from stated
    where {{ is_suggestion('team', 'labels') }} is distinct from true
),

final as (
    {{ sound_rows('ticket', 'asked', without=['unknown_status', 'first_done_at', 'labels']) }}
)

select * from final
