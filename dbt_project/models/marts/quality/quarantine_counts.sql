with
quarantine as (
    select * from {{ ref('quarantine') }}
),

row_counts as (
    select * from {{ ref('int_ruled_row_counts') }}
),

counted as (
    select
        source_name,
        entity,
        reason,
        any_value(reason_en) as reason_en,
        any_value(reason_zh) as reason_zh,
        bool_and(is_left_out) as is_left_out,
        count(*) as rows_quarantined,
        count(*) filter (where first_seen_on > {{ as_of() }} - 7) as rows_new
    from quarantine
    group by source_name, entity, reason
),

final as (
    select
        counted.source_name,
        counted.entity,
        counted.reason,
        counted.reason_en,
        counted.reason_zh,
        counted.is_left_out,
        row_counts.rows_in,
        counted.rows_quarantined,
        counted.rows_new,
        {{ ratio('counted.rows_quarantined', 'row_counts.rows_in') }} as quarantined_share,
        -- a slip or two is somebody's day; more, and as many as one row in a thousand, is something that makes them
        counted.rows_new >= 3 and counted.rows_new * 1000 >= row_counts.rows_in as is_growing,
        {{ as_of() }} as as_of
    from counted
    inner join row_counts
        on counted.source_name = row_counts.source_name
        and counted.entity = row_counts.entity
)

select * from final
