-- Statements that block_destructive must let pass.
-- A case is what stands between two headings, comments and line ends included.

-- ## empty
;
-- ## only a comment
/* DROP TABLE users */
-- ## strings
SELECT 'DROP TABLE users'
-- ## strings
SELECT 'it''s; DROP TABLE users; --'
-- ## strings
SELECT $$DROP TABLE users$$
-- ## strings
SELECT E'\'; DROP TABLE users; --'
-- ## strings
SELECT $a$ DELETE FROM users; $b$ TRUNCATE $b$ $a$
-- ## strings
SELECT U&'\0044ROP TABLE users'
-- ## strings
INSERT INTO log (message) VALUES ('TRUNCATE users')
-- ## strings
SELECT * FROM log WHERE message LIKE '%DROP TABLE%'
-- ## strings
SELECT 'x\', '; DROP TABLE users; --'
-- ## comments
SELECT 1 -- DROP TABLE users
-- ## comments
SELECT /* DROP /* TABLE */ users */ 1
-- ## names
SELECT "drop", "delete" FROM "truncate"
-- ## names
SELECT t.drop, grant_id AS "grant" FROM t
-- ## names
CREATE TABLE "drop table" (a int)
-- ## names
SELECT drop_date, truncated, deleted_at FROM grants
-- ## names
SELECT dblink, pg_read_file FROM t
-- ## names
SELECT 1 AS pg_read_file
-- ## names
SELECT * FROM program
-- ## select
SELECT 1
-- ## select
SELECT * FROM users WHERE false
-- ## select
SELECT * FROM users WHERE true
-- ## select
SELECT count(*) FROM users
-- ## select
TABLE users
-- ## select
VALUES (1), (2)
-- ## select
SELECT * FROM users FOR UPDATE
-- ## select
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 10) SELECT sum(n) FROM t
-- ## select
SELECT u.name, sum(o.total) OVER (PARTITION BY u.id) FROM users u LEFT JOIN orders o USING (id)
-- ## select
SELECT * FROM generate_series(1, 10) g, LATERAL (SELECT g * 2) x
-- ## select
SELECT pg_sleep(0.1), now(), version(), current_setting('search_path')
-- ## select
SELECT pg_size_pretty(pg_total_relation_size('users'))
-- ## select
SELECT * FROM pg_stat_activity
-- ## select
SELECT trim(lower(name)), data->>'a', (point).x FROM users
-- ## insert
INSERT INTO users (name) VALUES ('a'), ('b') RETURNING id
-- ## insert
INSERT INTO users SELECT * FROM staging
-- ## insert
INSERT INTO users (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = excluded.name
-- ## insert
INSERT INTO users (id) VALUES (1) ON CONFLICT DO NOTHING
-- ## delete
DELETE FROM users WHERE id = 5
-- ## delete
DELETE FROM users WHERE id = $1
-- ## delete
DELETE FROM users WHERE id IN (1, 2, 3)
-- ## delete
DELETE FROM users WHERE created_at < now() - interval '1 year'
-- ## delete
DELETE FROM users WHERE 1=1 AND id = 5
-- ## delete
DELETE FROM users WHERE deleted_at IS NOT NULL
-- ## delete
DELETE FROM users WHERE false
-- ## delete
DELETE FROM users u USING orders o WHERE o.user_id = u.id AND o.fraud
-- ## delete
DELETE FROM users u WHERE EXISTS (SELECT 1 FROM banned b WHERE b.id = u.id)
-- ## delete
DELETE FROM users WHERE id IN (SELECT id FROM users WHERE old LIMIT 100)
-- ## delete
DELETE FROM users a USING users b WHERE a.id < b.id AND a.email = b.email
-- ## delete
DELETE FROM users WHERE CURRENT OF c
-- ## delete
WITH old AS (DELETE FROM log WHERE at < '2020-01-01' RETURNING *) INSERT INTO archive SELECT * FROM old
-- ## update
UPDATE users SET name = 'x' WHERE id = 5
-- ## update
UPDATE users SET name = 'DROP TABLE' WHERE active
-- ## update
UPDATE users u SET name = s.name FROM staging s WHERE s.id = u.id
-- ## update
UPDATE accounts SET balance = balance - 5 WHERE id = 1 OR id = 2
-- ## merge
MERGE INTO users u USING staging s ON u.id = s.id WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT VALUES (s.id)
-- ## explain
EXPLAIN DELETE FROM users
-- ## explain
EXPLAIN (COSTS off, ANALYZE false) UPDATE users SET admin = true
-- ## explain
EXPLAIN ANALYZE SELECT * FROM users
-- ## settings
SET search_path = app, public
-- ## settings
SET LOCAL statement_timeout = '5s'
-- ## settings
SET standard_conforming_strings = on
-- ## settings
SELECT pg_catalog.set_config('search_path', '', false)
-- ## settings
SELECT set_config(name, 'view, foreign-table', false) FROM pg_settings WHERE name = 'restrict_nonsystem_relation_kind'
-- ## settings
SELECT set_config('work_mem', '1MB', true), set_config('work_mem', '2MB', true)
-- ## settings
RESET ALL
-- ## settings
RESET ROLE
-- ## settings
SET SESSION AUTHORIZATION DEFAULT
-- ## settings
SHOW ALL
-- ## settings
SET TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY
-- ## settings
SET TIME ZONE 'UTC'
-- ## settings
DISCARD ALL
-- ## transactions
BEGIN; SAVEPOINT a; ROLLBACK TO a; COMMIT
-- ## copy
COPY users FROM STDIN
-- ## copy
COPY users (id, name) FROM STDIN WITH (FORMAT csv, HEADER)
-- ## copy
COPY (SELECT * FROM users) TO STDOUT
-- ## prepared
PREPARE p (int) AS SELECT * FROM users WHERE id = $1; EXECUTE p(1); DEALLOCATE p
-- ## prepared
DECLARE c CURSOR FOR SELECT * FROM users; FETCH 5 FROM c; CLOSE c
-- ## listen
LISTEN events; NOTIFY events, 'DROP TABLE users'
-- ## ddl
CREATE TABLE t (id int PRIMARY KEY, a text DEFAULT 'x', CHECK (length(a) > 1))
-- ## ddl
CREATE TEMP TABLE t AS SELECT * FROM users
-- ## ddl
CREATE TEMP TABLE t (a int) ON COMMIT DROP
-- ## ddl
INSERT INTO pg_temp.t VALUES (1); UPDATE pg_temp.t SET a = 2 WHERE a = 1
-- ## ddl
CREATE INDEX CONCURRENTLY i ON users (lower(email))
-- ## ddl
CREATE VIEW v AS SELECT id FROM users
-- ## ddl
ALTER TABLE users ADD COLUMN age int NOT NULL DEFAULT 0
-- ## ddl
ALTER TABLE users ALTER COLUMN age DROP NOT NULL
-- ## ddl
ALTER TABLE users ENABLE ROW LEVEL SECURITY
-- ## ddl
CREATE FUNCTION add(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b'
-- ## ddl
CREATE FUNCTION f(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE users SET n = n + 1 WHERE id = i; RETURN 1; END $$
-- ## ddl
CREATE TRIGGER t BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch()
-- ## ddl
CREATE EXTENSION IF NOT EXISTS pg_trgm
-- ## ddl
CREATE ROLE reader NOSUPERUSER NOLOGIN
-- ## ddl
COMMENT ON TABLE users IS 'do not DROP'
-- ## ddl
VACUUM (ANALYZE) users
-- ## ddl
REFRESH MATERIALIZED VIEW m
-- ## do
DO $$ BEGIN RAISE NOTICE 'DROP TABLE users'; END $$
-- ## do
DO $$ DECLARE n int; BEGIN SELECT count(*) INTO n FROM users; IF n > 5 THEN PERFORM pg_sleep(0); END IF; END $$
-- ## do
DO $$ BEGIN EXECUTE 'SELECT ' || '1'; END $$
-- ## do
DO $$ BEGIN -- DROP TABLE users
 DELETE FROM users WHERE id = 5; END $$
