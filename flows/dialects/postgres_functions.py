"""Functions of DuckDB that PostgreSQL lacks or understands otherwise, made in the schema of a build and gone with it."""

FUNCTIONS = r"""
create function meridian_item(anyarray, bigint) returns anyelement immutable language sql as $$ select ($1)[$2::integer] $$;
create function meridian_last_item(anyarray) returns anyelement immutable language sql as $$ select ($1)[cardinality($1)] $$;
create function meridian_later(anyelement, anyelement) returns anyelement immutable strict language sql as $$ select $2 $$;
-- the last that is not null
create aggregate meridian_last(anyelement) (sfunc = meridian_later, stype = anyelement);
create function meridian_sorted(anyarray) returns anyarray immutable language sql as $$
    select case when $1 is not null then array(select one from unnest($1) as each_ (one) order by one) end $$;
-- half away from zero, as DuckDB; PostgreSQL rounds a double's half to the even one, and only to whole numbers
create function meridian_round(double precision, integer) returns double precision immutable language sql as $$
    select case when $1 between -1e15 and 1e15 then sign($1) * floor(abs($1) * 10::double precision ^ $2 + 0.5) / 10::double precision ^ $2 else $1 end $$;
create function meridian_round(numeric, integer) returns numeric immutable language sql as $$ select round($1, $2) $$;
-- a whole double has its '.0' in DuckDB
create function meridian_text(double precision) returns text immutable language sql as $$
    select case when $1::text ~ '^-?[0-9]+$' then $1::text || '.0' else lower($1::text) end $$;
-- C's %g
create function meridian_g(double precision, integer) returns text immutable language plpgsql as $$
    declare
        digits integer := greatest($2, 1);
        exponent integer;
        said text;
    begin
        if $1 is null then return null; end if;
        if $1 = 0 then return '0'; end if;
        said := to_char(abs($1::text::numeric), '9.' || repeat('9', digits - 1) || 'EEEE');
        exponent := split_part(said, 'e', 2)::integer;
        if exponent < -4 or exponent >= digits then
            said := trim(split_part(said, 'e', 1));
            if said like '%.%' then said := rtrim(rtrim(said, '0'), '.'); end if;
            said := said || 'e' || case when exponent < 0 then '-' else '+' end || lpad(abs(exponent)::text, 2, '0');
        else
            said := round(abs($1::text::numeric), digits - 1 - exponent)::text;
            if said like '%.%' then said := rtrim(rtrim(said, '0'), '.'); end if;
        end if;
        return case when $1 < 0 then '-' else '' end || said;
    end $$;
-- PostgreSQL's own cast looks at 15 digits only
create function meridian_numeric(double precision) returns numeric immutable language sql as $$ select $1::text::numeric $$;
create function meridian_numeric(numeric) returns numeric immutable language sql as $$ select $1 $$;
create function meridian_numeric(text) returns numeric immutable language sql as $$ select $1::numeric $$;
create function meridian_numeric(boolean) returns numeric immutable language sql as $$ select $1::integer::numeric $$;
create function meridian_to_char(timestamp, text) returns text immutable language sql as $$ select to_char($1, $2) $$;
create function meridian_date_trunc(text, date) returns date immutable language sql as $$ select date_trunc($1, $2::timestamp)::date $$;
create function meridian_date_trunc(text, timestamp) returns timestamp immutable language sql as $$ select date_trunc($1, $2) $$;
create function meridian_epoch_us(timestamp) returns bigint immutable language sql as $$ select (extract(epoch from $1) * 1000000)::bigint $$;
create function meridian_epoch_us(timestamptz) returns bigint immutable language sql as $$ select (extract(epoch from $1) * 1000000)::bigint $$;
create function meridian_epoch_us(interval) returns bigint immutable language sql as $$ select (extract(epoch from $1) * 1000000)::bigint $$;
create function meridian_epoch_ms(timestamp) returns bigint immutable language sql as $$ select floor(extract(epoch from $1) * 1000)::bigint $$;
create function meridian_epoch(timestamp) returns double precision immutable language sql as $$ select extract(epoch from $1)::double precision $$;
create function meridian_epoch(timestamptz) returns double precision immutable language sql as $$ select extract(epoch from $1)::double precision $$;
create function meridian_epoch(interval) returns double precision immutable language sql as $$ select extract(epoch from $1)::double precision $$;
-- how many borders of the unit lie between the two
create function meridian_date_diff(text, timestamp, timestamp) returns bigint immutable language sql as $$
    select case $1
        when 'second' then floor(extract(epoch from $3)) - floor(extract(epoch from $2))
        when 'minute' then floor(extract(epoch from $3) / 60) - floor(extract(epoch from $2) / 60)
        when 'hour' then floor(extract(epoch from $3) / 3600) - floor(extract(epoch from $2) / 3600)
        when 'day' then $3::date - $2::date
        when 'week' then (date_trunc('week', $3)::date - date_trunc('week', $2)::date) / 7
        when 'month' then (extract(year from $3) - extract(year from $2)) * 12 + extract(month from $3) - extract(month from $2)
        when 'year' then extract(year from $3) - extract(year from $2)
    end::bigint $$;
create function meridian_regexp_extract(text, text, integer) returns text immutable language sql as $$
    select case when $1 is not null then
        coalesce(case when $3 = 0 then (regexp_match($1, '(' || $2 || ')'))[1] else (regexp_match($1, $2))[$3] end, '') end $$;
-- flows/analysis/erlang.py, step by step; PostgreSQL's exp() refuses what is too small for a double
create function meridian_agents_needed(contacts double precision, handling double precision, share double precision, within double precision)
returns double precision immutable language plpgsql as $$
    declare
        load double precision := contacts * handling / 60;
        blocked double precision := 1;
        agents integer := 0;
        waiting double precision;
    begin
        if not coalesce(load >= 0 and handling > 0 and share >= 0 and share < 1 and within >= 0, false) then return null; end if;
        if load = 0 then return 0; end if;
        loop
            agents := agents + 1;
            blocked := load * blocked / (agents + load * blocked);
            if agents > load then
                waiting := agents * blocked / (agents - load * (1 - blocked));
                if 1 - waiting * exp(greatest(-(agents - load) * within / handling, -700)) >= share then return agents; end if;
            end if;
        end loop;
    end $$;
create function meridian_try_numeric(text) returns numeric immutable language plpgsql as $$
    begin return trim($1)::numeric; exception when others then return null; end $$;
create function meridian_try_bigint(text) returns bigint immutable language plpgsql as $$
    begin return round(trim($1)::numeric)::bigint; exception when others then return null; end $$;
create function meridian_try_double(text) returns double precision immutable language plpgsql as $$
    begin return trim($1)::double precision; exception when others then return null; end $$;
create function meridian_try_date(text) returns date immutable language plpgsql as $$
    begin return trim($1)::date; exception when others then return null; end $$;
create function meridian_try_timestamp(text) returns timestamp immutable language plpgsql as $$
    begin return trim($1)::timestamp; exception when others then return null; end $$;
create function meridian_try_timestamptz(text) returns timestamptz immutable language plpgsql as $$
    begin return trim($1)::timestamptz; exception when others then return null; end $$;
"""
