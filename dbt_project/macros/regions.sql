{#
    The sales region of a country written in English, for sources that know countries only. What is neither American nor
    Asian-Pacific is EMEA; a country that is not told is null.
#}
{% macro region_of_country_name(country) -%}
    case
        when {{ country }} is null then null
        when {{ country }} in ('USA', 'United States', 'Canada', 'Mexico', 'Brazil', 'Argentina', 'Chile', 'Colombia') then 'AMER'
        when {{ country }} in (
            'Australia', 'New Zealand', 'Japan', 'China', 'Hong Kong', 'Taiwan', 'South Korea', 'Singapore', 'Malaysia',
            'Thailand', 'Vietnam', 'Philippines', 'Indonesia', 'India'
        ) then 'APAC'
        else 'EMEA'
    end
{%- endmacro %}
