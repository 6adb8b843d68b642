with
suggestions as (
    select * from {{ ref('int_suggestions') }}
),

project_lines as (
    select * from {{ ref('stg_files__projects') }}
),

projects as (
    select * from {{ ref('fct_projects') }}
),

-- the project names the suggestion by its number, or the register of suggestions names the project
linked as (
    select
        suggestions.suggestion_id,
        arg_min(project_lines.record_key, (project_lines.registered_on, project_lines.record_key)) as project_id,
        min(project_lines.registered_on) as registered_on
    from suggestions
    inner join project_lines
        on project_lines.suggestion in (suggestions.number, suggestions.suggestion_id)
        or lower(project_lines.project) = lower(suggestions.project)
    where not project_lines.is_deleted and project_lines.registered_on <= {{ as_of() }}
    group by suggestions.suggestion_id
),

followed as (
    select
        suggestions.*,
        linked.project_id,
        projects.project as project_name,
        linked.registered_on,
        projects.verdict,
        case when projects.verdict in ('verified', 'verified at a cost', 'not shown', 'worse') then least(projects.judged_from, {{ as_of() }}) end as judged_on
    from suggestions
    left join linked
        on suggestions.suggestion_id = linked.suggestion_id
    left join projects
        on linked.project_id = projects.project_id
),

-- whoever makes a project of it has assessed it, written down or not
dated as (
    select
        * replace (coalesce(assessed_on, registered_on) as assessed_on),
        case
            when judged_on is not null then 'judged'
            when registered_on is not null then 'registered'
            when is_closed then 'declined'
            when assessed_on is not null then 'assessed'
            else 'submitted'
        end as state
    from followed
),

final as (
    select
        suggestion_id,
        source_name,
        submitted_through,
        number,
        subject,
        coalesce(unit, 'unknown') as unit,
        submitter,
        state,
        submitted_on,
        assessed_on,
        registered_on,
        judged_on,
        project_id,
        project_name as project,
        verdict,
        date_diff('day', submitted_on, {{ as_of() }}) as age_days,
        date_diff('day', submitted_on, assessed_on) as days_to_assessment,
        date_diff('day', assessed_on, registered_on) as days_to_registration,
        date_diff('day', registered_on, judged_on) as days_to_verdict,
        date_diff('day', coalesce(judged_on, registered_on, assessed_on, submitted_on), {{ as_of() }}) as days_in_state
    from dated
)

select * from final
