{# How far ahead rosters are looked at: a shift that nobody takes can still be filled two weeks before. #}
{% macro roster_days_ahead() %}14{% endmacro %}

{# What the company promises its customers: a calendar of this name in meridian.toml, or round the clock when there is none. #}
{% macro company_calendar() %}'company'{% endmacro %}
